"""How the parts of a run go together: what each earned by trading day, and how alike they were."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from backtest.report.material import Material
from engine.analytics.days import day_ends, sessions_between
from engine.model.positions import TradeClosed

PARTS = 12  # of more, those with the most trades
MIN_DAYS = 5

Part = tuple[str, str]  # strategy, symbol


def portfolio_of(material: Material) -> dict[str, Any]:
    """Net P&L and worst day of each strategy and symbol, and the correlation of their daily P&L (of closed trades, by
    the day of the exit); None where one of two does not vary, or below five days. Empty for a single part."""
    parts: dict[Part, list[TradeClosed]] = {}
    for trade in material.trades:
        parts.setdefault((trade.strategy, trade.symbol), []).append(trade)
    chosen = sorted(sorted(parts, key=lambda part: -len(parts[part]))[:PARTS])
    ts = material.curve.ts
    if len(chosen) < 2 or not len(ts):
        return {"parts": [], "correlation": []}
    sessions = sessions_between(material.calendar, int(ts[0]), int(ts[-1]))
    ends = ts[np.maximum(day_ends(ts, sessions), 0)]
    daily = np.array([_daily(parts[part], ends) for part in chosen])
    return {
        "parts": [
            {
                "strategy": strategy,
                "symbol": symbol,
                "trades": len(parts[strategy, symbol]),
                "net_pnl": float(row.sum()),
                "best_day": float(row.max()),
                "worst_day": float(row.min()),
            }
            for (strategy, symbol), row in zip(chosen, daily, strict=True)
        ],
        "correlation": [[_alike(one, other) for other in daily] for one in daily],
        "left_out": len(parts) - len(chosen),
    }


def _daily(trades: Sequence[TradeClosed], ends: Any) -> Any:
    """Net P&L by day; what was closed after the last day's end counts to it."""
    places = np.minimum(np.searchsorted(ends, [trade.exit_ts for trade in trades]), len(ends) - 1)
    return np.bincount(places, weights=[float(trade.pnl) for trade in trades], minlength=len(ends))


def _alike(one: Any, other: Any) -> float | None:
    if len(one) < MIN_DAYS or not one.std() > 0 or not other.std() > 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 4)
