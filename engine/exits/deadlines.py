"""When a position must be closed whatever its price: after a time, before the session's close, at a cut-off; and when
an exit that failed is due again."""

from collections.abc import Iterator
from datetime import time

from engine.exits.config import ExitConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.instruments.sessions import from_new_york, new_york, session_of
from engine.model.event import Event
from engine.model.orders import EXCHANGE_CLOSED, OrderRejected

NS = 1_000_000_000
USUAL_CLOSE = time(16)
RETRY_NS = 5 * NS  # between two exit orders when the first one failed


def deadline(config: ExitConfig, instrument: Instrument, opened_ts: int) -> tuple[int, str] | None:
    """The earliest moment and its reason; None when no exit goes by time."""
    return min(deadlines(config, instrument, opened_ts), default=None)


def deadlines(config: ExitConfig, instrument: Instrument, opened_ts: int) -> Iterator[tuple[int, str]]:
    """Each moment at which an exit is due, with its reason."""
    if config.max_hold_s is not None:
        yield opened_ts + int(config.max_hold_s * NS), "max_hold"
    if config.before_close_s is not None:
        yield _close(instrument, opened_ts) - int(config.before_close_s * NS), "session_close"
    if config.cut_off is not None:
        yield _cut_off(config.cut_off, instrument, opened_ts), "cut_off"


def due_again(failed: Event, instrument: Instrument) -> int:
    """When an exit that ended so is sent once more: soon, or when its exchange opens."""
    soon = failed.ts + RETRY_NS
    if isinstance(failed, OrderRejected) and failed.code == EXCHANGE_CLOSED:
        return max(soon, session_of(instrument.calendar)(failed.ts).open)
    return soon


def _cut_off(clock: str, instrument: Instrument, opened_ts: int) -> int:
    """New York's `clock` on the trading day; on a half day as long before the close as it is before 16:00 else."""
    close = _close(instrument, opened_ts)
    day = new_york(close).date()
    wanted = from_new_york(day, time.fromisoformat(clock))
    before_close = max(from_new_york(day, USUAL_CLOSE) - wanted, 0)
    return min(wanted, close - before_close)


def _close(instrument: Instrument, opened_ts: int) -> int:
    """The session's end; for an option that ends in that session, its own last moment, which is before it."""
    close = session_of(instrument.calendar)(opened_ts).close
    if instrument.asset_class is not AssetClass.OPTION:
        return close
    return min(close, parse_option(instrument.symbol).last_trade)
