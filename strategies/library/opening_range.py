"""Opening range breakout: the first minutes of the day set a range, and the day follows the side that it breaks to."""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import ClosesAt, Movers, OpensAt, Side, Sides, VolumeRatio
from strategies.library.registration import STRATEGIES


class OpeningState(NamedTuple):
    wish: float
    rule: int
    side: float  # the last wish
    day: float
    formed: int  # bars that made the range
    top: float
    bottom: float
    entries: int  # of this day


def leave_opening(
    s: OpeningState,
    high: float,
    low: float,
    close: float,
    volume: float,
    clock: float,
    day: float,
    opens_at: float = 570.0,
    range_minutes: float = 30.0,
    last_entry_at: float = 900.0,
    closes_at: float = 955.0,
    buffer: float = 0.0,
    volume_ratio: float = 0.0,
    most_entries: int = 1,
    sides: Side = "both",
) -> OpeningState:
    """Over the range of the day's first minutes; back over its middle is a failure, and the day's end is the end."""
    formed, top, bottom, entries = s.formed, s.top, s.bottom, s.entries
    is_over = day != s.day or clock >= closes_at or clock <= opens_at
    if day != s.day:
        formed, entries = 0, 0
    if clock > opens_at and clock <= opens_at + range_minutes:
        top = high if formed == 0 else max(top, high)
        bottom = low if formed == 0 else min(bottom, low)
        formed += 1
    may = formed > 0 and clock > opens_at + range_minutes and clock <= last_entry_at and not is_over
    may = may and entries < most_entries and volume >= volume_ratio
    reach = buffer * (top - bottom)
    up = may and close > top + reach and s.side <= 0.0
    down = may and close < bottom - reach and s.side >= 0.0
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    wish = NO_OPINION
    rule = 0
    if s.side != 0.0 and is_over:
        wish = 0.0
        rule = 2
    elif up or down:
        wish = 1.0 if up else -1.0
        rule = 1 if up else -1
        entries += 1
    elif s.side * (close - (top + bottom) / 2.0) < 0.0:
        wish = 0.0
    side = wish if wish == wish else s.side
    return OpeningState(wish, rule, side, day, formed, top, bottom, entries)


@STRATEGIES.register("opening_range", aliases=("orb", "opening_range_breakout"))
class OpeningRange(StepStrategy):
    """Opening range breakout: the first minutes of the day set a range, and the day follows the side it breaks to.

    The range is the highest high and the lowest low of the bars that close in the first `range_minutes` after
    `opens_at`. Later, up to `last_entry_at`: long where the close is above it by more than `buffer` times its height
    and the volume is at least `volume_ratio` times that of the `volume_bars` bars before; short below is the mirror
    image; at most `most_entries` a day. Times are minutes of New York's day.

    Left when the close is back over the middle of the range (`range_failed`), and with the first bar outside the hours
    from `opens_at` to `closes_at` or of another day (`day_over`). On half days the ticker's own exit at the close ends
    it earlier.
    """

    decision = Decision(leave_opening, OpeningState(NO_OPINION, 0, 0.0, -1.0, 0, 0.0, 0.0, 0))
    reasons = {1: "opening_broken_up", -1: "opening_broken_down", 0: "range_failed", 2: "day_over"}

    class Params(msgspec.Struct, frozen=True):
        opens_at: OpensAt = 570.0
        range_minutes: Annotated[float, Meta(gt=0, le=720, description="minutes of the range")] = 30.0
        last_entry_at: Annotated[
            float, Meta(gt=0, le=1_440, description="minute of New York's day after which nothing is entered")
        ] = 900.0
        closes_at: ClosesAt = 955.0
        buffer: Annotated[float, Meta(ge=0, le=10, description="beyond the edge, as a share of the range")] = 0.0
        volume_bars: Annotated[int, Meta(ge=1, le=1_000, description="bars of usual volume")] = 20
        volume_ratio: VolumeRatio = 0.0
        most_entries: Annotated[int, Meta(ge=1, le=20, description="entries a day")] = 1
        sides: Sides = "both"
        movers: Movers = "any"

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """After the range there is time to enter, and after that time to hold."""
        if not params.opens_at + params.range_minutes < params.last_entry_at:
            ends = params.opens_at + params.range_minutes
            found = f"{params.last_entry_at:g}"
            return "last_entry_at", f"last_entry_at: after the range ({ends:g}) was expected, found {found}"
        if not params.last_entry_at <= params.closes_at:
            found = f"{params.closes_at:g}"
            return (
                "closes_at",
                f"closes_at: at least last_entry_at ({params.last_entry_at:g}) was expected, found {found}",
            )
        return None

    def values(self) -> tuple[str, ...]:
        p = self.params
        return "high", "low", "close", f"relative_volume({p.volume_bars})", "clock", f"day_from({p.opens_at!r})"
