"""Mines rules: every fold is searched on its own days, and what was found is judged on days it never saw."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from discovery.mining.asked import MiningSpec, Source
from discovery.mining.catalog import default_conditions
from discovery.mining.day_end import DayEnd, day_end
from discovery.mining.distinct import digest_of, distinct
from discovery.mining.exits import Fitted, fitted, plain_exits
from discovery.mining.found import FoldReport, Mined, MinedRule, Single, figures
from discovery.mining.learned import model_library, suggested
from discovery.mining.market import Market, Trades
from discovery.mining.quality import exit_quality
from discovery.mining.search import Candidate, Proposal, Search, Stage
from discovery.mining.span import Halves, halves
from discovery.mining.suspicion import suspicion
from discovery.mining.trials import Trials, spread
from discovery.mining.truths import Bools, Truths, unpacked
from discovery.mining.usage import capital_use, worst_trades
from discovery.mining.verdict import Chance, chance, corrected
from engine.bars.columns import BarColumns
from engine.exits.config import ExitConfig
from engine.rules.conditions import Condition
from engine.rules.rule import Rule, rules_json

Progress = Callable[[int, int], None]  # done, of how many
Staged = Callable[[int, Stage], None]  # the number of the fold, from 1, and what its stage came to
SINGLES = 20  # that a fold tells of each side


def mine(
    bars: BarColumns,
    asked: MiningSpec,
    *,
    conditions: Sequence[Condition] | None = None,
    earlier: Callable[[], int] = lambda: 0,
    progress: Progress = lambda done, total: None,
    staged: Staged = lambda fold, stage: None,
) -> Mined:
    """Rules in `bars`; the same for the same arguments. `conditions` are those of the catalog where none are given;
    `earlier` says how many trials were made on these bars before, and what is found competes with them, too: it is
    asked when the search is over, so that one that ended meanwhile counts. What `progress` raises ends the search.

    `InvalidInput` names the field where it cannot be searched.
    """
    if asked.learned:
        model_library()  # what is missing is told before the search, not after it
    market = Market(bars, asked)
    known = default_conditions(market.instrument, asked.categories) if conditions is None else list(conditions)
    truths = Truths(bars, known, memory_mb=asked.memory_mb)
    end = day_end(market.instrument, bar_s=market.bar_s, carry=asked.carry)
    parts = halves(asked, market.day_of, len(market.days), bar_s=market.bar_s)
    counter = _Counter(progress, steps=_steps(asked, len(known)), folds=len(parts))
    work = _Work(market, truths, asked, end, counter)
    searched = [work.fold(each, partial(staged, number)) for number, each in enumerate(parts, start=1)]
    ratios = [ratio for fold in searched for ratio in fold.trials.ratios]
    variance = spread(ratios)
    before = earlier()
    rules = _judged(_Found.merged(searched), market, asked, (len(ratios) + before, variance))
    return Mined(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        bars=len(bars),
        days=len(market.days),
        conditions=dict(Counter(condition.category.value for condition in known)),
        trials=len(ratios),
        variance=variance,
        earlier=before,
        spec=asked,
        folds=tuple(fold.report for fold in searched),
        rules=tuple(rule for rule, _ in rules),
        capital=capital_use([trades for _, trades in rules], market),
    )


class _Counter:
    """Tells how far the search is. A fold has at most so many `steps`; what it leaves out is done when it is."""

    def __init__(self, progress: Progress, *, steps: int, folds: int) -> None:
        self._progress, self._steps, self._total = progress, steps, steps * folds
        self._done = self._folds = 0

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)

    def still(self) -> None:
        """It goes on, without a step of its own."""
        self._progress(self._done, self._total)

    def end_fold(self) -> None:
        self._folds += 1
        self._done = self._steps * self._folds
        self._progress(self._done, self._total)


def _steps(asked: MiningSpec, conditions: int) -> int:
    patterns = len(asked.gaps) * min(asked.patterns, conditions) ** 2
    grown = (asked.depth - 1) * asked.beam * min(asked.screened, conditions)
    return len(asked.sides) * (conditions + patterns + grown)


class _Fold(NamedTuple):
    """What one fold found."""

    halves: Halves
    trials: Trials
    fits: list[Fitted]
    report: FoldReport


class _Work:
    """What all folds share."""

    def __init__(self, market: Market, truths: Truths, asked: MiningSpec, end: DayEnd, counter: _Counter) -> None:
        self._market, self._truths, self._asked, self._end = market, truths, asked, end
        self._counter = counter
        self._grid = asked.grid.made(bar_s=market.bar_s, before_close_s=end.before_close_s)
        self._plain = plain_exits(asked.grid, bar_s=market.bar_s, before_close_s=end.before_close_s)

    def fold(self, part: Halves, staged: Callable[[Stage], None]) -> _Fold:
        """Search one side after the other, then fit exits to the best."""
        trials = Trials(self._market, part)
        search = Search(self._truths, trials, self._asked, exits=self._plain, window=self._end.window, staged=staged)
        found = [each for side in self._asked.sides for each in search.run(side, tell=self._counter)]
        found += [*self._learned(search), *self._seeds(search)]
        fits = [self._fitted(each, trials) for each in found]
        ranked = distinct(sorted(fits, key=lambda fit: -fit.score), most=self._asked.keep, overlap=self._asked.overlap)
        self._counter.end_fold()
        return _Fold(part, trials, ranked, self._report(part, trials, search, ranked))

    def _fitted(self, candidate: Candidate, trials: Trials) -> Fitted:
        self._counter.still()
        return fitted(candidate, self._grid, trials, by=self._asked.rank_by)

    def _learned(self, search: Search) -> list[Candidate]:
        """What a model suggests, where that is asked for."""
        asked = self._asked
        phases = [
            (side, phase)
            for side in (asked.sides if asked.learned else ())
            for phase in suggested(
                search, self._truths, side, most=asked.learned, depth=asked.depth, least=asked.least_trades
            )
        ]
        found = [
            search.tried(self._proposal(Rule(side, (phase,))), side, source=Source.ML, window=self._end.window)
            for side, phase in phases
        ]
        return self._enough(found)

    def _seeds(self, search: Search) -> list[Candidate]:
        """They are tried as they are, without the window of the others."""
        seeds = self._asked.seeds
        return self._enough(
            [search.tried(self._proposal(s.rule), s.rule.side, source=s.source, window=None) for s in seeds]
        )

    def _proposal(self, rule: Rule) -> Proposal:
        return Proposal(rule.phases, self._truths.of(rule.spec), -np.inf)

    def _enough(self, found: list[Candidate]) -> list[Candidate]:
        return [each for each in found if len(each.trades) >= self._asked.least_trades and each.ratio == each.ratio]

    def _report(self, part: Halves, trials: Trials, search: Search, ranked: list[Fitted]) -> FoldReport:
        best = ranked[0] if ranked else None
        return FoldReport(
            train=self._dates(part.train_days),
            test=self._dates(part.test_days),
            trials=trials.count,
            stages=tuple(search.stages),
            singles=tuple(_single(each) for each in search.screened_best(SINGLES)),
            best=best.candidate.rule.text if best else "",
            train_pnl=float(best.trades.pnl.sum()) if best else None,
            test_pnl=float(_trades(best, self._market, part.test).pnl.sum()) if best else None,
        )

    def _dates(self, chosen: Bools) -> tuple[tuple[str, str], ...]:
        edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
        days = self._market.days
        return tuple(
            (days[first].isoformat(), days[after - 1].isoformat()) for first, after in edges.reshape(-1, 2).tolist()
        )


def _single(found: Candidate) -> Single:
    condition = found.phases[0].all[0]
    return Single(
        found.side,
        condition.category.value,
        condition.text,
        len(found.trades),
        float(found.trades.pnl.sum()),
        found.ratio,
    )


class _Found(NamedTuple):
    """One rule with its exits, and the folds that found it."""

    fit: Fitted  # of the last of them
    folds: tuple[tuple[int, _Fold], ...]

    @staticmethod
    def merged(folds: Sequence[_Fold]) -> "list[_Found]":
        """Equal rules with equal exits as one."""
        found: dict[tuple[Rule, ExitConfig], _Found] = {}
        for number, fold in enumerate(folds, start=1):
            for fit in fold.fits:
                key = (fit.candidate.rule, fit.exits)
                before = found[key].folds if key in found else ()
                found[key] = _Found(fit, (*before, (number, fold)))
        return list(found.values())


def _judged(
    found: Sequence[_Found], market: Market, asked: MiningSpec, luck: tuple[int, float]
) -> list[tuple[MinedRule, Trades]]:
    """The distinct ones among them, ranked, with their trades wherever they were searched or judged. Each competes with
    all trials, in whichever fold: `luck` is how many there are, and the variance of their Sharpe ratios."""
    traded = [_Judged(each, market) for each in found]
    kept = distinct(sorted(traded, key=lambda each: -each.score), most=asked.keep, overlap=asked.overlap)
    chances = corrected([each.chance(*luck) for each in kept])
    return [(each.told(found, asked), each.trades) for each, found in zip(kept, chances, strict=True)]


class _Judged:
    """One rule on all days that matter to it."""

    def __init__(self, found: _Found, market: Market) -> None:
        self._found, self._market = found, market
        parts = [fold.halves for _, fold in found.folds]
        self._train = parts[-1]
        self._test_days = np.logical_or.reduce([part.test_days for part in parts])
        tested = np.logical_or.reduce([part.test for part in parts])
        self._tested = _trades(found.fit, market, tested)
        self._anywhere = self._mean_of(tested)
        self.trades = _trades(found.fit, market, tested | self._train.train)
        self.score = found.fit.score / max(1, int(self._train.train_days.sum()))

    def chance(self, trials: int, variance: float) -> Chance:
        """Of what it earned beyond entering anywhere: in a market that rises, every long rule earns."""
        market, fit = self._market, self._found.fit
        searched = market.daily(_beyond(fit.trades, self._mean_of(self._train.train)))[self._train.train_days]
        tested = market.daily(_beyond(self._tested, self._anywhere))[self._test_days]
        return chance(searched, tested, trials=trials, variance=variance)

    def _mean_of(self, where: Bools) -> float:
        """The mean P&L of entering wherever nothing is held, on the rule's side with its exits."""
        fit = self._found.fit
        trades = self._market.trade(where, fit.candidate.rule.sign, fit.exits)
        return float(trades.pnl.mean()) if len(trades) else 0.0

    def told(self, luck: Chance, asked: MiningSpec) -> MinedRule:
        fit, market = self._found.fit, self._market
        rule = fit.candidate.rule
        trained = figures(fit.trades, market, self._train.train_days)
        tested = figures(self._tested, market, self._test_days)
        late = _trades(fit, market, self._train.train, late=1)
        doubt = suspicion(fit.trades, trained.sharpe_daily or 0.0, late=late, tested=tested.sharpe_daily)
        quality = exit_quality(fit.trades, market)
        return MinedRule(
            rule=rule,
            text=rule.text,
            exits=fit.exits,
            source=fit.candidate.source,
            folds=tuple(number for number, _ in self._found.folds),
            score=self.score,
            train=trained,
            test=tested,
            anywhere=self._anywhere,
            chance=luck,
            suspicion=doubt,
            quality=quality,
            quality_score=quality.score,
            capital=capital_use([self.trades], market),
            worst=worst_trades(self.trades, market, share=asked.worst),
            passes=luck.is_small and not doubt.is_high and (tested.mean_pnl or 0.0) > max(0.0, self._anywhere),
            entries=digest_of(self.trades),
            params={"rules": rules_json([rule])},
        )


def _beyond(trades: Trades, base: float) -> Trades:
    """What was earned above `base` a trade; losing less than anywhere is no merit."""
    return replace(trades, pnl=trades.pnl - max(0.0, base))


def _trades(fit: Fitted, market: Market, where: Bools, *, late: int = 0) -> Trades:
    """Of entries decided on the bars `where`; `late` bars after they were asked for."""
    signals = unpacked(fit.candidate.signals, len(market.bars))
    if late:
        signals = np.concatenate((np.zeros(late, np.bool_), signals[:-late]))
    return market.trade(signals & where, fit.candidate.rule.sign, fit.exits)
