// Types of the HTTP API. Generated from its OpenAPI description by `./run manage typescript`: do not edit.
// `paths` has the form that openapi-fetch takes: createClient<paths>({ baseUrl }).

export type AcceptInput = {
    book: string;
    /** The account's key. */
    broker: string;
    policy: AcceptInputPolicyEnum;
    symbol?: string;
};

/**
 * * `adopt` - adopt
 * * `ignore` - ignore
 */
export type AcceptInputPolicyEnum = "adopt" | "ignore";

/** What was booked, or left to others, without an order of ours. */
export type AdjustmentOutput = {
    book: string;
    policy: AdjustmentOutputPolicyEnum;
    strategy?: string;
    symbol: string;
    broker: string;
    side: string;
    quantity: string;
    price: string;
    /** What our books said before. */
    ours: string;
    /** What the account held. */
    theirs: string;
    reason?: string;
    /** Who accepted it; empty where the policy did. */
    by?: string;
    at: string;
};

export type AdjustmentOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: AdjustmentOutput[];
};

/**
 * * `adopt` - adopt
 * * `ignore` - ignore
 * * `pause` - pause
 */
export type AdjustmentOutputPolicyEnum = "adopt" | "ignore" | "pause";

/** What people must know of orders and accounts. */
export type AlarmOutput = {
    book: string;
    /** The kind, for machines. */
    what: string;
    text: string;
    readonly at: string;
};

export type AlarmOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: AlarmOutput[];
};

/** Where a person consents; the address is good for ten minutes, for the one who asked. */
export type AuthorizeOutput = {
    authorization_url: string;
    url: string;
    expires_in: number;
};

export type BackfillInput = {
    symbols: string[];
    timeframe?: string;
    /** How far back; else as the depths say. */
    days?: number;
    start?: string;
    end?: string;
    /** A feed, or archive; else the default feed. */
    source?: string;
};

export type BackfillOutput = {
    job: number;
    /** queued, running, done or failed. */
    state: string;
    source: string;
    timeframe: string;
    start: string;
    end: string;
    /** What the source cannot give of what was asked. */
    note: string;
    symbols: number;
    done: number;
    failed: number;
    /** Received. */
    bars: number;
    /** New in the archive. */
    added: number;
    error: string;
};

export type BlankEnum = "";

/** The documents that the engine's own declarations check; docs/guides/risk.md has every field. */
export type BookRules = {
    /** Limits of the book, its strategies and accounts. */
    risk?: {
        [key: string]: unknown;
    };
    /** Cash at each account, and how each strategy sizes. */
    sizing?: {
        [key: string]: unknown;
    };
    /** What counts as the same bet; empty: nothing. */
    correlation?: {
        [key: string]: unknown;
    };
    /** How simulated orders are filled. */
    fills?: {
        [key: string]: unknown;
    };
    /** What is done about trades by hand and such. */
    execution?: {
        [key: string]: unknown;
    };
};

export type CampaignInput = {
    /** Included. */
    start?: string | null;
    /** Included. */
    end?: string | null;
};

/** One feed's universe. */
export type CarriedOutput = {
    feed: string;
    /** The mode: popular, all, large, mid, small or custom. */
    universe: string;
    timeframe: string;
    streamed: string[];
    polled: string[];
    excluded: ExcludedOutput[];
    summary: string;
};

/** How an account stood when it was last compared. */
export type CheckOutput = {
    book: string;
    /** The account's key. */
    broker: string;
    state: CheckOutputStateEnum;
    reason?: string;
    /** Why it was compared just then. */
    trigger?: string;
    /** Symbols in which the account holds something else. */
    differences?: unknown;
    /** Differences that are no positions, in words. */
    problems?: unknown;
    /** What is worth telling and keeps nobody back. */
    notes?: unknown;
    /** No entries in the account; else in those symbols only. */
    blocks_all?: boolean;
    cash?: string | null;
    net_liquidation?: string | null;
    buying_power?: string | null;
    orders?: number;
    fills?: number;
    positions?: number;
    at: string;
};

/**
 * * `green` - green
 * * `red` - red
 * * `unknown` - unknown
 */
export type CheckOutputStateEnum = "green" | "red" | "unknown";

/** A command on its way; the book's process answers in the command's record and on the page. */
export type CommandOutput = {
    success?: boolean;
    command: string;
    kind: string;
    state: string;
};

/** What a person told a book, who it was, and what became of it. */
export type CommandRecordOutput = {
    command: string;
    kind: string;
    /** null while it is not known */
    success: boolean | null;
    state?: CommandRecordOutputStateEnum;
    /** What an accepted signal has come to. */
    outcome?: string;
    detail?: string;
    book: string;
    by?: string;
    at: string;
    payload: unknown;
    readonly orders: {
        [key: string]: string;
    }[];
};

export type CommandRecordOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: CommandRecordOutput[];
};

/**
 * * `sent` - sent
 * * `accepted` - accepted
 * * `refused` - refused
 */
export type CommandRecordOutputStateEnum = "sent" | "accepted" | "refused";

export type CredentialsInput = {
    current_password: string;
    new_password: string;
};

/** Why something did or did not happen. */
export type DecisionOutput = {
    readonly id: number;
    kind: KindEnum;
    strategy?: string;
    symbol?: string;
    timeframe?: string;
    target?: number | null;
    confidence?: number | null;
    reason?: string;
    rule?: string;
    value?: string;
    limit?: string;
    evidence?: unknown;
    client_id?: string;
    bar_ts?: number;
    at: string;
};

export type DecisionOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: DecisionOutput[];
};

export type DemoteInput = {
    why: string;
    /**
     * Else as the settings say.
     *
     * * `exits` - its exits carry on
     * * `flatten` - it is closed
     */
    position?: DemotedPosition;
};

/**
 * * `exits` - its exits carry on
 * * `flatten` - it is closed
 */
export type DemotedPosition = "exits" | "flatten";

export type DepthOutput = {
    /** It and all that are longer, up to the next one; ticks, volume: all. */
    timeframe: string;
    /** How far back a backfill goes unless somebody says so. */
    days: number;
    /** Since when the source has it; null: not known. */
    kept_since: string | null;
};

/** One order for each account in `quantities`: account → quantity. */
export type EntryInput = {
    symbol: string;
    side: Side;
    quantities: {
        [key: string]: string;
    };
    type?: TypeEnum;
    limit_price?: string | null;
    stop_price?: string | null;
    /** Distance of a trailing stop, in price. */
    trail?: string | null;
    tif?: TifEnum;
    /** The stop of what is bought or sold. */
    stop_loss?: string | null;
    /** The target of what is bought or sold. */
    take_profit?: string | null;
    book?: string;
};

export type ExcludedOutput = {
    symbol: string;
    reason: string;
};

/** Prices at which what is held is closed; one that is left out stays as it is. */
export type ExitsInput = {
    book: string;
    strategy: string;
    symbol: string;
    /** The account's key. */
    broker: string;
    stop?: string | null;
    target?: string | null;
    idempotency_key?: string;
};

/** The capability table of one venue. */
export type FeaturesOutput = {
    broker: string;
    title: string;
    asset_classes: string[];
    order_types: string[];
    time_in_force: string[];
    has_paper: boolean;
    extended_hours: boolean;
    one_cancels_other: boolean;
    client_order_ids: boolean;
    linked_reversal: string[];
    fractional: string[];
    fraction_step: string;
    orders_per_minute: number | null;
    paired_exits: string[];
    moves_stops: boolean;
    needs_gateway: boolean;
    reasons: {
        [key: string]: string;
    };
};

/** What a feed's vendor allows it, as it is configured, and what it makes of that; null where nothing is stated. */
export type FeedLimitsOutput = {
    feed: string;
    kind: string;
    symbols: number | null;
    /** What the limit of symbols is counted for: connection, service. */
    symbols_each: string;
    symbols_carried: number;
    /** Symbols that it does not get, with why; a hundred at most. */
    refused: {
        [key: string]: string;
    };
    /** Streams of one login at a time. */
    connections: number | null;
    /** What the connections are counted for. */
    line: string;
    symbols_a_message: number | null;
    message_bytes: number | null;
    /** For history. */
    requests_per_minute: number | null;
    /** How far back bars are kept, by timeframe; 0: none. */
    history_days: {
        [key: string]: number;
    };
    history_since: string;
};

