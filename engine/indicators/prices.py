"""The fields of a bar that indicators read, and how some of them follow from others."""

from collections.abc import Callable, Iterable

from engine.instruments.sessions import new_york_minute, new_york_weekday

# The mean of these fields, added up in this order: everywhere the same operations, so that the bits are the same.
DERIVED = {
    "hl2": ("high", "low"),
    "hlc3": ("high", "low", "close"),
    "ohlc4": ("open", "high", "low", "close"),
}
# What follows from a bar's close (UTC ns) alone: the minute of New York's day, and the day of its week.
TIMES: dict[str, Callable[[int], float]] = {"clock": new_york_minute, "weekday": new_york_weekday}
# `session` is the id of the trading day, made by the callable that a frame is given.
PRICE_FIELDS = ("open", "high", "low", "close", "volume", "trade_count", "vwap", "session", *TIMES, *DERIVED)


def mean_of(terms: Iterable[str]) -> str:
    """The expression of a derived field, from the expressions of its parts."""
    parts = list(terms)
    return f"({' + '.join(parts)}) / {len(parts)}.0"
