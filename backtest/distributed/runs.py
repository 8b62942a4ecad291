"""The runs of one shard, and what is kept of each: statistics, daily results, a digest of its trades."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.distributed.data import Bars
from backtest.distributed.spec import StudySpec
from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob, parted
from backtest.simulation.sweep.run import run_job
from engine.bars.columns import BarColumns, cut
from engine.bars.timeframe import parse_timeframe
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.model.positions import TradeClosed
from engine.model.time import NS_PER_S
from strategies.registry import STRATEGIES, parse_params

Cancel = Callable[[], bool]


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One run, or one day of it. `daily` are float64, one per day of the study's data (one alone for one day)."""

    number: int
    params: dict[str, Any]
    stats: dict[str, Any]
    how: str
    why: str
    error: str
    daily: bytes
    digest: str

    @property
    def results(self) -> NDArray[np.float64]:
        return np.frombuffer(self.daily, np.float64)


def pack(kept: Sequence[Kept]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(list(kept)), 1)


def unpack(data: bytes) -> list[Kept]:
    return msgspec.msgpack.decode(zlib.decompress(data), type=list[Kept])


def params_digest(strategy: str, params: dict[str, Any], fixed: RunConfig) -> str:
    """Of everything that was chosen for a run, whether it was fixed for all or varied."""
    wanted, own = parted(fixed, params)
    costs = msgspec.to_builtins(msgspec.structs.replace(own, params={}, name=""))
    whole = msgspec.to_builtins(parse_params(strategy, wanted))  # 5, "5" and a default of 5 are one
    text = json.dumps([whole, costs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_part(
    spec: StudySpec,
    bars: Bars,
    *,
    strategy: str,
    first: int,
    count: int,
    offset: int,
    day: date | None,
    cancel: Cancel = lambda: False,
) -> Iterator[Kept]:
    """The runs of a shard, in order; ends early when `cancel` says so."""
    job = SweepJob(
        strategy=strategy,
        params=spec.sets(strategy)[first : first + count],
        fixed=spec.fixed,
        first=offset + first,
        keep_trades=True,
    )
    if day is None:
        yield from (_whole(outcome, bars) for outcome in run_job(job, bars.columns, registry=STRATEGIES, cancel=cancel))
        return
    data, opened = day_of(spec, bars, day)
    job = msgspec.structs.replace(job, fixed=fixed_of_day(spec))
    for outcome in run_job(job, data, registry=STRATEGIES, cancel=cancel):
        yield _one_day(outcome, opened)


def day_of(spec: StudySpec, bars: Bars, day: date) -> tuple[BarColumns, int]:
    """The bars of one day of a campaign with those that warm it up, and when the day opened (UTC ns)."""
    for at, found in enumerate(bars.days):
        if found.day == day:
            begin = bars.days[max(0, at - spec.warmup_days)].first
            return cut(bars.columns, begin, found.after), int(bars.columns.ts_open[found.first])
    raise InvalidInput(f"day: there are no bars of {day}", field="day")


def fixed_of_day(spec: StudySpec) -> RunConfig:
    """A day's run goes home flat, a bar before the close: the exit is decided at a close, filled at the next open."""
    if not spec.flat_at_close:
        return spec.fixed
    span = (parse_timeframe(spec.timeframe).duration_ns or 0) / NS_PER_S
    exits = msgspec.structs.replace(spec.fixed.exits or ExitConfig(), before_close_s=max(span, 60.0))
    return msgspec.structs.replace(spec.fixed, exits=exits)


def _whole(outcome: RunOutcome, bars: Bars) -> Kept:
    """A run over all bars."""
    when, earned = outcome.trades.exits() if outcome.trades is not None else (np.zeros(0, np.int64), np.zeros(0))
    return _kept(outcome, outcome.stats, daily_results(when, earned, bars), _digest(when, earned))


def daily_results(when: NDArray[np.int64], earned: NDArray[np.float64], bars: Bars) -> NDArray[np.float64]:
    """What was earned on each day; a trade counts on the day on which it was closed (`when`, UTC ns)."""
    opened = bars.columns.ts_open[[day.first for day in bars.days]]
    at = np.maximum(np.searchsorted(opened, when, side="right") - 1, 0)
    return np.bincount(at, weights=earned, minlength=len(bars.days)).astype(np.float64)


def _one_day(outcome: RunOutcome, opened: int) -> Kept:
    """Only what was entered on the day itself: before it, indicators warmed up."""
    trades = entered_since(outcome.trades.closed(), opened) if outcome.trades is not None else []
    when = np.array([trade.exit_ts for trade in trades], np.int64)
    earned = np.array([float(trade.pnl) for trade in trades])
    stats = day_stats(trades) if outcome.stats else {}
    return _kept(outcome, stats, np.array([earned.sum()]), _digest(when, earned))


def entered_since(trades: Sequence[TradeClosed], opened: int) -> list[TradeClosed]:
    """The trades of the day itself: what was entered while it warmed up is not counted."""
    return [trade for trade in trades if trade.entry_ts >= opened]


def day_stats(trades: Sequence[TradeClosed]) -> dict[str, Any]:
    """The statistics of some trades that can be added to those of other days."""
    zero = type(trades[0].pnl)(0) if trades else 0
    return {
        "trades": len(trades),
        "wins": sum(trade.pnl > 0 for trade in trades),
        "losses": sum(trade.pnl < 0 for trade in trades),
        "net_pnl": format(sum((trade.pnl for trade in trades), zero), "f") if trades else "0",
        "fees": format(sum((trade.fees for trade in trades), zero), "f") if trades else "0",
    }


def _kept(outcome: RunOutcome, stats: dict[str, Any], daily: NDArray[np.float64], digest: str) -> Kept:
    plain = msgspec.to_builtins(stats, str_keys=True)
    return Kept(outcome.number, outcome.params, plain, outcome.how, outcome.why, outcome.error, daily.tobytes(), digest)


def _digest(when: NDArray[np.int64], earned: NDArray[np.float64]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(when).tobytes())
    digest.update(np.ascontiguousarray(earned).tobytes())
    return digest.hexdigest()[:16]
