"""From a study to a ticker: what would have changed over the last sessions, then the change itself, on record."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from django.conf import settings

from backtest.distributed.data import Bars, bars_of
from backtest.distributed.runs import day_of, entered_since, fixed_of_day
from backtest.distributed.spec import StudySpec
from backtest.models import BacktestRun
from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob
from backtest.simulation.sweep.run import run_job
from engine.bars.columns import BarColumns, cut
from engine.errors import Conflict, InvalidInput, NotFound
from engine.exits.config import ExitConfig
from engine.model.positions import TradeClosed
from engine.model.time import iso
from infra.web.actor import Actor
from strategies.models import Ticker
from strategies.registry import STRATEGIES, parse_params
from strategies.services import update_ticker

MOST_SESSIONS = 250


def get_run(*, study: int, number: int) -> BacktestRun:
    found = BacktestRun.objects.filter(study_id=study, number=number).select_related("study").first()
    if found is None:
        raise NotFound(f"There is no run {number} in study {study}.", field="run")
    return found


def find_ticker(*, strategy: str, symbol: str) -> Ticker:
    found = Ticker.objects.filter(strategy=strategy, symbol=symbol).first()
    if found is None:
        raise NotFound(f"There is no ticker of {strategy} on {symbol}; add it first.", field="ticker")
    return found


def preview(
    *, ticker: Ticker, params: Mapping[str, Any], sessions: int = 20, data: str = "", fixed: RunConfig | None = None
) -> dict[str, Any]:
    """What the ticker would have done over its last sessions as it is, and with `params` in the place of its own.

    The bars are those of the archive, or of a file; positions are carried from session to session, and one session
    before the first warms both up. `InvalidInput` names what is wrong; nothing is changed.
    """
    if not 1 <= sessions <= MOST_SESSIONS:
        raise InvalidInput(f"sessions: 1 to {MOST_SESSIONS} were expected, found {sessions}", field="sessions")
    wanted = {**ticker.params, **params}
    parse_params(ticker.strategy, wanted)
    spec = StudySpec(
        symbol=ticker.symbol, timeframe=ticker.timeframe, strategies=(ticker.strategy,), data=data,
        fixed=fixed or RunConfig(),
    )  # fmt: skip
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    first = max(len(bars.days) - sessions, min(1, len(bars.days) - 1))
    now, then = _both(ticker, wanted, spec, bars, first)
    opened = int(bars.columns.ts_open[bars.days[first].first])
    before, after = _since(now, opened), _since(then, opened)
    return {
        "ticker": {"strategy": ticker.strategy, "symbol": ticker.symbol, "timeframe": ticker.timeframe},
        "params": {"now": dict(ticker.params), "then": wanted},
        "sessions": [day.day.isoformat() for day in bars.days[first:]],
        "now": _summary(before),
        "then": _summary(after),
        "days": _by_day(bars, first, before, after),
        "only_now": [trade_document(trade) for trade in before if _key(trade) not in {_key(each) for each in after}],
        "only_then": [trade_document(trade) for trade in after if _key(trade) not in {_key(each) for each in before}],
        "note": "A running strategy keeps what it was started with; the change counts from its next start.",
    }


def apply_run(*, user: Actor, study: int, number: int, ticker: Ticker) -> Ticker:
    """Give the ticker the parameters of that run; recorded with its author. `Conflict` where they do not belong
    together or nothing would change."""
    if not user.has_perm("backtest.apply_run"):
        raise Conflict(f"{user.email} may not apply runs: the permission backtest.apply_run is needed.")
    run = get_run(study=study, number=number)
    if run.error:
        raise Conflict(f"run {number} was refused ({run.error}); it has nothing to apply", field="run")
    if run.strategy != ticker.strategy:
        raise Conflict(
            f"run {number} is of {run.strategy}, the ticker of {ticker.strategy}: parameters do not carry over",
            field="run",
        )
    wanted = {**fixed_of(run).params, **run.params}
    parsed = msgspec.to_builtins(parse_params(run.strategy, wanted))
    changed = update_ticker(user=user, ticker=ticker, params={name: parsed.get(name, wanted[name]) for name in wanted})
    if changed.version == ticker.version:
        raise Conflict("the ticker has these parameters already", field="run")
    return changed


def trades_of(run: BacktestRun) -> list[TradeClosed]:
    """The trades of a run, made again: the same data and parameters give the same; of a campaign those of every day.
    `Conflict` where the bars have changed since."""
    spec, bars = same_bars(run)
    if spec.kind == "sweep":
        return _closed(run, spec.fixed, bars.columns)
    fixed, found = fixed_of_day(spec), []
    for each in run.days:
        data, opened = day_of(spec, bars, date.fromisoformat(each["day"]))
        found += entered_since(_closed(run, fixed, data), opened)
    return found


def same_bars(run: BacktestRun) -> tuple[StudySpec, Bars]:
    """What the study of a run asked for, and its bars; `Conflict` where they have changed since."""
    spec = msgspec.convert(run.study.spec, type=StudySpec)
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    if run.study.dataset and bars.digest != run.study.dataset:
        raise Conflict(f"the bars of study {run.study_id} have changed since it ran; run it again", field="study")
    return spec, bars


def _closed(run: BacktestRun, fixed: RunConfig, data: BarColumns) -> list[TradeClosed]:
    job = SweepJob(strategy=run.strategy, params=[run.params], fixed=fixed, keep_trades=True)
    [outcome] = run_job(job, data, registry=STRATEGIES)
    return list(outcome.trades.closed()) if outcome.trades is not None else []


def inside(path: str) -> str:
    """A file that people may name over HTTP: it lies in the data folder (`DATA_DIR`). Empty stays empty."""
    if not path:
        return ""
    folder = Path(settings.DATA_DIR).resolve()
    found = (folder / path).resolve()
    if not found.is_relative_to(folder) or not found.is_file():
        raise InvalidInput(f"data: a file below the data folder was expected, found {path!r}", field="data")
    return str(found)


def _both(
    ticker: Ticker, wanted: dict[str, Any], spec: StudySpec, bars: Bars, first: int
) -> tuple[RunOutcome, RunOutcome]:
    exits = None if ticker.exits is None else msgspec.convert(ticker.exits, ExitConfig, strict=False)
    quantities = [*ticker.quantities.values()] or ["1"]
    fixed = msgspec.structs.replace(spec.fixed, quantity=type(spec.fixed.quantity)(str(quantities[0])), exits=exits)
    job = SweepJob(strategy=ticker.strategy, params=[dict(ticker.params), wanted], fixed=fixed, keep_trades=True)
    data = cut(bars.columns, bars.days[max(0, first - 1)].first, len(bars.columns))
    now, then = run_job(job, data, registry=STRATEGIES)
    return now, then


def _since(outcome: RunOutcome, opened: int) -> list[TradeClosed]:
    if outcome.error:
        raise InvalidInput(f"params: {outcome.error}", field="params")
    return [trade for trade in outcome.trades.closed() if trade.exit_ts >= opened]


def _key(trade: TradeClosed) -> tuple[Any, ...]:
    return trade.side, trade.quantity, trade.entry_ts, trade.entry_price, trade.exit_ts, trade.exit_price


def _summary(trades: list[TradeClosed]) -> dict[str, Any]:
    earned = np.array([float(trade.pnl) for trade in trades])
    curve = np.concatenate([[0.0], np.cumsum(earned)])
    return {
        "trades": len(trades),
        "net_pnl": float(earned.sum()),
        "wins": int((earned > 0).sum()),
        "max_drawdown": float((np.maximum.accumulate(curve) - curve).max()),
    }


def _by_day(bars: Bars, first: int, before: list[TradeClosed], after: list[TradeClosed]) -> list[dict[str, Any]]:
    opened = bars.columns.ts_open[[day.first for day in bars.days[first:]]]

    def daily(trades: list[TradeClosed]) -> Any:
        at = np.searchsorted(opened, [trade.exit_ts for trade in trades], side="right") - 1
        return np.bincount(np.maximum(at, 0), weights=[float(t.pnl) for t in trades], minlength=len(opened))

    return [
        {"day": day.day.isoformat(), "now": float(now), "then": float(then)}
        for day, now, then in zip(bars.days[first:], daily(before), daily(after), strict=True)
    ]


def trade_document(trade: TradeClosed) -> dict[str, Any]:
    """A trade as the API tells it."""
    return {
        "side": trade.side.value,
        "quantity": format(trade.quantity, "f"),
        "entry_at": iso(trade.entry_ts),
        "entry_price": format(trade.entry_price, "f"),
        "exit_at": iso(trade.exit_ts),
        "exit_price": format(trade.exit_price, "f"),
        "pnl": format(trade.pnl, "f"),
        "fees": format(trade.fees, "f"),
        "entry_reason": trade.entry_reason,
        "exit_reason": trade.exit_reason,
    }


def fixed_of(run: BacktestRun) -> RunConfig:
    """What all runs of its study have in common."""
    return msgspec.convert(run.study.spec.get("fixed", {}), type=RunConfig, strict=False)
