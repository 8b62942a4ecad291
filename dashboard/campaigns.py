"""What the pages of a campaign show: a day with all its runs, a run with all its days."""

from datetime import date
from typing import Any

from backtest.models import BacktestRun, Study
from backtest.report.words import settings

SHOWN = 200  # runs of a day


def day(study: Study, when: date) -> dict[str, Any] | None:
    """Every run on that day, the best first; None where the campaign has no such day."""
    name, names = when.isoformat(), [each["day"] for each in study.result.get("days", [])]
    if name not in names:
        return None
    rows = []
    for run in study.runs.only("number", "strategy", "params", "days"):
        rows += [_row(run, each) for each in run.days if each["day"] == name and "net_pnl" in each]
    rows.sort(key=lambda row: (-row["net"], row["number"]))
    at = names.index(name)
    return {
        "day": name,
        "before": names[at - 1] if at else None,
        "after": names[at + 1] if at + 1 < len(names) else None,
        "runs": rows[:SHOWN],
        "left_out": max(len(rows) - SHOWN, 0),
        "earned": sum(row["net"] > 0 for row in rows),
        "count": len(rows),
        "failed": [each for each in study.result.get("failed_shards", []) if each["day"] == name],
    }


def run(found: BacktestRun) -> dict[str, Any]:
    """Every day of the run, with what it came to until then."""
    rows, total = [], 0.0
    largest = max((abs(float(each.get("net_pnl") or 0)) for each in found.days), default=0.0) or 1.0
    for each in found.days:
        row = _row(found, each)
        total += row["net"]
        rows.append({**row, "total": total, "share": round(100 * abs(row["net"]) / largest)})
    return {"run": found, "settings": settings(found.params), "days": rows}


def _row(found: BacktestRun, of_day: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": found.number,
        "strategy": found.strategy,
        "settings": settings(found.params),
        "day": of_day["day"],
        "net": float(of_day.get("net_pnl") or 0),
        "trades": of_day.get("trades", 0),
        "wins": of_day.get("wins", 0),
        "losses": of_day.get("losses", 0),
        "fees": of_day.get("fees", "0"),
    }
