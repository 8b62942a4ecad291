"""A run's report as plain values: what the page shows, the dashboard shows, and the exports hold."""

from collections import Counter
from typing import Any

from backtest.counted import Verdict
from backtest.report import activity, equity
from backtest.report.convincing import CONVENTIONS
from backtest.report.material import Benchmark, Material
from backtest.report.portfolio import portfolio_of
from backtest.simulation.driver import Outcome
from backtest.stored import StoredRun
from engine.analytics import returns as return_figures
from engine.analytics import trades as trade_figures
from engine.model.time import iso

VERSION = 1


def material_of(
    run: StoredRun,
    *,
    benchmark: Benchmark | None,
    honesty: dict[str, Any] | None = None,
    verdict: Verdict | None = None,
) -> Material:
    """What there is of a run that was played."""
    return Material(
        title=run.label,
        config=run.config(),
        stats=run.result(timing=None)["stats"],
        trades=run.outcome.trades,
        fills=[fill for fills in run.outcome.fills.values() for fill in fills],
        curve=run.curve,
        instruments=run.engine.config.instruments,  # with the options that were chosen
        capital=run.asked.capital,
        benchmark=benchmark,
        refused=_refused(run.outcome),
        honesty=honesty,
        judgement=None if verdict is None else verdict._asdict(),
    )


def report(material: Material) -> dict[str, Any]:
    """Everything, as JSON values; what cannot be told is None. `conventions` says what each figure means."""
    days = equity.days_of(material)
    ts = material.curve.ts
    return {
        "version": VERSION,
        "title": material.title,
        "config": material.config,
        "period": {
            "start": iso(int(ts[0])) if len(ts) else None,
            "end": iso(int(ts[-1])) if len(ts) else None,
            "days": len(days.dates),
        },
        "capital": {
            "base": days.base,
            "is_given": material.capital is not None,
            "benchmark": None if material.benchmark is None else material.benchmark.name,
        },
        "stats": material.stats,
        "returns": equity.figures_of(days),
        "benchmark_returns": None if days.benchmark is None else _of_benchmark(days),
        "trade_figures": activity.figures_of(material.trades),
        "equity": equity.curve_of(material, days.base),
        "days": {
            "date": [day.isoformat() for day in days.dates],
            "equity": equity.rounded(days.equity),
            "return": equity.rounded(days.returns, 10),
        },
        "monthly": equity.monthly_of(days),
        "drawdowns": equity.drawdowns_of(days),
        "exposure": equity.exposure_of(material, days.base),
        "distribution": {
            "pnl": activity.distribution_of(activity.pnl_of(material.trades)),
            "returns": activity.distribution_of(days.returns),
        },
        "groups": activity.groups_of(material.trades),
        "excursions": activity.excursions_of(material.trades),
        "exit_quality": activity.exit_quality_of(material.trades),
        "costs": activity.costs_of(material),
        "portfolio": portfolio_of(material),
        "prices": activity.prices_of(material),
        "trades": activity.trades_of(material),
        "refused": dict(material.refused),
        "judgement": material.judgement,
        "honesty": material.honesty,
        "conventions": return_figures.CONVENTIONS | trade_figures.CONVENTIONS | CONVENTIONS,
    }


def _refused(outcome: Outcome) -> dict[str, int]:
    """Most frequent first: what the arbiter suppressed, risk denied, and the venue rejected."""
    found = Counter(f"suppressed by {each.rule}" for each in outcome.suppressed)
    found.update(f"denied by risk: {each.rule}" for each in outcome.denials)
    found.update(f"rejected by the venue: {reason.partition(':')[0]}" for reason in outcome.rejections.values())
    return dict(found.most_common())


def _of_benchmark(days: equity.Days) -> dict[str, float | None]:
    if days.benchmark is None:
        return {}
    return equity.figures_of(equity.Days(days.base, days.dates, days.equity, days.benchmark, None))