export type FigureOutput = {
    /** book, strategy … or account … */
    of: string;
    /** The limit's name. */
    name: string;
    used: number;
    /** Exact; null where it is not limited. */
    limit: string | null;
};

/** One fingerprint in a list. */
export type FingerprintLine = {
    readonly id: number;
    name?: string;
    symbol: string;
    timeframe: string;
    state?: SearchState;
    /** Steps that are finished, while it works. */
    done?: number;
    total?: number;
    bars?: number;
    days?: number;
    error?: string;
    readonly created_at: string;
    finished_at?: string | null;
};

export type FingerprintLinePage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: FingerprintLine[];
};

/** One fingerprint; `result` is there when it is done. */
export type FingerprintOutput = {
    readonly id: number;
    name?: string;
    symbol: string;
    timeframe: string;
    state?: SearchState;
    /** Steps that are finished, while it works. */
    done?: number;
    total?: number;
    bars?: number;
    days?: number;
    error?: string;
    readonly created_at: string;
    finished_at?: string | null;
    is_cancelling?: boolean;
    /** What was asked for, in canonical spelling. */
    spec: unknown;
    attempts?: number;
    /** Digest of the bars. */
    dataset?: string;
    /** Part of the product → digest of its code when it ran. */
    versions?: unknown;
    result?: unknown;
    started_at?: string | null;
};

/** Further keys are parameters of the strategy (period_1, trend_line_1 …) or `{account}_quantity`. */
export type FlatTicker = {
    strategy: string;
    symbol: string;
    timeframe: string;
    schwab_quantity?: number;
    tastytrade_quantity?: number;
    trade_enabled?: boolean;
};

export type FlattenInput = {
    strategy?: string;
    symbol?: string;
    book?: string;
};

export type FoundFeedOutput = {
    name: string;
    /** fresh, stale, gapped, suspect or unknown; none: no feed has it. */
    state: string;
    reason: string;
};

export type FoundOutput = {
    symbol: string;
    name: string;
    asset_class: string;
    venue: string;
    trade: FoundTradeOutput;
    feed: FoundFeedOutput;
    has_daily_options: boolean;
    /** That have it among their tickers. */
    strategies: string[];
};

export type FoundTradeOutput = {
    /** Accounts; empty: it cannot be traded. */
    at: string[];
    /** Why not at others. */
    problems: string[];
    /** What the universe holds against it. */
    doubt: string;
};

export type HaltInput = {
    book: string;
    reason?: string;
};

/** `status`: ok | degraded | down. `checks`: name → {state, detail, …}. */
export type HealthOutput = {
    status: string;
    checks: {
        [key: string]: {
            [key: string]: unknown;
        };
    };
};

export type HealthPoint = {
    at: string;
    score: number | null;
    trades: number;
};

export type HistoryOutput = {
    symbol: string;
    timeframe: string;
    count: number;
    /** Older bars of the span were left out by the limit. */
    is_cut: boolean;
    results: HistoryRow[];
};

/** One bar: `timestamp` and `price` are its close. */
export type HistoryRow = {
    symbol: string;
    /** ISO 8601 UTC, nine decimals. */
    timestamp: string;
    price: number;
    open: number;
    high: number;
    low: number;
    close: number;
    volume: number;
    trade_count: number;
    vwap: number | null;
    source: string;
    quality: string;
    /** False: begun in the middle, or prints of it are missing. */
    is_complete: boolean;
};

export type InboxItem = {
    id: number;
    /** The kind: kill_switch, trader, feed, account … */
    notice: string;
    level: LevelEnum;
    /** A book, a symbol, a broker; may be empty. */
    about: string;
    text: string;
    /** How often the same thing was told. */
    times: number;
    at: string;
    is_over: boolean;
    is_read: boolean;
};

export type InboxOutput = {
    unread: number;
    items: InboxItem[];
};

/**
 * * `entry` - entry
 * * `exit` - exit
 * * `reversal` - reversal
 * * `adjust` - adjust
 */
export type IntentEnum = "entry" | "exit" | "reversal" | "adjust";

/**
 * * `signal` - signal
 * * `suppressed` - suppressed
 * * `denied` - denied
 * * `fault` - fault
 * * `state` - state
 * * `command` - command
 * * `contract` - contract
 */
export type KindEnum = "signal" | "suppressed" | "denied" | "fault" | "state" | "command" | "contract";

/**
 * * `info` - info
 * * `warning` - warning
 * * `critical` - critical
 */
export type LevelEnum = "info" | "warning" | "critical";

export type LoginInput = {
    email: string;
    password: string;
};

/** The state of a login; no token is ever shown. */
export type LoginOutput = {
    broker: string;
    login: string;
    title: string;
    state: string;
    is_connected: boolean;
    needs_person: boolean;
    authorized_at: string | null;
    refreshed_at: string | null;
    access_expires_at: string | null;
    refresh_expires_at: string | null;
    refresh_left_s: number | null;
    countdown: string;
    failures: number;
    last_error: string;
    help: string;
    notices: NoticeOutput[];
};

/** One search in a list. */
export type MiningRunLine = {
    readonly id: number;
    name?: string;
    symbol: string;
    timeframe: string;
    state?: SearchState;
    /** Steps that are finished, while it works. */
    done?: number;
    total?: number;
    /** Everything whose result was seen. */
    trials?: number;
    readonly found: number;
    readonly passed: number;
    error?: string;
    readonly created_at: string;
    finished_at?: string | null;
};

export type MiningRunLinePage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: MiningRunLine[];
};

/** One search; `stages` grow while it runs, `result` is there when it is done. */
export type MiningRunOutput = {
    readonly id: number;
    name?: string;
    symbol: string;
    timeframe: string;
    state?: SearchState;
    is_cancelling?: boolean;
    /** What was asked for, in canonical spelling. */
    spec: unknown;
    /** Steps that are finished, while it works. */
    done?: number;
    total?: number;
    attempts?: number;
    bars?: number;
    days?: number;
    /** Digest of the bars. */
    dataset?: string;
    /** Part of the product → digest of its code when it ran. */
    versions?: unknown;
    /** Everything whose result was seen. */
    trials?: number;
    /** Of rules in these bars before. */
    earlier_trials?: number;
    /** One row for each stage of each fold, also while it works. */
    stages?: unknown;
    result?: unknown;
    error?: string;
    seconds?: number;
    readonly created_at: string;
    started_at?: string | null;
    finished_at?: string | null;
};

/**
 * * `fast` - fast
 * * `slow` - slow
 */
export type MoverEnum = "fast" | "slow";

export type MoverOutput = {
    /** ISO 8601 UTC, by the venue's clock. */
    ts: string;
    symbol: string;
    /** That found it. */
    feed: string;
    mover: MoverEnum;
    /** 1 up, -1 down, 0 neither. */
    direction: number;
    price: number;
    /** A fraction. */
    change: number;
    /** Of the usual volume; slow ones only. */
    volume_ratio: number | null;
};

/** Further keys are parameters of the strategy. */
export type NestedConfig = {
    /** Any spelling: 5, 5m, 5Min, 1h, 144t. */
    timeframe: string;
    /** For the default account. */
    quantity?: number;
    enabled?: boolean;
    quantities?: {
        [key: string]: string;
    };
    params?: {
        [key: string]: unknown;
    };
    exits?: {
        [key: string]: unknown;
    };
    feed?: string;
};

export type NestedTicker = {
    strategy: string;
    ticker: string;
    config: NestedConfig;
};

export type NoticeOutput = {
    level: string;
    text: string;
    at: string;
};

export type OhlcvOutput = {
    symbol: string;
    timeframe: string;
    count: number;
    start: string;
    end: string;
    open: number;
    high: number;
    low: number;
    close: number;
    volume: number;
    trade_count: number;
    vwap: number | null;
    average_volume: number;
    average_range: number;
};

/** An order with its whole life in `timeline`. */
export type OrderOutput = {
    book: string;
    client_id: string;
    venue_id?: string;
    strategy: string;
    symbol: string;
    broker: string;
    side: Side;
    type: TypeEnum;
    intent: IntentEnum;
    state?: OrderOutputStateEnum;
    quantity: string;
    filled_quantity?: string;
    average_price?: string | null;
    limit_price?: string | null;
    stop_price?: string | null;
    trail?: string | null;
    tif?: TifEnum;
    reason?: string;
    /** Why it is in this state. */
    state_reason?: string;
    group?: string;
    parent?: string;
    /** The command by which a person gave it. */
    command?: string;
    /** The stop that a person gave with it. */
    stop_loss?: string | null;
    /** The target that a person gave with it. */
    take_profit?: string | null;
    /** Of a futures root: the contract, also after the root rolled. */
    contract?: string;
    /** The bar it was decided on. */
    bar?: unknown;
    /** The request that the venue got, or would have got. */
    request?: unknown;
    /** Every state with its time. */
    timeline?: unknown;
    created_at: string;
    updated_at: string;
    run?: number | null;
};

