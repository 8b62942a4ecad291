"""How many days of history a timeframe has, by tables that name only some timeframes."""

from collections.abc import Mapping

from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.errors import InvalidInput

_COUNTED = {"ticks": TimeframeKind.TICK, "volume": TimeframeKind.VOLUME}


def parse_depths(text: str) -> dict[str, int]:
    """ "1=30,1h=365,ticks=5" → days by timeframe, in canonical spelling; `ticks` and `volume` stand for all of them."""
    depths: dict[str, int] = {}
    for item in (each.strip() for each in text.split(",") if each.strip()):
        name, _, days = item.partition("=")
        if not days.strip().isdecimal() or int(days) < 1:
            raise InvalidInput(
                f"BACKFILL_DAYS: expected TIMEFRAME=DAYS with a whole number of days, found {item!r}",
                field="BACKFILL_DAYS",
            )
        depths[depth_name(name)] = int(days)
    return depths


def depth_name(text: str) -> str:
    """What a table calls it: a timeframe in canonical spelling, or ticks, or volume."""
    name = text.strip().lower()
    return name if name in _COUNTED else parse_timeframe(text).text


def days_back(timeframe: str, depths: Mapping[str, int]) -> int:
    """The days of the largest named timeframe that `timeframe` reaches; of the smallest where it reaches none."""
    found = days_named(timeframe, depths)
    if found is not None:
        return found
    return 30 if parse_timeframe(timeframe).duration_ns else 5


def days_named(timeframe: str, table: Mapping[str, int]) -> int | None:
    """The same; None where the table names nothing of its kind. `timeframe` may be ticks or volume itself."""
    if timeframe in _COUNTED:
        return table.get(timeframe)
    wanted = parse_timeframe(timeframe)
    if wanted.duration_ns is None:
        return table.get(next(name for name, each in _COUNTED.items() if each is wanted.kind))
    named = sorted((_span(parse_timeframe(name)), days) for name, days in table.items() if name not in _COUNTED)
    reached = [days for span, days in named if span <= _span(wanted)]
    return reached[-1] if reached else next((days for _, days in named), None)


def _span(timeframe: Timeframe) -> int:
    return timeframe.duration_ns or 0
