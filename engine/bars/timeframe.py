"""Timeframes: every spelling people use, and the one we store."""

import re
from enum import StrEnum

import msgspec

from engine.errors import InvalidInput
from engine.model.time import NS_PER_S

SECONDS_PER_DAY = 86_400


class TimeframeKind(StrEnum):
    """What ends a bar. The order of the members is the order in which bars of one instant come out."""

    TIME = "time"  # a fixed span on the UTC grid; size in seconds, below one day
    SESSION = "session"  # the trading day; size is 1
    TICK = "tick"  # a number of prints
    VOLUME = "volume"  # an amount of volume


_KIND_ORDER = {kind: rank for rank, kind in enumerate(TimeframeKind)}

_UNITS: dict[str, tuple[TimeframeKind, int]] = {
    "": (TimeframeKind.TIME, 60),  # the bare number of the stream names: minutes
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (TimeframeKind.TIME, 1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), (TimeframeKind.TIME, 60)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), (TimeframeKind.TIME, 3_600)),
    **dict.fromkeys(("d", "day", "days"), (TimeframeKind.TIME, SECONDS_PER_DAY)),
    **dict.fromkeys(("t", "tick", "ticks"), (TimeframeKind.TICK, 1)),
    **dict.fromkeys(("v", "vol", "volume"), (TimeframeKind.VOLUME, 1)),
}
_SPELLING = re.compile(r"([0-9]{1,9}) ?([A-Za-z]*)")
_EXPECTED = "expected minutes (5, 5m, 5Min), seconds (30s), hours (1h, 1Hour), 1d, ticks (144t) or volume (5000v)"


class Timeframe(msgspec.Struct, frozen=True):
    """What ends a bar, and how much of it: seconds, prints or volume (1 for the trading day)."""

    kind: TimeframeKind
    size: int

    @property
    def text(self) -> str:
        """The canonical spelling, which names streams and files: "1", "90", "1h", "30s", "1d", "144t", "5000v"."""
        if self.kind is TimeframeKind.SESSION:
            return "1d"
        if self.kind is TimeframeKind.TICK:
            return f"{self.size}t"
        if self.kind is TimeframeKind.VOLUME:
            return f"{self.size}v"
        if self.size % 3_600 == 0:
            return f"{self.size // 3_600}h"
        return f"{self.size}s" if self.size % 60 else f"{self.size // 60}"

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds of one bar, nominally; None where time does not end it."""
        if self.kind is TimeframeKind.TIME:
            return self.size * NS_PER_S
        return SECONDS_PER_DAY * NS_PER_S if self.kind is TimeframeKind.SESSION else None

    @property
    def order(self) -> tuple[int, int]:
        """Sort key: the smaller first; time before the trading day before ticks before volume."""
        return _KIND_ORDER[self.kind], self.size

    def __str__(self) -> str:
        return self.text


def parse_timeframe(text: str) -> Timeframe:
    """The timeframe that `text` spells: "1", "5Min", "60" and "1Hour" (both "1h"), "1440" ("1d"), "144t", …

    A capital M alone is refused: half the world writes a month so. More than one day is refused.
    """
    match = _SPELLING.fullmatch(text.strip())
    unit = match[2] if match else ""
    if match is None or unit == "M" or unit.lower() not in _UNITS:
        raise InvalidInput(f"timeframe: {_EXPECTED}; found {text!r}", field="timeframe")
    kind, scale = _UNITS[unit.lower()]
    size = int(match[1]) * scale
    if size == 0:
        raise InvalidInput(f"timeframe: expected a size of 1 or more, found {text!r}", field="timeframe")
    if kind is TimeframeKind.TIME and size >= SECONDS_PER_DAY:
        return _day(text, size)
    return Timeframe(kind, size)


def canonical(text: str) -> str:
    """The canonical spelling of `text`: "5Min" → "5", "60" → "1h"."""
    return parse_timeframe(text).text


def _day(text: str, seconds: int) -> Timeframe:
    if seconds != SECONDS_PER_DAY:
        raise InvalidInput(f"timeframe: expected at most one day (1d), found {text!r}", field="timeframe")
    return Timeframe(TimeframeKind.SESSION, 1)