export type OrderOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: OrderOutput[];
};

/**
 * * `approved` - approved
 * * `submitted` - submitted
 * * `accepted` - accepted
 * * `working` - working
 * * `partially_filled` - partially filled
 * * `filled` - filled
 * * `cancelled` - cancelled
 * * `rejected` - rejected
 * * `expired` - expired
 * * `unknown` - unknown
 */
export type OrderOutputStateEnum = "approved" | "submitted" | "accepted" | "working" | "partially_filled" | "filled" | "cancelled" | "rejected" | "expired" | "unknown";

/** The documents that the engine's own declarations check; docs/guides/risk.md has every field. */
export type PatchedBookRules = {
    /** Limits of the book, its strategies and accounts. */
    risk?: {
        [key: string]: unknown;
    };
    /** Cash at each account, and how each strategy sizes. */
    sizing?: {
        [key: string]: unknown;
    };
    /** What counts as the same bet; empty: nothing. */
    correlation?: {
        [key: string]: unknown;
    };
    /** How simulated orders are filled. */
    fills?: {
        [key: string]: unknown;
    };
    /** What is done about trades by hand and such. */
    execution?: {
        [key: string]: unknown;
    };
};

/** What people remember of a rule. */
export type PatchedNotesInput = {
    notes?: string;
};

/** The order of a preview, with its token. */
export type PlaceInput = {
    symbol: string;
    side: Side;
    quantities: {
        [key: string]: string;
    };
    type?: TypeEnum;
    limit_price?: string | null;
    stop_price?: string | null;
    /** Distance of a trailing stop, in price. */
    trail?: string | null;
    tif?: TifEnum;
    /** The stop of what is bought or sold. */
    stop_loss?: string | null;
    /** The target of what is bought or sold. */
    take_profit?: string | null;
    book?: string;
    /** The token of the preview. */
    preview?: string;
    /** The same key never orders twice. Without one the preview's token is it. */
    idempotency_key?: string;
};

/** The commands on their way, one per account. */
export type PlacedOutput = {
    success?: boolean;
    book: string;
    commands: CommandRecordOutput[];
};

/**
 * `quantity` is signed; `side` says the same in a word. Of a futures root `contract` is what is held, `rolls_at`
 * when the next one becomes active, `closes_at` when it is closed before that; `context["rolling"]` knows the two.
 */
export type PositionOutput = {
    book: string;
    side: string;
    readonly rolls_at: string | null;
    readonly closes_at: string | null;
    strategy: string;
    symbol: string;
    broker: string;
    quantity?: string;
    average_price?: string;
    realized_pnl?: string;
    fees?: string;
    stop_price?: string | null;
    target_price?: string | null;
    /** The armed exit; "none" where none was asked for. */
    exit_kind?: string;
    /** Of a futures root: the contract that is held, also after the root rolled. */
    contract?: string;
    updated_at: string;
};

export type PreviewInput = {
    strategy: string;
    symbol: string;
    action: string;
};

/** What every error looks like. */
export type Problem = {
    /** The kind, for programs. */
    code: string;
    /** What was expected and what was found, for people. */
    detail: string;
    /** The path of the field that is wrong. */
    field: string | null;
    /** Every wrong field, where a request's form was wrong. */
    errors?: unknown;
};

export type PromoteInput = {
    tag: RuleTag;
    /** paper, if not given; or live. */
    book?: string;
    /** Account → quantity. */
    quantities?: {
        [key: string]: string;
    };
    /** From the first answer; real money only. */
    confirmation?: string;
};

export type QuoteOutput = {
    symbol: string;
    name: string;
    asset_class: string;
    /** fresh, stale, gapped, suspect or unknown. */
    state: string;
    reason: string;
    /** When regular hours begin; null while they last. */
    opens_at: string | null;
    feed: string;
    last: number | null;
    size: number | null;
    /** The venue's time of the last print. */
    last_at: string | null;
    /** Since it came, by our clock. */
    age_s: number | null;
    /** Do not take the last price for the present one. */
    is_old: boolean;
    bid: number | null;
    ask: number | null;
    is_quote_old: boolean;
    /** Of which there are charts. */
    timeframes: string[];
};

export type QuotesOutput = {
    kind: string;
    at: string;
    quotes: QuoteOutput[];
};

export type RejectInput = {
    why: string;
};

/** What is given is changed, the rest stays as it is. */
export type ReplaceInput = {
    /** What it should fill in all. */
    quantity?: string | null;
    limit_price?: string | null;
    stop_price?: string | null;
    trail?: string | null;
    idempotency_key?: string;
};

export type ResumeInput = {
    book: string;
};

/**
 * * `validation` - Validation
 * * `campaign` - Campaign
 */
export type RuleCheckKind = "validation" | "campaign";

export type RuleCheckLine = {
    id: number;
    kind: string;
    state: string;
    is_good: boolean | null;
    text: string;
    study: number | null;
    asked_at: string;
    finished_at: string | null;
};

/** A validation or a campaign; `is_good` is null until it has ended. */
export type RuleCheckOutput = {
    readonly id: number;
    rule: number;
    kind: RuleCheckKind;
    state?: SearchState;
    is_good?: boolean | null;
    /** What it came to, in words. */
    text?: string;
    result?: unknown;
    study?: number | null;
    error?: string;
    readonly created_at: string;
    finished_at?: string | null;
};

/** What happened to a rule, newest first, and what it may become. */
export type RuleLife = {
    rule: number;
    state: string;
    version: number;
    steps: RuleStep[];
    changes: RuleStepTaken[];
    checks: RuleCheckLine[];
    promotions: RulePromotion[];
    /** The newest score with a reason for every part; empty before the first. */
    health: {
        [key: string]: unknown;
    };
};

/** One rule with where it trades now; `present` is null where it does not. */
export type RuleLifeLine = {
    readonly id: number;
    run?: number | null;
    /** Place in its run, from 1. */
    rank?: number;
    name: string;
    symbol: string;
    timeframe: string;
    side: string;
    /** The conditions in words. */
    text: string;
    source?: RuleSource;
    state?: RuleState;
    /**
     * Set when it is promoted.
     *
     * * `any` - any symbol, mover or not
     * * `fast` - fast movers
     * * `slow` - slow movers
     * * `both` - fast and slow movers
     */
    tag?: RuleTag | BlankEnum;
    /** What its run ranked by. */
    score?: number | null;
    /** Of its exits, 0 to 1: the mean of `quality`. */
    quality_score?: number | null;
    /** Figures of the days that were searched. */
    in_sample?: unknown;
    /** Figures of the days that judged. */
    out_of_sample?: unknown;
    /** That it was the best of. */
    trials?: number;
    /** 1 − deflated Sharpe ratio, where it was searched. */
    p_searched?: number | null;
    /** `p_judged`, corrected for all rules of the run (Holm). */
    p_corrected?: number | null;
    readonly chance: string;
    /** Too good to be true, 0 to 1. */
    suspicion?: number;
    /** Neither chance nor suspicion explains it. */
    passes?: boolean;
    /** Counts changes of its state. */
    version?: number;
    readonly present: RulePromotion | null;
};

export type RuleLifeLinePage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: RuleLifeLine[];
};

/** One rule in a list; `chance` says in words what speaks against it. */
export type RuleLine = {
    readonly id: number;
    run?: number | null;
    /** Place in its run, from 1. */
    rank?: number;
    name: string;
    symbol: string;
    timeframe: string;
    side: string;
    /** The conditions in words. */
    text: string;
    source?: RuleSource;
    state?: RuleState;
    /**
     * Set when it is promoted.
     *
     * * `any` - any symbol, mover or not
     * * `fast` - fast movers
     * * `slow` - slow movers
     * * `both` - fast and slow movers
     */
    tag?: RuleTag | BlankEnum;
    /** What its run ranked by. */
    score?: number | null;
    /** Of its exits, 0 to 1: the mean of `quality`. */
    quality_score?: number | null;
    /** Figures of the days that were searched. */
    in_sample?: unknown;
    /** Figures of the days that judged. */
    out_of_sample?: unknown;
    /** That it was the best of. */
    trials?: number;
    /** 1 − deflated Sharpe ratio, where it was searched. */
    p_searched?: number | null;
    /** `p_judged`, corrected for all rules of the run (Holm). */
    p_corrected?: number | null;
    readonly chance: string;
    /** Too good to be true, 0 to 1. */
    suspicion?: number;
    /** Neither chance nor suspicion explains it. */
    passes?: boolean;
};

