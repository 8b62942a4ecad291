"""From equity at every bar to one value a trading day, and to months."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from engine.instruments.sessions import ALWAYS, Session, calendar, new_york
from engine.model.time import NS_PER_DAY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def sessions_between(name: str, first: int, last: int) -> list[Session]:
    """The trading days of the calendar `name` from the one of `first` to the one of `last` (bar closes, UTC ns)."""
    if name == ALWAYS:
        opened = (first - 1) - (first - 1) % NS_PER_DAY
        return [Session(at, at + NS_PER_DAY) for at in range(opened, last, NS_PER_DAY)]
    found = calendar(name)
    # A bar that closes with the session belongs to it: the moment before its close decides.
    sessions = found.sessions(first - 1, last)
    return sessions or [found.session(first - 1)]


def day_ends(ts: Ints, sessions: Sequence[Session]) -> Ints:
    """Per session the index into `ts` of the last moment up to its end (what comes after the close, such as trading
    after hours, counts to the next day); −1 ahead of the first. The last session takes all that is left."""
    closes = np.array([session.close for session in sessions], dtype=np.int64)
    closes[-1] = max(int(closes[-1]), int(ts[-1]))
    found: Ints = (np.searchsorted(ts, closes, side="right") - 1).astype(np.int64)
    return found


def daily(values: Floats, ends: Ints, *, before: float) -> Floats:
    """The last of `values` of each day; `before` ahead of the first."""
    found: Floats = np.concatenate(([before], values))[ends + 1]
    return found


def changes(levels: Floats, *, before: float) -> Floats:
    """Each level over the one before it, minus 1. What follows a level of nothing or less is 0."""
    earlier = np.concatenate(([before], levels[:-1]))
    found: Floats = np.divide(levels - earlier, earlier, out=np.zeros(len(levels)), where=earlier > 0)
    return found


def dates(sessions: Sequence[Session]) -> list[date]:
    """The New York date that each session ends on."""
    return [new_york(session.close - 1).date() for session in sessions]


def months(days: Sequence[date], returns: Floats) -> dict[tuple[int, int], float]:
    """(year, month) → compounded return of its days."""
    found: dict[tuple[int, int], float] = {}
    for day, change in zip(days, returns.tolist(), strict=True):
        key = (day.year, day.month)
        found[key] = (1.0 + found.get(key, 0.0)) * (1.0 + change) - 1.0
    return found


class Drawdown(tuple[int, int, int, float]):
    """(index of the peak, of the lowest day, of the day of recovery or −1, depth as a share of the peak)."""

    __slots__ = ()


def deepest(levels: Floats, *, before: float, count: int = 5) -> list[Drawdown]:
    """The deepest falls from a peak, the deepest first; index −1 of a peak is the beginning."""
    found: list[Drawdown] = []
    peak, peak_at, low, low_at = before, -1, before, -1
    for at, level in enumerate(levels.tolist()):
        if level >= peak:
            if low < peak:
                found.append(Drawdown((peak_at, low_at, at, (peak - low) / peak)))
            peak, peak_at, low = level, at, level
        elif level < low:
            low, low_at = level, at
    if low < peak:
        found.append(Drawdown((peak_at, low_at, -1, (peak - low) / peak)))
    return sorted(found, key=lambda each: -each[3])[:count]
