"""Proposals for sharing capital between the parts of a portfolio, and what they were worth on days not seen."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from backtest.report.parts import Floats, Parts
from backtest.report.words import number, share
from engine.analytics.allocation import HELD, STEP, WINDOW, Compared, Walked, compare, walk
from engine.analytics.bounded import Bounds
from engine.analytics.returns import DAYS, annual_return, annual_volatility, max_drawdown, sharpe
from engine.analytics.weights import METHODS, turnover, weights_of
from engine.model.numbers import finite

ENOUGH_DAYS = DAYS  # a year
DAYS_PER_PART = 10
ENOUGH_TRADES = 30  # of each part
NAMES = {
    "held": "As traded",
    "equal": "Equal",
    "inverse_volatility": "Inverse volatility",
    "minimum_variance": "Minimum variance",
    "risk_parity": "Risk parity",
    "maximum_sharpe": "Maximum Sharpe",
    "hierarchical": "Hierarchical risk parity",
}
FREE = Bounds()
NOT_JUDGED = {
    "folds": None, "folds_won": None, "sharpe_difference": None, "low": None, "high": None, "verdict": "",
}  # fmt: skip


def weights_document(
    parts: Parts, bounds: Bounds = FREE, *, window: int = WINDOW, step: int = STEP
) -> dict[str, Any] | None:
    """By every method the share of the capital for each part, and `factor`: its size against what was traded, at the
    same capital. `walk_forward` is None where there are too few days for it. None without two parts."""
    if len(parts.parts) < 2:
        return None
    returns, held = parts.returns(), parts.held()
    proposals = {method: weights_of(method, returns, bounds, held) for method in METHODS}
    walked = walk(returns, bounds, window=window, step=step, held=held) if len(returns) >= window + 2 * step else []
    rows = _rows(walked, step)
    return {
        "parts": [
            {"strategy": part.strategy, "symbol": part.symbol, "trades": part.trades, "value": part.value}
            for part in parts.parts
        ],
        "days": len(parts.days),
        "held": _listed(held),
        "proposals": {
            method: {
                "shares": _listed(found),
                "factors": _listed(found / held),
                "turnover": round(turnover(held, found), 6),
            }
            for method, found in proposals.items()
        },
        "bounds": {"least": bounds.least, "most": bounds.most, "turnover": bounds.turnover},
        "walk_forward": {
            "window": window, "step": step, "first": parts.days[window].isoformat(),
            "days": len(returns) - window, "rows": rows,
        } if rows else None,
        "warnings": list(_warnings(parts, window=window, step=step)),
        "advice": _advice(rows),
    }  # fmt: skip


def view(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows: a row a method, with the share of every part."""
    judged = {row["method"]: row for row in (found["walk_forward"] or {"rows": ()})["rows"]}
    shares = {HELD: found["held"]} | {method: each["shares"] for method, each in found["proposals"].items()}
    return {
        "parts": [f"{part['strategy']} {part['symbol']}" for part in found["parts"]],
        "rows": [
            {
                "name": NAMES[method],
                "shares": [share(each, places=1) for each in row],
                "sharpe": number(judged[method]["sharpe"]) if method in judged else "–",
                "drawdown": share(judged[method]["max_drawdown"]) if method in judged else "–",
                "verdict": judged[method]["verdict"] if method in judged else "",
                "interval": _interval(judged[method]) if method in judged else "",
            }
            for method, row in shares.items()
        ],
        "walk": found["walk_forward"],
        "warnings": found["warnings"],
        "advice": found["advice"],
    }


def _rows(walked: list[Walked], step: int) -> list[dict[str, Any]]:
    against: dict[str, Compared] = {each.method: each for each in compare(walked, step=step)} if walked else {}
    return [_row(each, against.get(each.method)) for each in walked]


def _row(walked: Walked, against: Compared | None) -> dict[str, Any]:
    returns = walked.returns
    return {
        "method": walked.method,
        "annual_return": _rounded(annual_return(returns)),
        "annual_volatility": _rounded(annual_volatility(returns)),
        "sharpe": _rounded(sharpe(returns)),
        "max_drawdown": _rounded(max_drawdown(returns)),
        "turnover": _rounded(walked.turnover),
        **(_judged(against) if against else NOT_JUDGED),
    }


def _judged(against: Compared) -> dict[str, Any]:
    year = math.sqrt(DAYS)
    return {
        "folds": against.folds,
        "folds_won": against.folds_won,
        "sharpe_difference": _rounded(against.difference * year),
        "low": _rounded(against.low * year),
        "high": _rounded(against.high * year),
        "verdict": against.verdict,
    }


def _warnings(parts: Parts, *, window: int, step: int) -> Iterator[str]:
    days, count = len(parts.days), len(parts.parts)
    enough = max(ENOUGH_DAYS, DAYS_PER_PART * count)
    if days < enough:
        yield f"Only {days} trading days: {enough} are the least from which {count} parts can be weighed."
    if days < window + 2 * step:
        yield f"Nothing is judged on days that were not used: that takes {window + 2 * step} of them."
    for part in parts.parts:
        if part.trades < ENOUGH_TRADES:
            yield f"{part.strategy} {part.symbol} closed only {part.trades} trades."
    if parts.left_out:
        yield f"{parts.left_out} parts with fewer trades are not weighed."


def _advice(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Equal weights: there is nothing that shows others to be better."
    better = [NAMES[row["method"]] for row in rows if row["verdict"] == "better" and row["method"] != HELD]
    if not better:
        return "Equal weights: no method did provably better on days that it had not seen."
    return f"Provably better than equal weights on days not seen: {', '.join(better)}."


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}"


def _listed(values: Floats) -> list[float]:
    return [round(float(value), 6) + 0.0 for value in values]


def _rounded(value: float) -> float | None:
    return finite(round(value, 6))
