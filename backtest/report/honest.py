"""The honesty part of a report in words."""

from collections.abc import Mapping
from typing import Any

from backtest.report.words import cash, number, share

CLEAR = 0.05  # a p-value below it is worth a second look, no more


def view(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template `backtest/_honesty.html` shows."""
    return {
        "seed": found["seed"],
        "certificates": found["certificates"],
        "assumed": found["stress"]["assumed"],
        "stress": [_stress(row) for row in found["stress"]["rows"]],
        "survives": _survives(found["stress"]["survives"]),
        "warmup": [_warmup(row) for row in found["warmup"]],
        "order": _order(found["order"]),
        "random": _random(found["random_entries"]),
    }


def _stress(row: Mapping[str, Any]) -> dict[str, str]:
    net = float(row["net_pnl"])
    return {
        "factor": str(row["factor"]),
        "trades": f"{row['trades']:,}",
        "net": cash(net),
        "sign": "up" if net > 0 else "down",
        "fees": cash(float(row["fees"])),
        "drawdown": cash(float(row["max_drawdown"])),
    }


def _survives(factor: float | None) -> str:
    if factor is None:
        return "Something is left at every one of these costs."
    return (
        "Nothing is left even without costs."
        if factor == 0
        else f"Nothing is left at {number(factor)} times the costs."
    )


def _warmup(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "start": row["start"][:16].replace("T", " "),
        "trades": f"{row['trades']:,}",
        "share": share(row["share"], places=1),
        "same_from": (row["same_from"] or "–")[:16].replace("T", " "),
    }


def _order(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found["trials"]:
        return {"trials": 0, "rows": []}
    falls, sums = found["drawdowns"], found["net_pnls"]
    rows = [
        ("Drawdown as it came", cash(found["drawdown"])),
        ("Drawdown, median", cash(falls["p50"])),
        ("Drawdown, 95 % are below", cash(falls["p95"])),
        ("Orders with a smaller one", share(found["drawdown_rank"], places=0)),
        ("Net P&L of such trades, 5 %", cash(sums["p5"])),
        ("Net P&L, median", cash(sums["p50"])),
        ("Net P&L, 95 %", cash(sums["p95"])),
        ("Chance of a loss", share(found["chance_of_loss"], places=1)),
    ]
    return {"trials": f"{found['trials']:,}", "rows": rows}


def _random(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found["trials"]:
        return {"trials": 0, "rows": [], "sentence": "There is no trade to compare."}
    totals = found["net_pnls"]
    rows = [
        ("Net P&L of the run", cash(found["net_pnl"])),
        ("Random entries, 5 %", cash(totals["p5"])),
        ("Random entries, median", cash(totals["p50"])),
        ("Random entries, 95 %", cash(totals["p95"])),
        ("Better than", share(found["rank"], places=1)),
        ("p-value", number(found["p_value"], places=3)),
    ]
    clear = found["p_value"] < CLEAR
    sentence = (
        "Random entries seldom do as well. That is one trial: many trials find such a result by chance."
        if clear
        else "Random entries often do as well: the timing of the entries is not what earned this."
    )
    return {"trials": f"{found['trials']:,}", "rows": rows, "sentence": sentence}
