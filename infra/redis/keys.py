"""Every Redis key and Channels group of the product, with its type, bound, writer and readers."""

import re

_SLUG = re.compile(r"[^A-Za-z0-9.]+")


def slug(text: str) -> str:
    """For Channels groups, which allow [A-Za-z0-9-_.] only: "/NQ:144t" → "NQ-144t"."""
    return _SLUG.sub("-", text).strip("-")


# ---- market data ------------------------------------------------------------------------------------------


def bars_stream(symbol: str, timeframe: str) -> str:
    """Stream of completed bars, about 1000, more while a reader needs them. Publisher → traders, relay."""
    return f"bars_stream:{symbol}:{timeframe}"


def is_bars_stream(key: str) -> bool:
    return key.startswith("bars_stream:")


def ticks_stream(symbol: str, timeframe: str) -> str:
    """Stream of partial bars, trimmed by time, later while a reader needs them. Publisher → traders, relay."""
    return f"ticks_stream:{symbol}:{timeframe}"


def bars(symbol: str, timeframe: str) -> str:
    """Sorted set of recent bars scored by close (ms), bounded. Publisher, backfill → warm-up, charts, history."""
    return f"bars:{symbol}:{timeframe}"


def partial_state(symbol: str) -> str:
    """String: feed, number of its last record in it, newline, the aggregators' state. Publisher → publisher."""
    return f"partial_state:{symbol}"


def feed_position(feed: str) -> str:
    """String: how far a feed that can resume has been published. Publisher → feed."""
    return f"feed_position:{feed}"


def recording_position(feed: str) -> str:
    """String: the numbers of the last records of the feed's recording that are in its bars, and in every state.
    Publisher → publisher."""
    return f"recording_position:{feed}"


def recording_tail(feed: str) -> str:
    """String, TTL 12 h: the records of the feed's recording that were published before they were written.
    Publisher → recorder."""
    return f"recording_tail:{feed}"


def revised_bars(feed: str) -> str:
    """List, TTL 24 h, bounded: bars that were made again after a late correction. Archive task → feed."""
    return f"revised_bars:{feed}"


def feed_state(symbol: str) -> str:
    """Hash, TTL 30 s unless the feed took its leave: state, reason, last tick's times. Feed → API, page, traders."""
    return f"feed_state:{symbol}"


def quote(symbol: str) -> str:
    """Hash: last price, bid, ask, ts. Feed → page, API; of an option that is held (its bid, with TTL) trader → page."""
    return f"quote:{symbol}"


def facts(symbol: str, kind: str) -> str:
    """Hash: the venue's day summary, profile or greeks of a symbol, as last received. Feed → page, API."""
    return f"facts:{kind}:{symbol}"


def option_interest() -> str:
    """Sorted set: options that somebody looks at, scored by until when (ms). Pages → feeds that stream options."""
    return "option_interest"


def option_quote(symbol: str) -> str:
    """String with TTL: JSON of an option's quote and greeks, renewed while they are streamed. Feeds → pages."""
    return f"option_quote:{symbol}"


def chain(source: str, symbol: str) -> str:
    """String with TTL: JSON of the chain that a source told last, or why it did not. Pages → pages, API."""
    return f"chain:{source}:{symbol}"


def chain_turn(source: str, symbol: str, what: str) -> str:
    """String with TTL, present while nobody may ask that source again: one question for all processes."""
    return f"chain_turn:{source}:{symbol}:{what}"


# ---- control ----------------------------------------------------------------------------------------------


def commands(book: str) -> str:
    """Stream of commands, MAXLEN ~10000. Services → trader."""
    return f"commands:{book}"


def trade_state(strategy: str, symbol: str, broker: str) -> str:
    """Hash, a view of the position. Trader → API, people."""
    return f"trade_state:{strategy}:{symbol}:{broker}"


def slot_state(book: str) -> str:
    """Hash: slot → JSON of its state (warming 37/50, ready, …). Trader → API, page."""
    return f"slot_state:{book}"


def usage(book: str) -> str:
    """String with TTL: JSON of how much of each limit the book uses. Trader → API, page, admin."""
    return f"usage:{book}"


def lease(kind: str, name: str) -> str:
    """String with TTL: who holds it and its fencing token. Owner → supervisor, journal."""
    return f"lease:{kind}:{name}"


def fencing(kind: str, name: str) -> str:
    """Counter that only rises: the next fencing token of a lease."""
    return f"fencing:{kind}:{name}"


def halt(book: str) -> str:
    """String, present while the book is halted: the reason. Services → gateway."""
    return f"halt:{book}"


def wanted(feed: str) -> str:
    """Set of "symbol|timeframe" that the feed must carry. Supervisor → feed."""
    return f"wanted:{feed}"


def config_changed() -> str:
    """Counter, raised whenever configuration changes. strategies.services → supervisor."""
    return "config_changed"


def log_levels() -> str:
    """Hash: logger → JSON of the level chosen for it and until when. Command → every process."""
    return "log_levels"


def heartbeat(process: str) -> str:
    """String with TTL: when the process last did work. Processes → health, doctor."""
    return f"heartbeat:{process}"


def metrics(process: str) -> str:
    """String with TTL: a process's own Prometheus exposition. Long-lived loops → web's /metrics."""
    return f"metrics:{process}"


def notices() -> str:
    """List, bounded: what loops hand over to be told to people. Traders → workers."""
    return "notices"


def notices_turn() -> str:
    """Lock with TTL: which worker tells what was handed over. Workers → workers."""
    return "notices_turn"


def notifications(user: str) -> str:
    """Sorted set with TTL: ids of notices by their time. Notifications → pages."""
    return f"notifications:{user}"


def notifications_read(user: str) -> str:
    """String with TTL: the time up to which the person has seen them. Notifications → pages."""
    return f"notifications_read:{user}"


def price_ticks() -> str:
    """Stream, trimmed: last prints of each flush, for outside readers; nothing of ours reads it. Publisher → people."""
    return "price.ticks"


def movers() -> str:
    """Stream, about 500 entries: symbols that run away or begin to trade, with the feed. Feeds → API, page."""
    return "movers"


def new_orders() -> str:
    """Stream, trimmed: every order that was approved, of all books, for outside readers. Traders → people."""
    return "orders.new"


# ---- Channels groups --------------------------------------------------------------------------------------


def book_group(book: str) -> str:
    """Facts of one book: orders, fills, positions, trades, status."""
    return f"book.{slug(book)}"


def feeds_group() -> str:
    """Alerts of feeds: a symbol's data came into doubt, or can be believed again."""
    return "feeds"


def user_group(user_id: int) -> str:
    """What concerns one user: notifications, progress."""
    return f"user.{user_id}"


def study_group(study_id: int) -> str:
    """Progress of one study of many runs."""
    return f"study.{study_id}"


def job_group(kind: str, number: int) -> str:
    """Progress of one search of that kind: for rules, of fingerprints."""
    return f"job.{slug(kind)}.{number}"
