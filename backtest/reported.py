"""The report of one run of a study: run again by the event engine, with everything that a report looks at."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.conf import settings

from backtest.apply import same_bars
from backtest.counted import TriedRun, Verdict
from backtest.distributed.data import Bars
from backtest.distributed.judge import judged
from backtest.distributed.runs import daily_results, day_of, entered_since, fixed_of_day
from backtest.distributed.spec import StudySpec
from backtest.models import BacktestRun
from backtest.report.closed import ClosedCurve
from backtest.report.document import report
from backtest.report.material import Material, benchmark_of
from backtest.report.write import document_of
from backtest.request import Request
from backtest.simulation.driver import Outcome, statistics
from backtest.simulation.sweep.job import RunConfig, parted
from backtest.source import Series
from backtest.stored import StoredRun
from engine.bars.columns import BarColumns, cut, joined
from engine.errors import Conflict, NotFound
from engine.model.orders import OrderFilled
from engine.model.positions import TradeClosed


def report_document(run: BacktestRun, *, day: date | None = None) -> dict[str, Any]:
    """Of a sweep's run its whole time; of a campaign's all its days together, or one `day`. `Conflict` where the run
    was refused or its bars have changed, `NotFound` where it had no such day."""
    if run.error:
        raise Conflict(f"run {run.number} was refused: {run.error}", field="run")
    spec, bars = same_bars(run)
    if spec.kind == "sweep":
        return _of_sweep(run, spec, bars)
    days = [date.fromisoformat(each["day"]) for each in run.days]
    if day is not None and day not in days:
        raise NotFound(f"Run {run.number} of study {run.study_id} has no day {day}.", field="day")
    return _of_days(run, spec, bars, days if day is None else [day])


def _of_sweep(run: BacktestRun, spec: StudySpec, bars: Bars) -> dict[str, Any]:
    played = StoredRun(_request(spec, run, spec.fixed), archive=settings.ARCHIVE_DIR)
    played.play()
    trades = played.outcome.trades
    when = np.array([trade.exit_ts for trade in trades], np.int64)
    daily = daily_results(when, np.array([float(trade.pnl) for trade in trades]), bars)
    return document_of(played, benchmark=None, verdict=_verdict(run, bars, daily))


class _Day(NamedTuple):
    bars: BarColumns
    trades: list[TradeClosed]
    fills: list[OrderFilled]
    run: StoredRun


def _of_days(run: BacktestRun, spec: StudySpec, bars: Bars, days: Sequence[date]) -> dict[str, Any]:
    """Days that were run by themselves, as one: equity moves when a trade ends, and nothing is held in between."""
    played = [_play(run, spec, bars, day) for day in days]
    trades = [trade for each in played for trade in each.trades]
    instruments = played[0].run.instruments
    curve = ClosedCurve(trades, instruments, {spec.symbol: joined([each.bars for each in played])})
    faults = [fault for each in played for fault in each.run.outcome.faults]
    span = days[0].isoformat() if len(days) == 1 else f"{len(days)} days, each by itself"
    material = Material(
        title=f"{run.strategy} on {spec.symbol}, {spec.timeframe} · {span}",
        config=played[0].run.config(),
        stats=statistics(Outcome(trades=trades, faults=faults)),
        trades=trades,
        fills=[fill for each in played for fill in each.fills],
        curve=curve,
        instruments=instruments,
        capital=spec.fixed.capital,
        benchmark=benchmark_of(curve, None),
        judgement=None if len(days) == 1 else _verdict(run, bars, _daily(run))._asdict(),
    )
    return report(material)


def _play(run: BacktestRun, spec: StudySpec, bars: Bars, day: date) -> _Day:
    """One day, warmed up as the study did; what was entered before it opened does not count."""
    data, opened = day_of(spec, bars, day)
    request = _request(spec, run, fixed_of_day(spec))
    played = StoredRun(request, series=[Series(spec.symbol, spec.data or "archive", bars=(data,))])
    played.play()
    trades = entered_since(played.outcome.trades, opened)
    orders = {order for trade in trades for order in (trade.entry_order, trade.exit_order)}
    fills = [fill for order in sorted(orders) for fill in played.outcome.fills.get(order, ())]
    first = int(np.searchsorted(data.ts_open, opened))
    return _Day(cut(data, first, len(data)), trades, fills, played)


def _daily(run: BacktestRun) -> Any:
    return np.array([float(each.get("net_pnl") or 0) for each in run.days])


def _verdict(run: BacktestRun, bars: Bars, daily: Any) -> Verdict:
    """How convincing this run is with all trials counted; how likely its study's choice is overfitted."""
    tried = TriedRun(run.number, run.strategy, run.params, run.sharpe or float("nan"), daily, run.digest)
    found = judged([tried], bars)
    if found is None:
        return Verdict([], "There are too few days with trades to say how convincing it is.")
    whole = run.study.result.get("judgement") or {}
    if whole.get("strategy") == run.strategy:
        found |= {name: whole[name] for name in ("overfitting", "overfitting_note") if name in whole}
    return Verdict([found])


def _request(spec: StudySpec, run: BacktestRun, fixed: RunConfig) -> Request:
    """What a person would have typed for this run alone."""
    params, fixed = parted(fixed, run.params)
    return replace(
        spec.request,
        strategies=(run.strategy,),
        params=tuple(f"{name}={value}" for name, value in params.items()),
        quantities=(format(fixed.quantity, "f"),),
        fees=fixed.fees,
        slippage=fixed.slippage,
        fill=fixed.fill,
        participation=None if fixed.participation is None else str(fixed.participation),
        capital=None if fixed.capital is None else format(fixed.capital, "f"),
        exits=_json(fixed.exits),
        sizing=_json(fixed.sizing),
    )


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
