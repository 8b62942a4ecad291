"""How convincing a result is, in words: trials counted, the Sharpe ratio corrected for them, overfitting."""

from collections.abc import Mapping
from typing import Any

from backtest.report.words import count, number
from engine.analytics.returns import DAYS

CONVENTIONS = {
    "trials": "Every parameter set ever tried of the strategy on overlapping bars of this symbol and timeframe.",
    "sharpe_annual": "Mean over standard deviation (n − 1) of the daily P&L of closed trades, times √252.",
    "expected_best": "The Sharpe ratio that the best of so many worthless trials is expected to show, times √252.",
    "deflated_sharpe": "The probability that the ratio is above what the best of so many worthless trials would show "
    "(Bailey and López de Prado, 2014).",
    "overfitting": "How often the best on one half of the days ends below the middle on the other (Bailey and others, "
    "2017); it needs several runs to choose from.",
}
LABELS = {
    "trials": "Trials counted", "sharpe_annual": "Sharpe, a year", "expected_best": "Best of so many worthless",
    "deflated_sharpe": "Deflated Sharpe", "overfitting": "Probability of overfitting",
}  # fmt: skip


def view(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows."""
    return {"note": found["note"], "rows": [_row(row) for row in found["rows"]]}


def figures_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """One judgement as plain figures, by the names in `CONVENTIONS`."""
    return {
        "trials": found["trials"],
        "sharpe_annual": found["sharpe_annual"],
        "expected_best": found["expected_best_of_worthless"] * DAYS**0.5,
        "deflated_sharpe": found["deflated_sharpe"],
        "overfitting": found["overfitting"],
    }


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: number(value) for name, value in figures_of(found).items()}
    told["trials"] = count(found["trials"])
    return {
        "name": f"{found['strategy']} on {found['symbol']}",
        "sentence": found["sentence"],
        "is_significant": found["is_significant"],
        "figures": [(label, told[name], CONVENTIONS[name]) for name, label in LABELS.items()],
    }
