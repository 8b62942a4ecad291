"""Curves of closed trades alone, where nobody watched what was open: equity moves when a trade ends."""

from collections.abc import Mapping, Sequence

import numpy as np

from backtest.report.material import Floats, Ints, Prices
from engine.instruments.instrument import Instrument
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed


class ClosedCurve:
    """What `trades` come to over time; open profit is not in it. `prices` are what can be drawn, and the time of their
    bars belongs to the curve, whether anything was traded or not."""

    def __init__(
        self,
        trades: Sequence[TradeClosed],
        instruments: Mapping[str, Instrument],
        prices: Mapping[str, Prices] | None = None,
    ) -> None:
        self.symbols: Mapping[str, Prices] = prices or {}
        entries = np.array([trade.entry_ts for trade in trades], dtype=np.int64)
        exits = np.array([trade.exit_ts for trade in trades], dtype=np.int64)
        size = np.array(
            [float(trade.quantity * trade.entry_price * instruments[trade.symbol].multiplier) for trade in trades]
        )
        side = np.array([1.0 if trade.side is PositionSide.LONG else -1.0 for trade in trades])
        pnl = np.array([float(trade.pnl) for trade in trades])
        seen = [each.ts for each in self.symbols.values()]
        self.ts: Ints = np.unique(np.concatenate((entries, exits, *seen)))
        self._profit = self._running(exits, pnl)
        self._gross = self._running(entries, size) - self._running(exits, size)
        self._net = self._running(entries, side * size) - self._running(exits, side * size)

    def profit(self) -> tuple[Ints, Floats]:
        """(moments, cash earned by the trades closed until then)."""
        return self.ts, self._profit

    def exposure(self) -> tuple[Ints, Floats, Floats]:
        """(moments, gross, net) value at the entry prices of what was held."""
        return self.ts, self._gross, self._net

    def _running(self, moments: Ints, values: Floats) -> Floats:
        found = np.zeros(len(self.ts))
        np.add.at(found, np.searchsorted(self.ts, moments), values)
        np.cumsum(found, out=found)
        return found.round(8)
