"""Watches all symbols of a feed for movers, about once a second: fast ones by their last prices, slow ones by bars."""

from collections.abc import Iterable, Mapping, Sequence

from engine.bars.timeframe import parse_timeframe
from engine.detection.movers import Mover
from engine.model.market import Bar, Tick
from engine.model.signals import MoverDetected
from engine.model.time import NS_PER_MINUTE


class MoverWatch:
    """What was found waits in `found` until somebody takes it. Strategies watch their own symbols by themselves, print
    by print: this is for people, who want to see the others too."""

    def __init__(self) -> None:
        self.found: list[MoverDetected] = []
        self._fast: dict[str, Mover] = {}
        self._slow: dict[str, Mover] = {}
        self._seen: dict[str, Tick] = {}

    def price(self, last: Tick) -> None:
        """The last print of a symbol; the same one again changes nothing."""
        symbol = last.symbol
        if self._seen.get(symbol) is last:
            return
        self._seen[symbol] = last
        mover = self._fast.get(symbol) or self._fast.setdefault(symbol, Mover(symbol))
        # Without its size: one print a second says nothing about volume.
        self.found += mover.see_tick(last.ts, last.price, 0.0)

    def bars(self, closed: Iterable[Bar], timeframes: Mapping[str, Sequence[str]]) -> None:
        """Bars that closed; of each symbol those of its finest timeframe count, unless that is above a minute."""
        for bar in closed:
            if bar.quality in ("built", "vendor", "sampled") and bar.timeframe == _finest(timeframes.get(bar.symbol)):
                mover = self._slow.get(bar.symbol) or self._slow.setdefault(bar.symbol, Mover(bar.symbol))
                told = mover.see_bar(bar.ts, bar.low, bar.high, bar.close, bar.volume)
                self.found += [each for each in told if each.mover == "slow"]

    def take(self) -> list[MoverDetected]:
        found, self.found = self.found, []
        return found

    def forget(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            for kept in (self._fast, self._slow, self._seen):
                kept.pop(symbol, None)


def _finest(timeframes: Sequence[str] | None) -> str:
    """The first that time ends within a minute; empty where there is none."""
    for timeframe in timeframes or ():
        duration_ns = parse_timeframe(timeframe).duration_ns
        if duration_ns is not None and duration_ns <= NS_PER_MINUTE:
            return timeframe
    return ""
