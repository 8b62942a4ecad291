"""How the parts of a run go together: what each earned by trading day, how alike they were, and other weights."""

from typing import Any

import numpy as np

from backtest.report.material import Material
from backtest.report.parts import closed_of, parts_of
from backtest.report.weights import weights_document

PARTS = 12  # of more, those with the most trades
MIN_DAYS = 5


def portfolio_of(material: Material) -> dict[str, Any]:
    """Net P&L and worst day of each strategy and symbol, the correlation of their daily P&L (of closed trades, by
    the day of the exit; None where one of two does not vary, or below five days), and how capital may be shared
    between them. Empty for a single part."""
    closed, ts = closed_of(material.trades, material.instruments), material.curve.ts
    if len({(trade.strategy, trade.symbol) for trade in closed}) < 2:
        return {"parts": [], "correlation": [], "weights": None}
    found = parts_of(closed, material.calendar, first=int(ts[0]), last=int(ts[-1]), most=PARTS)
    columns = found.daily.T
    return {
        "parts": [
            {
                "strategy": part.strategy,
                "symbol": part.symbol,
                "trades": part.trades,
                "net_pnl": float(row.sum()),
                "best_day": float(row.max()),
                "worst_day": float(row.min()),
            }
            for part, row in zip(found.parts, columns, strict=True)
        ],
        "correlation": [[_alike(one, other) for other in columns] for one in columns],
        "left_out": found.left_out,
        "weights": weights_document(found),
    }


def _alike(one: Any, other: Any) -> float | None:
    if len(one) < MIN_DAYS or not one.std() > 0 or not other.std() > 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 4)
