"""What the market said: prints, quotes, bars, and the absence of any of them."""

from decimal import Decimal

from engine.model.event import Event

NAN = float("nan")


class Tick(Event, frozen=True):
    """One print. `bid` and `ask` are the quote at the print where the source gives it, else nan."""

    symbol: str
    price: float
    size: float
    bid: float = NAN
    ask: float = NAN
    conditions: int = 0  # the source's condition bits; 0 where it gives none
    ts_recv: int = 0  # UTC nanoseconds by our clock; 0 where it was never received (stored data)
    seq: int = 0  # position in the symbol's one total order of ticks and bars


class TickCorrected(Event, frozen=True):
    """The venue took the print `original` back at `ts`; `replacement` is what it put in its place, None for nothing.

    Both carry the original's time: a correction changes the bar that the print was in, however late it comes. One that
    is not `is_known` names a print that the source does not remember: what it does not say of it is 0 or nan, and only
    who has the prints can tell which bar it was in.
    """

    symbol: str
    original: Tick
    replacement: Tick | None = None
    ts_recv: int = 0
    seq: int = 0
    is_known: bool = True


class Quote(Event, frozen=True):
    """Best bid and ask; a missing side is nan."""

    symbol: str
    bid: float = NAN
    ask: float = NAN
    bid_size: float = NAN
    ask_size: float = NAN
    ts_recv: int = 0
    seq: int = 0


class Bar(Event, frozen=True):
    """OHLCV over (ts_open, ts]. `ts` is the close: nobody sees a bar before it ends."""

    symbol: str
    timeframe: str  # canonical spelling: "1", "5", "1h", "1d", "144t"
    ts_open: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int = 0
    vwap: float = NAN
    is_complete: bool = True  # False: begun in the middle of its period or across a gap; never traded on
    source: str = ""  # provenance: "dxlink", "archive", "vendor:schwab", …
    quality: str = "built"  # built | vendor | sampled | gapped | revised
    ts_recv: int = 0
    seq: int = 0


class PartialBar(Event, frozen=True):
    """A bar still forming, as of `ts`. `high_since` and `low_since` span what happened since the previous
    partial of this symbol and timeframe, so that a level between two partials is still seen."""

    symbol: str
    timeframe: str
    ts_open: int
    open: float
    high: float
    low: float
    close: float  # the last price
    volume: float
    trade_count: int
    high_since: float
    low_since: float
    fill: float = NAN  # 0…1: the share of the bar that is done; nan where it cannot be known
    bid: float = NAN
    ask: float = NAN
    ts_recv: int = 0
    seq: int = 0


class TimeAdvanced(Event, frozen=True):
    """Nothing happened until `ts`: time itself, so that a quiet minute still closes."""


class FeedGap(Event, frozen=True):
    """Events of `symbol` were lost before `ts`; what depends on it must warm up again before it trades."""

    symbol: str
    reason: str
    missed: int = 0  # how many events, where it is known
    seq: int = 0
    since: int = 0  # everything up to here was received; 0: up to `ts`
    mended: str = ""  # the timeframe in which history took the place of what was lost; nothing new was
    is_roll: bool = False  # nothing was lost: what comes is of the next contract, and the history before of another


class FeedStateChanged(Event, frozen=True):
    """The trust in a symbol's data changed: fresh | stale | gapped | suspect, with the reason."""

    symbol: str
    state: str
    reason: str = ""
    seq: int = 0


class Split(Event, frozen=True):
    """Each share of `symbol` became `ratio` shares; prices from now on are of the new ones."""

    symbol: str
    ratio: Decimal


class Settled(Event, frozen=True):
    """The contract `symbol` ended, and is worth `price` a unit, in cash."""

    symbol: str
    price: Decimal


MarketEvent = (
    Tick | TickCorrected | Quote | Bar | PartialBar | TimeAdvanced | FeedGap | FeedStateChanged | Split | Settled
)
