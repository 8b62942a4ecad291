"""The whole fingerprint: every strategy is run as a backtest runs it, then held against the moves of the market."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from backtest.simulation.sweep.job import RunOutcome, SweepJob
from backtest.simulation.sweep.numbers import why_not_bars
from backtest.simulation.sweep.run import run_job
from discovery.fingerprint.asked import FingerprintSpec, Profiled
from discovery.fingerprint.coverage import SIDES, Coverage, outcomes
from discovery.fingerprint.found import Fingerprint, MovesSeen, Row, StateSeen, StrategyProfile
from discovery.fingerprint.gaps import Gaps, gaps_in
from discovery.fingerprint.held import catch, entries_of, held
from discovery.fingerprint.moves import Floats, Ints, Moves, directions, moves_in
from discovery.fingerprint.overlap import Traced, overlaps
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
    found = list(market.profiles(registry, progress))
    traced = [trace for _, trace in found]
    seed_days = days_for_seeds(len(market.days), asked.seed_share)
    gaps = market.gaps(traced, seed_days)
    progress(len(found) + 1, len(found) + 1)
    return Fingerprint(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        bars=len(bars),
        days=len(market.days),
        first_day=market.days[0].isoformat(),
        last_day=market.days[-1].isoformat(),
        spec=asked,
        moves=_seen(market.moves),
        states=tuple(market.states()),
        profiles=tuple(profile for profile, _ in found),
        overlaps=tuple(overlaps(traced, near=asked.near)),
        seed_days=seed_days,
        seed_until=market.days[seed_days - 1].isoformat(),
        gaps=tuple(gaps.gaps),
        seeds=tuple(gaps.seeds),
        considered=gaps.considered,
    )


def days_for_seeds(days: int, share: float) -> int:
    """The first so many of `days`: at least one, and never more than the miner searches with that share."""
    return max(1, int(days * share))


def traded(
    bars: BarColumns,
    asked: FingerprintSpec,
    each: Profiled,
    registry: Registry[type[Strategy]],
    still: Callable[[], None] | None = None,
) -> RunOutcome:
    """Its run as every sweep makes it, with the trades; `InvalidInput` where its parameters are refused. What `still`
    raises ends it."""
    job = SweepJob(strategy=each.strategy, params=[each.params], fixed=asked.fixed, keep_trades=True)
    outcome = next(iter(run_job(job, bars, registry=registry, still=still)))
    if outcome.error:
        raise InvalidInput(f"strategies: {each.strategy}: {outcome.error}", field="strategies")
    return outcome


def _check(bars: BarColumns, asked: FingerprintSpec) -> None:
    if not len(bars):
        raise InvalidInput("data: bars were expected, found none", field="data")
    if (problem := why_not_bars(bars)) is not None:
        raise InvalidInput(f"data: {problem}", field="data")
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
        self._kinds: tuple[Dimension, ...] = dimensions(asked)
        every = [state for kind in self._kinds for state in kind.states]
        self._labels = Labels(bars, every, memory_mb=asked.memory_mb)
        self.day_of, self.days = trading_days(bars, instrument_for(bars.symbol).calendar)
        self._going: Ints = directions(self.moves, len(bars))
        self._moved: Floats = np.diff(bars.close, prepend=bars.open[:1])

    def states(self) -> Iterator[StateSeen]:
        for kind in self._kinds:
            for state in kind.states:
                at = self._labels.at(state)
                up, down = (int((at[self.moves.begin] & (self.moves.sign == sign)).sum()) for _, sign in SIDES)
                yield StateSeen(
                    state.key, kind.name, state.name, state.text, kind.is_exclusive, int(at.sum()), up, down
                )

    def profiles(
        self, registry: Registry[type[Strategy]], progress: Progress
    ) -> Iterator[tuple[StrategyProfile, Traced]]:
        """Every strategy, one after the other; a step for each, and one for what comes after. Within a run of the
        engine, which takes long, the step before is told again and again."""
        total = len(self._asked.strategies) + 1
        progress(0, total)
        for done, (name, each) in enumerate(named(self._asked.strategies), start=1):
            yield self._profiled(name, each, registry, partial(progress, done - 1, total))
            progress(done, total)

    def gaps(self, traced: Sequence[Traced], days: int) -> Gaps:
        """In the first days."""
        until = int(np.searchsorted(self.day_of, days))
        is_caught = np.any([trace.caught for trace in traced], axis=0)
        return gaps_in(self.moves, is_caught, self._kinds, self._labels, bars=until, asked=self._asked)

    def _profiled(
        self, name: str, each: Profiled, registry: Registry[type[Strategy]], still: Callable[[], None]
    ) -> tuple[StrategyProfile, Traced]:
        """One strategy, and what is kept of it for comparing."""
        bars = self._bars
        outcome = traded(bars, self._asked, each, registry, still)
        closed = outcome.trades.closed()
        rows = entries_of(closed, bars)
        found = held(closed, rows, bars)
        ended = outcomes(self.moves, catch(self.moves, found), least=self._asked.caught)
        coverage = Coverage(self.moves, self._going, self._moved, (rows, found, ended))
        sign = np.sign(found.position).astype(np.int8)
        daily = np.bincount(self.day_of[rows.left], weights=rows.pnl, minlength=len(self.days)).astype(np.float64)
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
        for kind in self._kinds:
            for state in kind.states:
                at, before = self._labels.at(state), self._labels.before(state)
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
