"""The whole fingerprint: every strategy is run as a backtest runs it, then held against the moves of the market."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from backtest.simulation.sweep.job import How, RunOutcome, SweepJob
from backtest.simulation.sweep.run import run_job
from discovery.fingerprint.asked import FingerprintSpec, Profiled
from discovery.fingerprint.coverage import SIDES, Cell, Coverage, outcomes
from discovery.fingerprint.gaps import GapFound, SeedFound, gaps_in
from discovery.fingerprint.held import catch, entries_of, held
from discovery.fingerprint.moves import Floats, Ints, Moves, directions, moves_in
from discovery.fingerprint.overlap import Overlap, Traced, overlaps
from discovery.fingerprint.states import Dimension, Labels, dimensions
from discovery.mining.market import trading_days
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.registry import Registry
from engine.strategy.base import Strategy

MOST_BARS = 5_000_000
ANYWHERE = "any"
Progress = Callable[[int, int], None]  # done, of how many; it may raise, and that ends the run


class StateSeen(msgspec.Struct, frozen=True):
    """One state of the market: `bars` at whose close it holds, and the moves that begin there."""

    key: str
    dimension: str
    name: str
    text: str
    is_exclusive: bool
    bars: int
    moves_up: int
    moves_down: int


class MovesSeen(msgspec.Struct, frozen=True):
    """All moves, with hindsight."""

    count: int
    up: int
    down: int
    points: float
    mean_bars: float | None
    mean_atr: float | None


class Row(msgspec.Struct, frozen=True):
    """What a strategy does in one state, "any" being everywhere: on each side."""

    state: str
    long: Cell
    short: Cell


class StrategyProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: its trades are those that a backtest gives. `how` ran it, and `why` not compiled."""

    name: str
    strategy: str
    params: dict[str, Any]
    how: How
    why: str
    trades: int
    net_pnl: float
    in_market: float
    rows: tuple[Row, ...]


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to, as plain values. Gaps and seeds are of the first `seed_days` of `days`, up to `seed_until`;
    `considered` combinations and rules were looked at for them."""

    symbol: str
    timeframe: str
    bars: int
    days: int
    first_day: str
    last_day: str
    spec: FingerprintSpec
    moves: MovesSeen
    states: tuple[StateSeen, ...]
    profiles: tuple[StrategyProfile, ...]
    overlaps: tuple[Overlap, ...]
    seed_days: int
    seed_until: str
    gaps: tuple[GapFound, ...]
    seeds: tuple[SeedFound, ...]
    considered: int


def fingerprint(
    bars: BarColumns,
    asked: FingerprintSpec,
    *,
    registry: Registry[type[Strategy]],
    progress: Progress = lambda done, total: None,
) -> Fingerprint:
    """Of every strategy that is asked for; `InvalidInput` names the field where that cannot be."""
    _check(bars, asked)
    market = _Market(bars, asked)
    total = len(asked.strategies) + 1
    progress(0, total)
    profiles, traced = [], []
    for done, (name, each) in enumerate(named(asked.strategies), start=1):
        profile, trace = market.profiled(name, each, registry)
        profiles.append(profile)
        traced.append(trace)
        progress(done, total)
    seed_days = max(1, int(len(market.days) * asked.seed_share))
    until = int(np.searchsorted(market.day_of, seed_days))
    is_caught = np.any([trace.caught for trace in traced], axis=0)
    gaps = gaps_in(market.moves, is_caught, market.kinds, market.labels, bars=until, asked=asked)
    found = Fingerprint(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        bars=len(bars),
        days=len(market.days),
        first_day=market.days[0].isoformat(),
        last_day=market.days[-1].isoformat(),
        spec=asked,
        moves=_seen(market.moves),
        states=tuple(market.states()),
        profiles=tuple(profiles),
        overlaps=tuple(overlaps(traced, near=asked.near)),
        seed_days=seed_days,
        seed_until=market.days[seed_days - 1].isoformat(),
        gaps=tuple(gaps.gaps),
        seeds=tuple(gaps.seeds),
        considered=gaps.considered,
    )
    progress(total, total)
    return found


def traded(bars: BarColumns, asked: FingerprintSpec, each: Profiled, registry: Registry[type[Strategy]]) -> RunOutcome:
    """Its run as every sweep makes it, with the trades; `InvalidInput` where its parameters are refused."""
    job = SweepJob(strategy=each.strategy, params=[each.params], fixed=asked.fixed, keep_trades=True)
    outcome = next(iter(run_job(job, bars, registry=registry)))
    if outcome.error:
        raise InvalidInput(f"strategies: {each.strategy}: {outcome.error}", field="strategies")
    return outcome


def _check(bars: BarColumns, asked: FingerprintSpec) -> None:
    if not len(bars):
        raise InvalidInput("data: bars were expected, found none", field="data")
    if len(bars) > MOST_BARS:
        raise InvalidInput(
            f"timeframe: at most {MOST_BARS:,} bars are held in memory at once, found {len(bars):,}; take longer bars "
            "or fewer days",
            field="timeframe",
        )


def named(strategies: Sequence[Profiled]) -> Iterator[tuple[str, Profiled]]:
    """Each with the name that tables call it; every name once."""
    names = [each.name or each.strategy for each in strategies]
    for name, each in zip(names, strategies, strict=True):
        if names.count(name) > 1:
            raise InvalidInput(
                f"strategies: {name} is there twice; give the second a name of its own", field="strategies"
            )
        yield name, each


class _Market:
    """What all strategies are held against."""

    def __init__(self, bars: BarColumns, asked: FingerprintSpec) -> None:
        self._bars, self._asked = bars, asked
        self.moves = moves_in(bars, move_atr=asked.move_atr)
        self.kinds: tuple[Dimension, ...] = dimensions(asked)
        every = [state for kind in self.kinds for state in kind.states]
        self.labels = Labels(bars, every, memory_mb=asked.memory_mb)
        self.day_of, self.days = trading_days(bars, instrument_for(bars.symbol).calendar)
        self._going: Ints = directions(self.moves, len(bars))
        self._moved: Floats = np.diff(bars.close, prepend=bars.open[:1])

    def states(self) -> Iterator[StateSeen]:
        for kind in self.kinds:
            for state in kind.states:
                at = self.labels.at(state)
                up, down = (int((at[self.moves.begin] & (self.moves.sign == sign)).sum()) for _, sign in SIDES)
                yield StateSeen(
                    state.key, kind.name, state.name, state.text, kind.is_exclusive, int(at.sum()), up, down
                )

    def profiled(self, name: str, each: Profiled, registry: Registry[type[Strategy]]) -> tuple[StrategyProfile, Traced]:
        """One strategy, and what is kept of it for comparing."""
        bars = self._bars
        outcome = traded(bars, self._asked, each, registry)
        closed = outcome.trades.closed()
        rows = entries_of(closed, bars)
        found = held(closed, rows, bars)
        ended = outcomes(self.moves, catch(self.moves, found), least=self._asked.caught)
        coverage = Coverage(self.moves, self._going, self._moved, (rows, found, ended))
        sign = np.sign(found.position).astype(np.int8)
        days = self.day_of[np.minimum(np.maximum(rows.after - 1, 0), len(bars) - 1)]
        daily = np.bincount(days, weights=rows.pnl, minlength=len(self.days)).astype(np.float64)
        profile = StrategyProfile(
            name=name,
            strategy=each.strategy,
            params=each.params,
            how=outcome.how,
            why=outcome.why,
            trades=len(closed),
            net_pnl=float(rows.pnl.sum()),
            in_market=float((sign != 0).mean()),
            rows=tuple(self._rows(coverage)),
        )
        return profile, Traced(name, sign, rows, daily, ended.caught)

    def _rows(self, coverage: Coverage) -> Iterator[Row]:
        everywhere = np.ones(len(self._bars), np.bool_)
        yield Row(ANYWHERE, *(coverage.cell(everywhere, everywhere, sign) for _, sign in SIDES))
        for kind in self.kinds:
            for state in kind.states:
                at, before = self.labels.at(state), self.labels.before(state)
                yield Row(state.key, *(coverage.cell(at, before, sign) for _, sign in SIDES))


def _seen(moves: Moves) -> MovesSeen:
    count = len(moves)
    return MovesSeen(
        count=count,
        up=int((moves.sign > 0).sum()),
        down=int((moves.sign < 0).sum()),
        points=float(moves.size.sum()),
        mean_bars=float((moves.end - moves.begin).mean()) if count else None,
        mean_atr=float(np.nanmean(moves.size_atr)) if count and not np.isnan(moves.size_atr).all() else None,
    )