export type RuleLinePage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: RuleLine[];
};

/**
 * One rule with its exits, its five sub-scores, its worst trades and the capital that it needs; `params` are those
 * of the strategy `rules`.
 */
export type RuleOutput = {
    readonly id: number;
    run?: number | null;
    /** Place in its run, from 1. */
    rank?: number;
    name: string;
    symbol: string;
    timeframe: string;
    side: string;
    /** The conditions in words. */
    text: string;
    source?: RuleSource;
    state?: RuleState;
    /**
     * Set when it is promoted.
     *
     * * `any` - any symbol, mover or not
     * * `fast` - fast movers
     * * `slow` - slow movers
     * * `both` - fast and slow movers
     */
    tag?: RuleTag | BlankEnum;
    /** What its run ranked by. */
    score?: number | null;
    /** Of its exits, 0 to 1: the mean of `quality`. */
    quality_score?: number | null;
    /** Figures of the days that were searched. */
    in_sample?: unknown;
    /** Figures of the days that judged. */
    out_of_sample?: unknown;
    /** That it was the best of. */
    trials?: number;
    /** 1 − deflated Sharpe ratio, where it was searched. */
    p_searched?: number | null;
    /** `p_judged`, corrected for all rules of the run (Holm). */
    p_corrected?: number | null;
    readonly chance: string;
    /** Too good to be true, 0 to 1. */
    suspicion?: number;
    /** Neither chance nor suspicion explains it. */
    passes?: boolean;
    /** The rule, as engine.rules reads it. */
    conditions: unknown;
    readonly params: {
        [key: string]: string;
    };
    /** Its own exits, as of a slot. */
    exits?: unknown;
    readonly exits_text: string;
    /** pnl, drawdown, hold, exit_type, giveback: 0 to 1 each. */
    quality?: unknown;
    /** Mean P&L of entering anywhere on its side with its exits. */
    anywhere?: number | null;
    /** Numbers of the folds that found it. */
    folds?: unknown;
    /** On the days that judged. */
    p_judged?: number | null;
    /** Of the suspicion: [{weight, reason}]. */
    reasons?: unknown;
    /** Capital use. */
    capital?: unknown;
    /** The worst trades. */
    worst?: unknown;
    /** Of its entries. */
    trades_digest?: string;
    notes?: string;
    readonly created_at: string;
    readonly updated_at: string;
};

/** A time in the market, and how well it went. */
export type RulePromotion = {
    /** The name under which it trades. */
    slot: string;
    book: string;
    mode: string;
    is_running: boolean;
    tag: string;
    exits: {
        [key: string]: unknown;
    };
    p_corrected: number | null;
    by: string;
    began_at: string;
    degraded_at: string | null;
    ended_at: string | null;
    /** What became of its position: exits, flatten, or empty. */
    position: string;
    /** unknown, healthy, doubtful or ill. */
    verdict: string;
    /** 0 to 100; null where few trades say nothing. */
    score: number | null;
    trades: number;
    scores: HealthPoint[];
};

/**
 * * `ml` - learned model
 * * `screen` - single condition
 * * `beam` - beam search
 * * `fingerprint` - fingerprint
 * * `hand` - by hand
 */
export type RuleSource = "ml" | "screen" | "beam" | "fingerprint" | "hand";

/**
 * * `discovered` - Discovered
 * * `validated` - Validated
 * * `campaign` - Campaign
 * * `live` - Live
 * * `degraded` - Degraded
 * * `demoted` - Demoted
 * * `rejected` - Rejected
 */
export type RuleState = "discovered" | "validated" | "campaign" | "live" | "degraded" | "demoted" | "rejected";

export type RuleStep = {
    to: string;
    /** Why not; empty where it may. */
    refused: string;
};

export type RuleStepTaken = {
    version: number;
    before: string;
    after: string;
    why: string;
    /** Empty: the product itself. */
    by: string;
    at: string;
};

/**
 * * `any` - any symbol, mover or not
 * * `fast` - fast movers
 * * `slow` - slow movers
 * * `both` - fast and slow movers
 */
export type RuleTag = "any" | "fast" | "slow" | "both";

/** What was started or stopped. */
export type RunOutput = {
    success?: boolean;
    strategy: string;
    run: number;
    state: string;
    book: string;
    readonly live_mode: boolean;
    slots: {
        [key: string]: unknown;
    }[];
};

export type SearchOutput = {
    q: string;
    /** All that fit, shown or not. */
    count: number;
    results: FoundOutput[];
    /** Why there is none. */
    problem: string;
};

/**
 * * `queued` - Queued
 * * `running` - Running
 * * `done` - Done
 * * `failed` - Failed
 * * `cancelled` - Cancelled
 */
export type SearchState = "queued" | "running" | "done" | "failed" | "cancelled";

/**
 * * `buy` - buy
 * * `sell` - sell
 */
export type Side = "buy" | "sell";

export type StartInput = {
    strategy: string;
    symbol?: string;
    live_mode?: boolean;
    /** From the first answer; real money only. */
    confirmation?: string;
};

/** `average`, `win_rate` and `profit_factor` are null where they mean nothing. */
export type StatisticsOutput = {
    trades: number;
    wins: number;
    losses: number;
    win_rate: number | null;
    profit_factor: number | null;
    net_pnl: string;
    fees: string;
    gross_profit: string;
    gross_loss: string;
    best: string;
    worst: string;
    average: string | null;
};

export type StatsOutput = {
    symbol: string;
    timeframe: string;
    count: number;
    start: string;
    end: string;
    last: number;
    mean: number;
    minimum: number;
    maximum: number;
    standard_deviation: number | null;
    change: number;
    change_pct: number | null;
    /** Standard deviation of the returns, bar to bar. */
    volatility: number | null;
    /** A fraction: 0.02 is 2 %. */
    max_drawdown: number;
};

export type StopInput = {
    strategy: string;
    /** Also close what it holds. */
    flatten?: boolean;
};

/** `params` is the JSON schema of the strategy's parameters. */
export type StrategyOutput = {
    name: string;
    description: string;
    params: {
        [key: string]: unknown;
    };
};

/** One study in a list. */
export type StudyLine = {
    readonly id: number;
    name?: string;
    kind: string;
    state?: StudyState;
    /** Runs; in a campaign, runs of one day. */
    total: number;
    readonly created_at: string;
    finished_at?: string | null;
    error?: string;
};

export type StudyLinePage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: StudyLine[];
};

/** One study; `result` is there when it is over. */
export type StudyOutput = {
    readonly id: number;
    name?: string;
    kind: string;
    state?: StudyState;
    is_cancelling?: boolean;
    /** What was asked for, in canonical spelling. */
    spec: unknown;
    /** Runs; in a campaign, runs of one day. */
    total: number;
    bars?: number;
    /** Digest of the bars. */
    dataset?: string;
    /** Strategy → digest of its code when it ran. */
    versions?: unknown;
    readonly progress: {
        [key: string]: unknown;
    };
    result?: unknown;
    error?: string;
    readonly created_at: string;
    finished_at?: string | null;
};

/** One run of a study. */
export type StudyRunOutput = {
    number: number;
    strategy: string;
    symbol: string;
    timeframe: string;
    params: unknown;
    stats: unknown;
    /** The statistic that the study ranks by. */
    score?: number | null;
    /** Mean over deviation of the daily results, not annualised. */
    sharpe?: number | null;
    /** compiled, or event where the compiled scan could not. */
    how: string;
    why?: string;
    error?: string;
};

export type StudyRunOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: StudyRunOutput[];
};

/**
 * * `running` - Running
 * * `folding` - Folding
 * * `done` - Done
 * * `partial` - Partial
 * * `cancelled` - Cancelled
 * * `failed` - Failed
 */
export type StudyState = "running" | "folding" | "done" | "partial" | "cancelled" | "failed";

