"""From a study to a ticker: what would have changed over the last sessions, then the change itself, on record."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.conf import settings

from backtest.distributed.data import Bars, bars_of
from backtest.distributed.runs import day_of, entered_since, fixed_of_day
from backtest.distributed.spec import StudySpec
from backtest.models import BacktestRun
from backtest.simulation.sweep.job import EXITS, RunConfig, RunOutcome, SweepJob, parted
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
WARMUP_BARS = 2_000  # before a preview, where there are so many: an average of 1,000 bars has settled


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


class Settings(NamedTuple):
    """What a ticker would get: parameters, and exits where those were tried, too (`has_exits`)."""

    params: Mapping[str, Any]
    exits: ExitConfig | None = None
    has_exits: bool = False


def settings_of(run: BacktestRun) -> Settings:
    """What a run was made with, as far as a ticker can have it."""
    params, fixed = parted(fixed_of(run), run.params)
    return Settings(params, fixed.exits, any(name.startswith(EXITS) for name in run.params))


def preview_run(*, run: BacktestRun, ticker: Ticker, sessions: int = 20) -> dict[str, Any]:
    """What the ticker would have done with the settings of that run, at the costs of its study."""
    data = run.study.spec.get("data", "") if run.timeframe == ticker.timeframe else ""
    shown = preview(ticker=ticker, wanted=settings_of(run), sessions=sessions, data=data, spec=_spec(run))
    judgement = run.study.result.get("judgement") or {}
    best = {"sentence": judgement.get("sentence", ""), "is_significant": judgement.get("is_significant", False)}
    return shown | {"judgement": best, "walk_forward": _told_of_walk(run.study.result.get("walk_forward"))}


def _told_of_walk(walk: dict[str, Any] | None) -> str:
    """How the choices of the study's folds did on days that they had not seen; empty where nobody asked."""
    if not walk or not walk["folds"]:
        return ""
    return f"Walk-forward: {walk['earning_folds']} of {len(walk['folds'])} folds earned on days they had not seen."


def preview(
    *, ticker: Ticker, wanted: Settings, sessions: int = 20, data: str = "", spec: StudySpec | None = None
) -> dict[str, Any]:
    """What the ticker would have done over its last sessions as it is, and with `wanted` in the place of its own, at
    the costs of `spec`, which also says how `data` is read.

    The bars are those of the archive, or of a file; positions are carried from session to session, and
    `WARMUP_BARS` (at least one session) before the first warm both up. `InvalidInput` names what is wrong; nothing is
    changed.
    """
    if not 1 <= sessions <= MOST_SESSIONS:
        raise InvalidInput(f"sessions: 1 to {MOST_SESSIONS} were expected, found {sessions}", field="sessions")
    params = {**ticker.params, **wanted.params}
    parse_params(ticker.strategy, params)
    costs = RunConfig() if spec is None else spec.fixed
    asked = StudySpec(
        symbol=ticker.symbol, timeframe=ticker.timeframe, strategies=(ticker.strategy,), data=data, fixed=costs,
    )  # fmt: skip
    if spec is not None:
        asked = msgspec.structs.replace(asked, time_is=spec.time_is, adjust=spec.adjust)
    bars = bars_of(asked, archive=settings.ARCHIVE_DIR)
    first = max(len(bars.days) - sessions, min(1, len(bars.days) - 1))
    before_it = min(bars.days[max(0, first - 1)].first, bars.days[first].first - WARMUP_BARS)
    span = cut(bars.columns, max(0, before_it), len(bars.columns))
    exits = None if ticker.exits is None else msgspec.convert(ticker.exits, ExitConfig, strict=False)
    now = _run(ticker, ticker.params, costs, exits, span)
    then = _run(ticker, params, costs, wanted.exits if wanted.has_exits else exits, span)
    opened = int(bars.columns.ts_open[bars.days[first].first])
    before, after = _since(now, opened), _since(then, opened)
    return {
        "ticker": {"strategy": ticker.strategy, "symbol": ticker.symbol, "timeframe": ticker.timeframe},
        "params": {"now": dict(ticker.params), "then": params},
        "exits": {"now": ticker.exits, "then": msgspec.to_builtins(wanted.exits) if wanted.has_exits else ticker.exits},
        "sessions": [day.day.isoformat() for day in bars.days[first:]],
        "now": _summary(before),
        "then": _summary(after),
        "days": _by_day(bars, first, before, after),
        "only_now": _without(before, after),
        "only_then": _without(after, before),
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
    wanted = settings_of(run)
    parsed = msgspec.to_builtins(parse_params(run.strategy, wanted.params))
    changes: dict[str, Any] = {"params": {name: parsed.get(name, value) for name, value in wanted.params.items()}}
    if wanted.has_exits:
        changes["exits"] = msgspec.to_builtins(wanted.exits or ExitConfig())
    changed = update_ticker(user=user, ticker=ticker, **changes)
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
    spec = _spec(run)
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


def _spec(run: BacktestRun) -> StudySpec:
    return msgspec.convert(run.study.spec, type=StudySpec)


def _run(
    ticker: Ticker, params: Mapping[str, Any], costs: RunConfig, exits: ExitConfig | None, data: BarColumns
) -> RunOutcome:
    quantity = Decimal(str(next(iter(ticker.quantities.values()), 1)))
    fixed = msgspec.structs.replace(costs, quantity=quantity, exits=exits, params={})
    job = SweepJob(strategy=ticker.strategy, params=[dict(params)], fixed=fixed, keep_trades=True)
    [outcome] = run_job(job, data, registry=STRATEGIES)
    return outcome


def _since(outcome: RunOutcome, opened: int) -> list[TradeClosed]:
    if outcome.error:
        raise InvalidInput(f"params: {outcome.error}", field="params")
    return [trade for trade in outcome.trades.closed() if trade.exit_ts >= opened]


def _key(trade: TradeClosed) -> tuple[Any, ...]:
    return trade.side, trade.quantity, trade.entry_ts, trade.entry_price, trade.exit_ts, trade.exit_price


def _without(trades: list[TradeClosed], others: list[TradeClosed]) -> list[dict[str, Any]]:
    known = {_key(each) for each in others}
    return [trade_document(trade) for trade in trades if _key(trade) not in known]


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
