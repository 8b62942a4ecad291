"""Bars recomputed the slow, obvious way, sharing no code with the engine: the reference of the tests."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Group:
    key: tuple[int, ...]
    ts_open: int
    ts: int
    prints: list[Any] = field(default_factory=list)  # (ts, price, size, is_priced)

    def values(self):
        shown = [p for p in self.prints if p[3]] or self.prints
        prices = [p[1] for p in shown]
        volume = sum_left(p[2] for p in self.prints if p[3]) + sum_left(p[2] for p in self.prints if not p[3])
        return (
            self.ts_open, self.ts, prices[0], max(prices), min(prices), prices[-1], volume,
            len(self.prints), self.vwap(),
        )  # fmt: skip

    def vwap(self):
        priced = [p for p in self.prints if p[3]]
        weight = sum_left(p[2] for p in priced)
        return sum_left(p[1] * p[2] for p in priced) / weight if weight else None


def sum_left(values):
    total = 0.0
    for value in values:
        total += value
    return total


def time_bars(prints, seconds):
    span = seconds * 1_000_000_000
    groups: dict[int, Any] = {}
    for each in prints:
        start = each[0] // span * span
        groups.setdefault(start, Group((start,), start, start + span)).prints.append(each)
    return [group.values() for _, group in sorted(groups.items())]


def day_bars(prints, session):
    groups: dict[int, Any] = {}
    for each in prints:
        opened, closed = session(each[0])
        groups.setdefault(closed, Group((closed,), min(opened, each[0]), closed)).prints.append(each)
    return [group.values() for _, group in sorted(groups.items())]


def tick_bars(prints, count, session):
    """Full bars close with their last print; what a session leaves over closes with it."""
    return _counted(prints, count, session, lambda each: 1 if each[3] else 0)


def volume_bars(prints, amount, session):
    return _counted(prints, amount, session, lambda each: each[2])


def _counted(prints, amount, session, weight):
    days: dict[int, Any] = {}
    for each in prints:
        days.setdefault(session(each[0])[1], []).append(each)
    out = []
    for closed, day in sorted(days.items()):
        bar: list[Any] = []
        sums = {True: 0.0, False: 0.0}  # priced and other apart, as the definition has it
        for each in day:
            bar.append(each)
            sums[each[3]] += weight(each)
            if sums[True] + sums[False] >= amount:
                out.append(Group((), bar[0][0], each[0], bar).values())
                bar, sums = [], {True: 0.0, False: 0.0}
        if bar:
            out.append(Group((), bar[0][0], closed, bar).values())
    return out


def values_of(bar):
    vwap = None if bar.vwap != bar.vwap else bar.vwap
    return (bar.ts_open, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, vwap)