/** The share of promoted rules that are neither degraded nor demoted after so many days, with its 95 % band. */
export type SurvivalOutput = {
    promoted: number;
    ended: number;
    median_days: number | null;
    longest_days: number | null;
    points: SurvivalPoint[];
};

export type SurvivalPoint = {
    days: number;
    at_risk: number;
    ended: number;
    share: number;
    low: number;
    high: number;
};

export type SymbolOutput = {
    symbol: string;
    timeframes: string[];
    has_ticks: boolean;
    first: string;
    last: string;
    size_bytes: number;
    last_price: number | null;
};

/** Anything but fresh blocks entries. */
export type SymbolStateOutput = {
    /** fresh, stale, gapped, suspect or unknown. */
    state: string;
    reason: string;
    symbol: string;
    feed: string;
    venue_symbol: string;
    /** ISO 8601 UTC: when this state began. */
    since: string | null;
    /** When anything last came. */
    last_received: string | null;
    /** The venue's time of the last print. */
    last_print: string | null;
    timeframes: {
        [key: string]: TimeframeStateOutput;
    };
};

/**
 * * `day` - day
 * * `gtc` - gtc
 * * `ioc` - ioc
 * * `extended` - extended
 */
export type TifEnum = "day" | "gtc" | "ioc" | "extended";

export type TimeframeStateOutput = {
    /** fresh, stale, gapped, suspect or unknown. */
    state: string;
    reason: string;
};

/** One of them: the code, the whole redirect URL, or a refresh token made on the broker's page. */
export type TokenInput = {
    code?: string;
    authorizationCode?: string;
    authorizationLink?: string;
    redirect_url?: string;
    refresh_token?: string;
    /** `client_credentials`, where the broker has that. */
    grant_type?: string;
    login?: string;
};

export type TokenRefresh = {
    readonly access: string;
    refresh: string;
};

/** `token` is `access` under the name that older clients read. */
export type TokensOutput = {
    access: string;
    refresh: string;
    token: string;
    email: string;
};

/** A closed round trip; `trade_type` is paper or real, `pnl` is net of `fees`. */
export type TradeOutput = {
    readonly trade_type: string;
    entry_order?: string;
    exit_order?: string;
    trade_id: string;
    strategy: string;
    symbol: string;
    broker: string;
    side: TradeOutputSideEnum;
    quantity: string;
    entry_at: string;
    entry_price: string;
    exit_at: string;
    exit_price: string;
    pnl: string;
    fees: string;
    entry_reason?: string;
    exit_reason?: string;
    entry_bar?: unknown;
    exit_bar?: unknown;
    mae?: string;
    mfe?: string;
    is_ambiguous?: boolean;
    run?: number | null;
};

export type TradeOutputPage = {
    count: number;
    page: number;
    page_size: number;
    pages: number;
    results: TradeOutput[];
};

/**
 * * `long` - long
 * * `short` - short
 * * `flat` - flat
 */
export type TradeOutputSideEnum = "long" | "short" | "flat";

/** `action`: long, short, call, put, close or flat, in any case. */
export type TriggerInput = {
    ticker: string;
    action: string;
    strategy?: string;
    /** Answer when it is known what became of it, or after so many seconds. */
    wait_s?: number;
};

/** What is known of a signal: `success` is null until it was filled or refused, `detail` says which in words. */
export type TriggerOutput = {
    success: boolean | null;
    command: string;
    kind: string;
    state: string;
    /** filled, refused or replaced; empty while it is not known */
    outcome: string;
    detail: string;
};

/**
 * * `market` - market
 * * `limit` - limit
 * * `stop` - stop
 * * `stop_limit` - stop limit
 * * `trailing_stop` - trailing stop
 */
export type TypeEnum = "market" | "limit" | "stop" | "stop_limit" | "trailing_stop";

export type UsageOutput = {
    book: string;
    /** Null: no process trades the book. */
    at: string | null;
    figures: FigureOutput[];
};

/** `name` is ours, empty for an account that we do not have. */
export type VenueAccountOutput = {
    number: string;
    kind: string;
    nickname: string;
    is_closed: boolean;
    name: string;
};

