"""Keeps strategies from taking the same bet twice: correlation of returns between symbols that are held."""

from collections import deque
from math import sqrt
from typing import Annotated

import msgspec
from msgspec import Meta


class CorrelationConfig(msgspec.Struct, frozen=True):
    """An entry is redundant when a position of the same direction moves like it: correlation of the last `window`
    bar returns at or above `limit`. Fewer than `min_bars` common returns prove nothing."""

    limit: Annotated[float, Meta(description="0…1; 1 is the same symbol only")] = 0.9
    window: Annotated[int, Meta(description="bars that are compared")] = 100
    min_bars: Annotated[int, Meta(description="fewer common bars prove nothing")] = 30


class Correlations:
    """Returns of every symbol over the same bars, and how alike they are."""

    def __init__(self, config: CorrelationConfig) -> None:
        self.config = config
        self._returns: dict[str, deque[tuple[int, float]]] = {}
        self._last: dict[str, float] = {}

    def see(self, symbol: str, ts: int, close: float) -> None:
        """A bar of the symbol closed. Bars of one timeframe per symbol only."""
        before = self._last.get(symbol)
        self._last[symbol] = close
        if before:
            returns = self._returns.setdefault(symbol, deque(maxlen=self.config.window))
            returns.append((ts, close / before - 1.0))

    def between(self, a: str, b: str) -> float:
        """Correlation of the returns at times both have; nan where too few are common, or one does not move."""
        theirs = dict(self._returns.get(b, ()))
        pairs = [(x, theirs[ts]) for ts, x in self._returns.get(a, ()) if ts in theirs]
        if len(pairs) < self.config.min_bars:
            return float("nan")
        return _correlation(pairs)

    def redundant(self, symbol: str, target: int, held: list[tuple[str, int]]) -> tuple[str, float] | None:
        """The held symbol (with its direction) that already is this bet, and how alike they are."""
        for other, direction in held:
            alike = 1.0 if other == symbol else self.between(symbol, other)
            if alike * direction * target >= self.config.limit:
                return other, alike
        return None

    def state(self) -> tuple[dict[str, list[tuple[int, float]]], dict[str, float]]:
        """For a snapshot."""
        return {symbol: list(returns) for symbol, returns in self._returns.items()}, self._last

    def load(self, returns: dict[str, list[tuple[int, float]]], last: dict[str, float]) -> None:
        """From a snapshot."""
        self._returns = {symbol: deque(values, maxlen=self.config.window) for symbol, values in returns.items()}
        self._last = dict(last)


def _correlation(pairs: list[tuple[float, float]]) -> float:
    n = len(pairs)
    mean_x, mean_y = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    cov = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    var_x, var_y = sum((x - mean_x) ** 2 for x, _ in pairs), sum((y - mean_y) ** 2 for _, y in pairs)
    if not var_x or not var_y:
        return float("nan")
    return cov / sqrt(var_x * var_y)
