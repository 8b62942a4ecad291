"""Equity, exposure and prices at the close of every bar, kept while a run goes on."""

from array import array
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.core import Engine
from engine.core.holding import Holding
from engine.model.market import Bar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Part:
    """One position of the symbol, and what its fills had come to when its cash moved last."""

    __slots__ = ("cash", "holding", "settled")

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        self.cash: Decimal | None = None
        self.settled = 0.0


class SymbolCurve:
    """What one symbol's positions were worth at each close of its bars: net P&L so far, and signed notional."""

    def __init__(self, symbol: str, timeframe: str, holdings: Iterable[Holding]) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self._parts = [_Part(holding) for holding in holdings]
        self._ts = array("q")
        self._values = array("d")
        self._notional = array("d")
        self._open, self._high, self._low, self._close = (array("d") for _ in range(4))

    def see(self, bar: Bar) -> None:
        """The bar has closed, and all that follows from it is done."""
        value = notional = 0.0
        close = bar.close
        for part in self._parts:
            position = part.holding.position
            if position.cash is not part.cash:
                part.cash, part.settled = position.cash, float(position.realized - position.fees)
            held = position.held
            value += part.settled
            if held:
                value += held * close - position.paid
                notional += held * close
        self._ts.append(bar.ts)
        self._values.append(value)
        self._notional.append(notional)
        self._open.append(bar.open)
        self._high.append(bar.high)
        self._low.append(bar.low)
        self._close.append(close)

    def __len__(self) -> int:
        return len(self._ts)

    @property
    def ts(self) -> Ints:
        """Closes, UTC nanoseconds."""
        return np.array(self._ts, dtype=np.int64)

    @property
    def values(self) -> Floats:
        """Cash earned since the run began, open profit included."""
        return _floats(self._values)

    @property
    def notional(self) -> Floats:
        """Cash value of what is held, negative for short."""
        return _floats(self._notional)

    @property
    def open(self) -> Floats:
        return _floats(self._open)

    @property
    def high(self) -> Floats:
        return _floats(self._high)

    @property
    def low(self) -> Floats:
        return _floats(self._low)

    @property
    def close(self) -> Floats:
        return _floats(self._close)


class Curve:
    """The curves of all symbols of a run, each on the finest timeframe that its slots trade on."""

    def __init__(self, engine: Engine, timeframes: dict[str, str]) -> None:
        self.symbols = {
            symbol: SymbolCurve(symbol, timeframe, (h for h in engine.holdings.values() if h.symbol == symbol))
            for symbol, timeframe in timeframes.items()
        }
        self._of = {(each.symbol, each.timeframe): each for each in self.symbols.values()}

    def see(self, bar: Bar) -> None:
        """A bar that the run has handled."""
        found = self._of.get((bar.symbol, bar.timeframe))
        if found is not None:
            found.see(bar)

    @property
    def ts(self) -> Ints:
        """Every moment at which any symbol's bar closed."""
        found = [each.ts for each in self.symbols.values()]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)

    def profit(self) -> tuple[Ints, Floats]:
        """(moments, cash earned until then over all symbols, open profit included)."""
        ts = self.ts
        total = np.zeros(len(ts))
        for each in self.symbols.values():
            total += carried(ts, each.ts, each.values)
        return ts, total

    def exposure(self) -> tuple[Ints, Floats, Floats]:
        """(moments, gross notional, net notional)."""
        ts = self.ts
        gross, net = np.zeros(len(ts)), np.zeros(len(ts))
        for each in self.symbols.values():
            found = carried(ts, each.ts, each.notional)
            gross += np.abs(found)
            net += found
        return ts, gross, net


def carried(moments: Ints, ts: Ints, values: Floats, *, before: float = 0.0) -> Floats:
    """The last of `values` known at each of `moments`; `before` ahead of the first."""
    places = np.searchsorted(ts, moments, side="right")
    return np.concatenate(([before], values))[places]


def _floats(values: "array[float]") -> Floats:
    return np.array(values, dtype=np.float64)
