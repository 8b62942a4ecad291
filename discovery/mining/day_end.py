"""Positions that must not be held overnight: entries end in time, and the rest is closed before the session is."""

from typing import NamedTuple

from discovery.mining.catalog import day_of, moment
from engine.errors import InvalidInput
from engine.instruments.instrument import Instrument
from engine.instruments.sessions import ALWAYS
from engine.rules.conditions import Clock, Condition

LEAST_S = 300.0


class DayEnd(NamedTuple):
    """`window`: the condition that every rule gets; `before_close_s`: when exits flatten."""

    window: Condition | None = None
    before_close_s: float | None = None


def day_end(instrument: Instrument, *, bar_s: float, carry: bool) -> DayEnd:
    """Nothing where positions are carried. An order of a bar is filled on the next one, so there must be one left; on
    half days, whose end the window does not know, what is entered late may be held over."""
    if carry:
        return DayEnd()
    if instrument.calendar == ALWAYS:
        raise InvalidInput(
            f"carry: {instrument.symbol} trades around the clock, so positions are carried", field="carry"
        )
    before_close_s = max(LEAST_S, bar_s)
    opened, closed = day_of(instrument)
    last = closed - -(-(before_close_s + bar_s) // 60)
    if last <= opened:
        raise InvalidInput(f"carry: bars of {bar_s:.0f} s leave no day to trade in without carrying", field="carry")
    return DayEnd(Clock(moment(opened), moment(int(last))), before_close_s)
