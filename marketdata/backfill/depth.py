"""How far back a first fetch goes."""

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
        key = name.strip().lower()
        depths[key if key in _COUNTED else parse_timeframe(name).text] = int(days)
    return depths


def days_back(timeframe: str, depths: dict[str, int]) -> int:
    """The days of the largest named timeframe that `timeframe` reaches; of the smallest where it reaches none."""
    wanted = parse_timeframe(timeframe)
    if wanted.duration_ns is None:
        kind = next(name for name, each in _COUNTED.items() if each is wanted.kind)
        return depths.get(kind, 5)
    named = sorted((_span(parse_timeframe(name)), days) for name, days in depths.items() if name not in _COUNTED)
    if not named:
        return 30
    reached = [days for span, days in named if span <= _span(wanted)]
    return reached[-1] if reached else named[0][1]


def _span(timeframe: Timeframe) -> int:
    return timeframe.duration_ns or 0