export interface operations {
    api_add_ticker_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": FlatTicker } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FlatTicker } };
            201: { headers: { [name: string]: unknown }; content: { "application/json": FlatTicker } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_adjustments_retrieve: {
        parameters: {
            query?: {
                book?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": AdjustmentOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_alarms_retrieve: {
        parameters: {
            query?: {
                book?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": AlarmOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    analytics: {
        parameters: {
            query?: {
                account?: string;
                book?: string;
                /** What ratios are of; else the most held. */
                capital?: number;
                /** New York's day of the exit, included. */
                end?: string;
                /** Real money where there is any, else paper. */
                mode?: "both" | "live" | "paper";
                side?: "long" | "short";
                /** New York's day of the exit, included. */
                start?: string;
                strategy?: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backfills_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": BackfillOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backfills_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": BackfillInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": BackfillOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backfills_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": BackfillOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backfills_depths_list: {
        parameters: {
            query?: {
                /** A feed, or archive; else the default feed. */
                source?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": DepthOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    backtests_list: {
        parameters: {
            query?: {
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StudyLinePage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": {
            [key: string]: unknown;
        } } };
        responses: {
            201: { headers: { [name: string]: unknown }; content: { "application/json": StudyOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StudyOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_cancel_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StudyOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_retry_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StudyOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    backtests_runs_list: {
        parameters: {
            query?: {
                order?: "-score" | "-sharpe" | "number" | "score" | "sharpe";
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path: {
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StudyRunOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_runs_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                number: number;
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_runs_apply_create: {
        parameters: {
            query?: {
                preview?: boolean;
                sessions?: number;
            };
            header?: never;
            path: {
                number: number;
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_runs_trades_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                number: number;
                study: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_backtests_preview_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": {
            [key: string]: unknown;
        } } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    book_fills: {
        parameters: {
            query?: {
                symbol?: string;
            };
            header?: never;
            path: {
                book: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    book_overview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                book: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    book_trade: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                book: string;
                trade: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_books_rules_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                book: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": BookRules } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_books_rules_partial_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                book: string;
            };
            cookie?: never;
        };
        requestBody?: { content: { "application/json": PatchedBookRules } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": BookRules } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_books_usage_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                book: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": UsageOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_accounts_list: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": VenueAccountOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_authorize_retrieve: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": AuthorizeOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_disconnect_create: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_refresh_create: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_status_retrieve: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_token_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                broker: string;
            };
            cookie?: never;
        };
        requestBody?: { content: { "application/json": TokenInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_features_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FeaturesOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_brokers_status_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    chart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                symbol: string;
                timeframe: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    commands: {
        parameters: {
            query?: {
                book?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": CommandRecordOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    command_status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                command_id: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": CommandRecordOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_decisions_retrieve: {
        parameters: {
            query?: {
                book?: string;
                kind?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                strategy?: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": DecisionOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_delete_ticker_destroy: {
        parameters: {
            query: {
                strategy: string;
                symbol: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    discovery_fingerprints_list: {
        parameters: {
            query?: {
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FingerprintLinePage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_fingerprints_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": {
            [key: string]: unknown;
        } } };
        responses: {
            201: { headers: { [name: string]: unknown }; content: { "application/json": FingerprintOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_fingerprints_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FingerprintOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_fingerprints_cancel_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FingerprintOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_fingerprints_seeds_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    discovery_mining_list: {
        parameters: {
            query?: {
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": MiningRunLinePage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_mining_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": {
            [key: string]: unknown;
        } } };
        responses: {
            201: { headers: { [name: string]: unknown }; content: { "application/json": MiningRunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_mining_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": MiningRunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_mining_cancel_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": MiningRunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    discovery_mining_rules: {
        parameters: {
            query?: {
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
            };
            header?: never;
            path: {
                run: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLinePage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    discovery_rules_list: {
        parameters: {
            query?: {
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                state?: "campaign" | "degraded" | "demoted" | "discovered" | "live" | "rejected" | "validated";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLifeLinePage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_partial_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        requestBody?: { content: { "application/json": PatchedNotesInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_campaign_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        requestBody?: { content: { "application/json": CampaignInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RuleCheckOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_demote_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        requestBody: { content: { "application/json": DemoteInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLife } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_life_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLife } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_promote_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        requestBody: { content: { "application/json": PromoteInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLife } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_reject_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        requestBody: { content: { "application/json": RejectInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": RuleLife } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_validate_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                rule: number;
            };
            cookie?: never;
        };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RuleCheckOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_discovery_rules_survival_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": SurvivalOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_ema_manual_trigger_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": TriggerInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TriggerOutput } };
            202: { headers: { [name: string]: unknown }; content: { "application/json": TriggerOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_feeds_limits_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FeedLimitsOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_feeds_states_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": SymbolStateOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_flatten_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": FlattenInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_get_ticker_list: {
        parameters: {
            query?: {
                strategy?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": FlatTicker[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_halt_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": HaltInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_health_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": HealthOutput } };
            503: { headers: { [name: string]: unknown }; content: { "application/json": HealthOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_history_retrieve: {
        parameters: {
            query?: {
                /** Apply the known splits. */
                adjusted?: boolean;
                /** The same; a day is included whole. */
                end?: string;
                /** The newest so many, 1 to 50000; 1000 if not given. */
                limit?: number;
                /** A day or an ISO 8601 moment, UTC if it names no zone. */
                start?: string;
                /** Any spelling; 1 if not given. */
                timeframe?: string;
            };
            header?: never;
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": HistoryOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_login_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": LoginInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TokensOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_manual_trigger_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": TriggerInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TriggerOutput } };
            202: { headers: { [name: string]: unknown }; content: { "application/json": TriggerOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    market_quotes: {
        parameters: {
            query?: {
                /** Between commas; 40 at most. */
                symbols?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": QuotesOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    market_search: {
        parameters: {
            query: {
                limit?: number;
                /** A symbol in any spelling, or part of a name. */
                q: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": SearchOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_movers_list: {
        parameters: {
            query?: {
                /** What this feed alone found. */
                feed?: string;
                /**
                 * * `fast` - fast
                 * * `slow` - slow
                 */
                kind?: "fast" | "slow";
                minutes?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": MoverOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_notifications_retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": InboxOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_notifications_destroy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                notice: number;
            };
            cookie?: never;
        };
        responses: {
            204: { headers: { [name: string]: unknown }; content?: never };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_notifications_read_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            204: { headers: { [name: string]: unknown }; content?: never };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_ohlcv_retrieve: {
        parameters: {
            query?: {
                /** Apply the known splits. */
                adjusted?: boolean;
                /** The same; a day is included whole. */
                end?: string;
                /** A day or an ISO 8601 moment, UTC if it names no zone. */
                start?: string;
                /** Any spelling; 1 if not given. */
                timeframe?: string;
            };
            header?: never;
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": OhlcvOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    option_chain: {
        parameters: {
            query?: {
                /** One of `sources`; empty: the first. */
                source?: string;
            };
            header?: never;
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_orders_retrieve: {
        parameters: {
            query?: {
                book?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                state?: string;
                strategy?: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": OrderOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    place_order: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": PlaceInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": PlacedOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_orders_cancel_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                client_id: string;
            };
            cookie?: never;
        };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_orders_replace_create: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                client_id: string;
            };
            cookie?: never;
        };
        requestBody?: { content: { "application/json": ReplaceInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    order_form: {
        parameters: {
            query: {
                book: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    preview_entry: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": EntryInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_orders_preview_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": PreviewInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    order_times: {
        parameters: {
            query?: {
                book?: string;
                days?: number;
                strategy?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_paper_trades_retrieve: {
        parameters: {
            query?: {
                broker?: string;
                end_date?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                start_date?: string;
                strategy?: string;
                symbol?: string;
                trade_type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TradeOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_paper_trades_stats_retrieve: {
        parameters: {
            query?: {
                broker?: string;
                end_date?: string;
                start_date?: string;
                strategy?: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StatisticsOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    portfolio: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_positions_list: {
        parameters: {
            query?: {
                book?: string;
                strategy?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": PositionOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_positions_exits_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": ExitsInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_real_trades_retrieve: {
        parameters: {
            query?: {
                broker?: string;
                end_date?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                start_date?: string;
                strategy?: string;
                symbol?: string;
                trade_type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TradeOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_real_trades_stats_retrieve: {
        parameters: {
            query?: {
                broker?: string;
                end_date?: string;
                start_date?: string;
                strategy?: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StatisticsOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_reconciliation_list: {
        parameters: {
            query?: {
                book?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": CheckOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_reconciliation_accept_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": AcceptInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_resume_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": ResumeInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": CommandOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_schwab_access_token_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": TokenInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_schwab_authorize_url_retrieve: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": AuthorizeOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_schwab_refresh_token_create: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_start_trading_retrieve: {
        parameters: {
            query: {
                strategy: string;
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_start_trading_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": StartInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_stats_retrieve: {
        parameters: {
            query?: {
                /** Apply the known splits. */
                adjusted?: boolean;
                /** The same; a day is included whole. */
                end?: string;
                /** A day or an ISO 8601 moment, UTC if it names no zone. */
                start?: string;
                /** Any spelling; 1 if not given. */
                timeframe?: string;
            };
            header?: never;
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StatsOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_stop_trading_retrieve: {
        parameters: {
            query: {
                strategy: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_stop_trading_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": StopInput } };
        responses: {
            202: { headers: { [name: string]: unknown }; content: { "application/json": RunOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_strategies_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": StrategyOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_symbols_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": SymbolOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tasty_access_token_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: { content: { "application/json": TokenInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tasty_authorize_url_retrieve: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": AuthorizeOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tasty_refresh_token_create: {
        parameters: {
            query?: {
                /** Which login at the broker; `main` if not given. */
                login?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": LoginOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tickers_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": NestedTicker } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": NestedTicker } };
            201: { headers: { [name: string]: unknown }; content: { "application/json": NestedTicker } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tickers_list: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                strategy: string;
            };
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": NestedTicker[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_tickers_destroy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                strategy: string;
                symbol: string;
            };
            cookie?: never;
        };
        responses: {
            204: { headers: { [name: string]: unknown }; content?: never };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_token_refresh_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": TokenRefresh } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TokenRefresh } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_trades_retrieve: {
        parameters: {
            query?: {
                broker?: string;
                end_date?: string;
                /** From 1. */
                page?: number;
                /** 1 to 500, 50 if not given. */
                page_size?: number;
                start_date?: string;
                strategy?: string;
                symbol?: string;
                trade_type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TradeOutputPage } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_trading_status_retrieve: {
        parameters: {
            query?: {
                strategy?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": {
                [key: string]: unknown;
            } } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_universe_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": CarriedOutput[] } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
    api_update_credentials_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: { content: { "application/json": CredentialsInput } };
        responses: {
            200: { headers: { [name: string]: unknown }; content: { "application/json": TokensOutput } };
            default: { headers: { [name: string]: unknown }; content: { "application/json": Problem } };
        };
    };
}

export interface paths {
    "/api/add-ticker": {
        /** Save a ticker, flat dialect: 201 when it is new, 200 when it was changed. */
        post: operations["api_add_ticker_create"];
    };
    "/api/adjustments": {
        /** What was adjusted, newest first. */
        get: operations["api_adjustments_retrieve"];
    };
    "/api/alarms": {
        /** What people had to know, newest first. */
        get: operations["api_alarms_retrieve"];
    };
    "/api/analytics": {
        /**
         * Closed trades: the total, figures, the curve, and every grouping's parts; beside them what is open. Money is
         * exact text; what cannot be told is null.
         */
        get: operations["analytics"];
    };
    "/api/backfills": {
        /** The last backfills, the newest first; a new one is worked off by the workers. */
        get: operations["api_backfills_list"];
        /** The last backfills, the newest first; a new one is worked off by the workers. */
        post: operations["api_backfills_create"];
    };
    "/api/backfills/{job_id}": {
        /** One backfill. */
        get: operations["api_backfills_retrieve"];
    };
    "/api/backfills/depths": {
        /** How far back a backfill goes by itself, and since when the source has such history. */
        get: operations["api_backfills_depths_list"];
    };
    "/api/backtests": {
        /** Every study, newest first; POST starts one. */
        get: operations["backtests_list"];
        /** Every study, newest first; POST starts one. */
        post: operations["api_backtests_create"];
    };
    "/api/backtests/{study}": {
        /** One study with its result. */
        get: operations["api_backtests_retrieve"];
    };
    "/api/backtests/{study}/cancel": {
        /** End it; what is done is added up. */
        post: operations["api_backtests_cancel_create"];
    };
    "/api/backtests/{study}/retry": {
        /** Run again what failed or was cancelled. */
        post: operations["api_backtests_retry_create"];
    };
    "/api/backtests/{study}/runs": {
        /** The runs of a study, the best first unless asked otherwise. */
        get: operations["backtests_runs_list"];
    };
    "/api/backtests/{study}/runs/{number}": {
        /** One run: of a campaign with every day. */
        get: operations["api_backtests_runs_retrieve"];
    };
    "/api/backtests/{study}/runs/{number}/apply": {
        /** What would change for a ticker (`?preview=true`), or the change itself. */
        post: operations["api_backtests_runs_apply_create"];
    };
    "/api/backtests/{study}/runs/{number}/trades": {
        /** The trades of one run of a sweep, made again from the same data. */
        get: operations["api_backtests_runs_trades_retrieve"];
    };
    "/api/backtests/preview": {
        /** What other parameters would have done for a ticker over its last sessions; nothing is changed. */
        post: operations["api_backtests_preview_create"];
    };
    "/api/book/{book}/fills": {
        /** The newest executions of one book, oldest first. */
        get: operations["book_fills"];
    };
    "/api/book/{book}/overview": {
        /** Totals, strategies, positions, orders, fills, trades, decisions and alerts of one book. */
        get: operations["book_overview"];
    };
    "/api/book/{book}/trades/{trade}": {
        /** One trade with the story of its entry and its exit. */
        get: operations["book_trade"];
    };
    "/api/books/{book}/rules": {
        /** What limits the book, how it sizes and how it fills. PATCH replaces the documents that it names. */
        get: operations["api_books_rules_retrieve"];
        /** What limits the book, how it sizes and how it fills. PATCH replaces the documents that it names. */
        patch: operations["api_books_rules_partial_update"];
    };
    "/api/books/{book}/usage": {
        /** How much of each limit is used now, and what is held where nothing is limited. */
        get: operations["api_books_usage_retrieve"];
    };
    "/api/brokers/{broker}/accounts": {
        /** The accounts behind a login, asked of the broker. */
        get: operations["api_brokers_accounts_list"];
    };
    "/api/brokers/{broker}/authorize": {
        /** Begin a login. */
        get: operations["api_brokers_authorize_retrieve"];
    };
    "/api/brokers/{broker}/disconnect": {
        /** Forget a login here. */
        post: operations["api_brokers_disconnect_create"];
    };
    "/api/brokers/{broker}/refresh": {
        /** A new access token now. */
        post: operations["api_brokers_refresh_create"];
    };
    "/api/brokers/{broker}/status": {
        /** The state of one login. */
        get: operations["api_brokers_status_retrieve"];
    };
    "/api/brokers/{broker}/token": {
        /** Finish a login with what a person brings. */
        post: operations["api_brokers_token_create"];
    };
    "/api/brokers/features": {
        /** The capability table of every venue. */
        get: operations["api_brokers_features_list"];
    };
    "/api/brokers/status": {
        /** The state of every login. */
        get: operations["api_brokers_status_list"];
    };
    "/api/charts/{symbol}/{timeframe}": {
        /** Recent bars with the strategies' indicator lines: what the WebSocket sends first. */
        get: operations["chart"];
    };
    "/api/commands": {
        /** What people told books, newest first: who, when, and what became of it. */
        get: operations["commands"];
    };
    "/api/commands/{command_id}": {
        /**
         * One command: `sent` until the book's process answered, then `accepted` or `refused` with the reason, and the
         * orders that came of it.
         */
        get: operations["command_status"];
    };
    "/api/decisions": {
        /** Signals, suppressions, denials and faults with their reasons, newest first. */
        get: operations["api_decisions_retrieve"];
    };
    "/api/delete-ticker": {
        /** Remove one ticker, named in the body or the query; 404 when absent. */
        delete: operations["api_delete_ticker_destroy"];
    };
    "/api/discovery/fingerprints": {
        /** Every fingerprint, newest first; POST starts one. */
        get: operations["discovery_fingerprints_list"];
        /** Every fingerprint, newest first; POST starts one. */
        post: operations["api_discovery_fingerprints_create"];
    };
    "/api/discovery/fingerprints/{run}": {
        /** One fingerprint with its result. */
        get: operations["api_discovery_fingerprints_retrieve"];
    };
    "/api/discovery/fingerprints/{run}/cancel": {
        /** End it; nothing of it is kept. */
        post: operations["api_discovery_fingerprints_cancel_create"];
    };
    "/api/discovery/fingerprints/{run}/seeds": {
        /** Its seeds as the miner reads them: a list of {"rule", "source"}, as a file. */
        get: operations["api_discovery_fingerprints_seeds_retrieve"];
    };
    "/api/discovery/mining": {
        /** Every search, newest first; POST starts one. */
        get: operations["discovery_mining_list"];
        /** Every search, newest first; POST starts one. */
        post: operations["api_discovery_mining_create"];
    };
    "/api/discovery/mining/{run}": {
        /** One search with its stages and its result. */
        get: operations["api_discovery_mining_retrieve"];
    };
    "/api/discovery/mining/{run}/cancel": {
        /** End it; nothing that was found so far is kept. */
        post: operations["api_discovery_mining_cancel_create"];
    };
    "/api/discovery/mining/{run}/rules": {
        /** The rules of a search, the best first. */
        get: operations["discovery_mining_rules"];
    };
    "/api/discovery/rules": {
        /** Every rule, what trades first. */
        get: operations["discovery_rules_list"];
    };
    "/api/discovery/rules/{rule}": {
        /** One rule with all that speaks for and against it; PATCH notes something on it. */
        get: operations["api_discovery_rules_retrieve"];
        /** One rule with all that speaks for and against it; PATCH notes something on it. */
        patch: operations["api_discovery_rules_partial_update"];
    };
    "/api/discovery/rules/{rule}/campaign": {
        /** A campaign over the given days, else over those that validated it. */
        post: operations["api_discovery_rules_campaign_create"];
    };
    "/api/discovery/rules/{rule}/demote": {
        /** Out of the market at once; what it holds is closed by its exits, or flattened. */
        post: operations["api_discovery_rules_demote_create"];
    };
    "/api/discovery/rules/{rule}/life": {
        /** What happened to one rule, and what it may become. */
        get: operations["api_discovery_rules_life_retrieve"];
    };
    "/api/discovery/rules/{rule}/promote": {
        /**
         * Let it trade, in the paper book unless one is named. Real money needs the confirmation that the first such
         * request answers with.
         */
        post: operations["api_discovery_rules_promote_create"];
    };
    "/api/discovery/rules/{rule}/reject": {
        /** A person does not want it. */
        post: operations["api_discovery_rules_reject_create"];
    };
    "/api/discovery/rules/{rule}/validate": {
        /** Walk over the days that its search did not see; the answer is the check, whose end changes the rule. */
        post: operations["api_discovery_rules_validate_create"];
    };
    "/api/discovery/rules/survival": {
        /** How long rules last once they are promoted. */
        get: operations["api_discovery_rules_survival_retrieve"];
    };
    "/api/ema-manual-trigger": {
        /**
         * A person's wish for a running slot. Without `strategy` it must be clear which one is meant. 202: it was given to
         * the book's process, and what becomes of it is told at `/api/commands/{command}`; 200: that is known already.
         */
        post: operations["api_ema_manual_trigger_create"];
    };
    "/api/feeds/limits": {
        /** What each feed's vendor allows, and which symbols find no place. */
        get: operations["api_feeds_limits_list"];
    };
    "/api/feeds/states": {
        /** May the data be believed, symbol by symbol. */
        get: operations["api_feeds_states_list"];
    };
    "/api/flatten": {
        /**
         * Close what is held: of a strategy, in a symbol, in a book, or everything. The answer is the first book's command;
         * `commands` has those of all books that hold some of it.
         */
        post: operations["api_flatten_create"];
    };
    "/api/get-ticker": {
        /** The tickers of `strategy`, or all, flat dialect. */
        get: operations["api_get_ticker_list"];
    };
    "/api/halt": {
        /** No entries in a book until `resume`; exits still pass. */
        post: operations["api_halt_create"];
    };
    "/api/health": {
        /** Open to probes: no token needed, and no secret told. */
        get: operations["api_health_retrieve"];
    };
    "/api/history/{symbol}": {
        /** Bars of a symbol, oldest first; the newest ones where the limit cuts. */
        get: operations["api_history_retrieve"];
    };
    "/api/login": {
        /** An e-mail address and a password for a pair of tokens; 401 where they do not match, 429 after too many. */
        post: operations["api_login_create"];
    };
    "/api/manual-trigger": {
        /**
         * A person's wish for a running slot. Without `strategy` it must be clear which one is meant. 202: it was given to
         * the book's process, and what becomes of it is told at `/api/commands/{command}`; 200: that is known already.
         */
        post: operations["api_manual_trigger_create"];
    };
    "/api/market/quotes": {
        /** Last price, bid and ask of symbols, and whether they may be believed; `/ws/market` says the same as it moves. */
        get: operations["market_quotes"];
    };
    "/api/market/search": {
        /** Symbols that fit, the best first, each with where it can be traded and which feed has it, or why not. */
        get: operations["market_search"];
    };
    "/api/movers": {
        /** Symbols that run away (fast), or in which trading picked up after a quiet time (slow): the newest first. */
        get: operations["api_movers_list"];
    };
    "/api/notifications": {
        /** The newest notices of the caller, read and unread. */
        get: operations["api_notifications_retrieve"];
    };
    "/api/notifications/{notice}": {
        /** One notice goes from the caller's list; the history keeps it. */
        delete: operations["api_notifications_destroy"];
    };
    "/api/notifications/read": {
        /** Everything that is there now was seen. */
        post: operations["api_notifications_read_create"];
    };
    "/api/ohlcv/{symbol}": {
        /** The span as one bar, and its averages. */
        get: operations["api_ohlcv_retrieve"];
    };
    "/api/options/chain/{symbol}": {
        /**
         * The chain around the money that expires today (while no session is open: the next one's), with the contract
         * that a wish would buy now and why. What is not known is null, and `words` say what state this is.
         */
        get: operations["option_chain"];
    };
    "/api/orders": {
        /**
         * GET: orders, newest first, each with its whole life. POST: place the order that was previewed.
         *
         * 409 `preview_changed` with a new preview where the token is missing, too old, of another order, or where the orders,
         * verdicts or the price are others by now. The same request again orders nothing more.
         */
        get: operations["api_orders_retrieve"];
        /**
         * GET: orders, newest first, each with its whole life. POST: place the order that was previewed.
         *
         * 409 `preview_changed` with a new preview where the token is missing, too old, of another order, or where the orders,
         * verdicts or the price are others by now. The same request again orders nothing more.
         */
        post: operations["place_order"];
    };
    "/api/orders/{client_id}/cancel": {
        /** Ask for the cancel of one order. */
        post: operations["api_orders_cancel_create"];
    };
    "/api/orders/{client_id}/replace": {
        /**
         * Change price or quantity of a working order: it is withdrawn, and the changed one follows when that is confirmed,
         * less what was filled until then.
         */
        post: operations["api_orders_replace_create"];
    };
    "/api/orders/form": {
        /**
         * What can be ordered by hand in a book: symbols with their price grids, and for each account the usual quantity
         * and what its venue takes.
         */
        get: operations["order_form"];
    };
    "/api/orders/plan": {
        /**
         * What an order of a person would become: every order of every account with its venue's own request, its cost, and
         * the verdicts on it. Nothing is sent. `preview` is the token that places exactly this.
         */
        post: operations["preview_entry"];
    };
    "/api/orders/preview": {
        /** What a wish would send, account by account; nothing is sent. */
        post: operations["api_orders_preview_create"];
    };
    "/api/orders/times": {
        /** How long orders took, per account: from approval to submission, acceptance and fill, as percentiles. */
        get: operations["order_times"];
    };
    "/api/paper-trades": {
        /** Closed trades, newest first. Dates are UTC; a day given as `end_date` is included. */
        get: operations["api_paper_trades_retrieve"];
    };
    "/api/paper-trades/stats": {
        /** Counts and P&L of the trades that the filters leave. */
        get: operations["api_paper_trades_stats_retrieve"];
    };
    "/api/portfolio": {
        /**
         * Every account with its positions, exposure, cash and what was earned, and the sums per mode. A figure that is not
         * known is null.
         */
        get: operations["portfolio"];
    };
    "/api/positions": {
        /** What is held now. */
        get: operations["api_positions_list"];
    };
    "/api/positions/exits": {
        /** Give an open position another stop or target. */
        post: operations["api_positions_exits_create"];
    };
    "/api/real-trades": {
        /** Closed trades, newest first. Dates are UTC; a day given as `end_date` is included. */
        get: operations["api_real_trades_retrieve"];
    };
    "/api/real-trades/stats": {
        /** Counts and P&L of the trades that the filters leave. */
        get: operations["api_real_trades_stats_retrieve"];
    };
    "/api/reconciliation": {
        /** How every account stands; green is the only state in which it is traded freely. */
        get: operations["api_reconciliation_list"];
    };
    "/api/reconciliation/accept": {
        /** A person settles a difference: `adopt` books it as ours, `ignore` leaves it to whoever made it. */
        post: operations["api_reconciliation_accept_create"];
    };
    "/api/resume": {
        /** End a halt. */
        post: operations["api_resume_create"];
    };
    "/api/schwab/access-token": {
        /** Finish a login with what a person brings. */
        post: operations["api_schwab_access_token_create"];
    };
    "/api/schwab/authorize-url": {
        /** Begin a login. */
        get: operations["api_schwab_authorize_url_retrieve"];
    };
    "/api/schwab/refresh-token": {
        /** A new access token now. */
        post: operations["api_schwab_refresh_token_create"];
    };
    "/api/start-trading": {
        /**
         * Start a strategy. Real money needs POST, `live_mode`, the permission, and the confirmation that the first such
         * request answers with.
         * @deprecated
         */
        get: operations["api_start_trading_retrieve"];
        /**
         * Start a strategy. Real money needs POST, `live_mode`, the permission, and the confirmation that the first such
         * request answers with.
         */
        post: operations["api_start_trading_create"];
    };
    "/api/stats/{symbol}": {
        /** Statistics of the closes of the span. */
        get: operations["api_stats_retrieve"];
    };
    "/api/stop-trading": {
        /**
         * Stop a strategy in every book in which it runs: no new entries; what it holds keeps its exits, or is closed with
         * `flatten`. The answer is the run that trades real money, where one does.
         * @deprecated
         */
        get: operations["api_stop_trading_retrieve"];
        /**
         * Stop a strategy in every book in which it runs: no new entries; what it holds keeps its exits, or is closed with
         * `flatten`. The answer is the run that trades real money, where one does.
         */
        post: operations["api_stop_trading_create"];
    };
    "/api/strategies": {
        /** Every registered strategy with the schema of its parameters: forms are built from it. */
        get: operations["api_strategies_list"];
    };
    "/api/symbols": {
        /** Every symbol of which something is stored. */
        get: operations["api_symbols_list"];
    };
    "/api/tasty/access-token": {
        /** Finish a login with what a person brings. */
        post: operations["api_tasty_access_token_create"];
    };
    "/api/tasty/authorize-url": {
        /** Begin a login. */
        get: operations["api_tasty_authorize_url_retrieve"];
    };
    "/api/tasty/refresh-token": {
        /** A new access token now. */
        post: operations["api_tasty_refresh_token_create"];
    };
    "/api/tickers": {
        /** Save a ticker, nested dialect: 201 when it is new, 200 when it was changed. */
        post: operations["api_tickers_create"];
    };
    "/api/tickers/{strategy}": {
        /** The tickers of one strategy, nested dialect. */
        get: operations["api_tickers_list"];
    };
    "/api/tickers/{strategy}/{symbol}": {
        /** Remove one ticker. */
        delete: operations["api_tickers_destroy"];
    };
    "/api/token/refresh": {
        /**
         * Takes a refresh type JSON web token and returns an access type JSON web
         * token if the refresh token is valid.
         */
        post: operations["api_token_refresh_create"];
    };
    "/api/trades": {
        /** Closed trades, newest first. Dates are UTC; a day given as `end_date` is included. */
        get: operations["api_trades_retrieve"];
    };
    "/api/trading-status": {
        /** What `strategy` does now; without it, every strategy that ever ran. */
        get: operations["api_trading_status_retrieve"];
    };
    "/api/universe": {
        /** Every feed that carries a universe beside the symbols of its tickers. */
        get: operations["api_universe_list"];
    };
    "/api/update-credentials": {
        /** A new password; answers with new tokens, because the old ones end with the old password. */
        post: operations["api_update_credentials_create"];
    };
}
