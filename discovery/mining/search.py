"""Looks for entries, stage by stage: single conditions, two of them in order, then more at once in a beam."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import NamedTuple

import msgspec
import numpy as np

from discovery.mining.asked import MiningSpec, Source
from discovery.mining.distinct import distinct
from discovery.mining.market import Trades
from discovery.mining.trials import Trials
from discovery.mining.truths import Truths, Words, counts, packed, unpacked
from engine.exits.config import ExitConfig
from engine.rules.conditions import Condition
from engine.rules.rule import Rule, Side
from engine.rules.temporal import Phase

SINGLE = "single"  # the name of the first stage


class Stage(msgspec.Struct, frozen=True):
    """What a stage did. `considered` = `too_rare` (fewer bars than trades are asked for) + `same_signals` (another one
    has the very same bars) + `tried`; of these `no_better` than what they were made of, and `kept`."""

    name: str
    side: Side
    considered: int
    too_rare: int
    same_signals: int
    tried: int
    no_better: int
    kept: int
    best: str
    best_sharpe: float | None


class Candidate(NamedTuple):
    """An entry that was tried. `phases` are without the `window` that all rules of a search share."""

    side: Side
    phases: tuple[Phase, ...]
    window: Condition | None
    signals: Words
    trades: Trades
    ratio: float  # daily Sharpe where it is searched
    source: Source

    @property
    def rule(self) -> Rule:
        if self.window is None:
            return Rule(self.side, self.phases)
        last = self.phases[-1]
        whole = msgspec.structs.replace(last, all=(*last.all, self.window))
        return Rule(self.side, (*self.phases[:-1], whole))

    @property
    def size(self) -> int:
        return sum(len(phase.all) for phase in self.phases)


class Proposal(NamedTuple):
    """An entry that might be tried; `above` is the ratio that it has to beat."""

    phases: tuple[Phase, ...]
    signals: Words
    above: float


class Search:
    """One side of one fold. Deterministic: ties go to what was proposed first. Each stage is told when it is done."""

    def __init__(
        self,
        truths: Truths,
        trials: Trials,
        asked: MiningSpec,
        *,
        exits: ExitConfig,
        window: Condition | None,
        staged: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        self._truths, self._trials, self._asked, self._staged = truths, trials, asked, staged
        self._exits, self._window = exits, window
        self._open = truths.of(window.spec) if window else packed(np.ones(len(truths.bars), np.bool_))
        self._usable = packed(trials.halves.train) & self._open
        self.stages: list[Stage] = []
        self.screened: list[Candidate] = []

    def run(self, side: Side, *, tell: Callable[[], None]) -> list[Candidate]:
        """The beam at the end: the best of every stage."""
        asked = self._asked
        self._seen: set[bytes] = set()
        singles = self._stage(SINGLE, side, self._singles(), most=len(self._truths.conditions), tell=tell)
        self.screened += singles
        beam = self._best(singles)
        if asked.patterns:
            patterns = self._stage("pattern", side, self._patterns(singles), most=asked.beam, tell=tell)
            beam = self._best([*beam, *patterns])
        for size in range(2, asked.depth + 1):
            grown = self._stage(f"of {size}", side, self._grown(beam, singles, size), most=asked.beam, tell=tell)
            beam = self._best([*beam, *grown])
        return beam

    def _best(self, found: list[Candidate]) -> list[Candidate]:
        """As many as the beam holds, no two of which make the same trades."""
        ranked = sorted(found, key=lambda each: -each.ratio)
        return distinct(ranked, most=self._asked.beam, overlap=self._asked.overlap)

    def screened_best(self, most: int) -> list[Candidate]:
        """The best single conditions of both sides."""
        return sorted(self.screened, key=lambda each: -each.ratio)[:most]

    def _stage(
        self, name: str, side: Side, proposals: Iterable[Proposal], *, most: int, tell: Callable[[], None]
    ) -> list[Candidate]:
        considered = rare = same = worse = 0
        source = Source.SCREEN if name == SINGLE else Source.BEAM
        found: list[Candidate] = []
        for phases, signals, above in proposals:
            considered += 1
            tell()
            if counts(signals & self._usable) < self._asked.least_trades:
                rare += 1
                continue
            key = (signals & self._usable).tobytes()
            if key in self._seen:
                same += 1
                continue
            self._seen.add(key)
            tried = self.tried(Proposal(phases, signals, above), side, source=source, window=self._window)
            if len(tried.trades) < self._asked.least_trades or not tried.ratio > above:
                worse += 1
                continue
            found.append(tried)
        kept = sorted(found, key=lambda each: -each.ratio)[:most]
        stage = Stage(
            name, side, considered, rare, same, considered - rare - same, worse, len(kept),
            kept[0].rule.text if kept else "", kept[0].ratio if kept else None,
        )  # fmt: skip
        self.stages.append(stage)
        self._staged(stage)
        return kept

    def traded(self, signals: Words, side: Side) -> Trades:
        """What entering there would have come to where it is searched; it proposes nothing, so it is no trial."""
        market = self._trials.market
        bars = unpacked(signals & self._usable, len(market.bars))
        return market.trade(bars, 1 if side == "long" else -1, self._exits)

    def tried(self, proposal: Proposal, side: Side, *, source: Source, window: Condition | None) -> Candidate:
        """The proposal with its trades where it is searched."""
        signals = proposal.signals if window is None else proposal.signals & self._open
        trades, ratio = self._trials.run(signals, 1 if side == "long" else -1, self._exits)
        return Candidate(side, proposal.phases, window, signals, trades, ratio, source)

    def _singles(self) -> Iterator[Proposal]:
        for condition, row in zip(self._truths.conditions, self._truths.rows, strict=True):
            yield Proposal((Phase((condition,)),), row, -np.inf)

    def _patterns(self, singles: list[Candidate]) -> Iterator[Proposal]:
        """Two of the best conditions in order, which must be better than the second alone."""
        best = singles[: self._asked.patterns]
        for (least, most), first, second in product(self._asked.gaps, best, best):
            phases = (first.phases[0], msgspec.structs.replace(second.phases[0], least=least, most=most))
            yield Proposal(phases, self._truths.of(Rule(first.side, phases).spec), max(second.ratio, 0.0))

    def _grown(self, beam: list[Candidate], singles: list[Candidate], size: int) -> Iterator[Proposal]:
        """What is in the beam with one condition more in its last phase; it must be better than it was."""
        for parent in beam:
            last = parent.phases[-1]
            if len(last.all) != size - 1:
                continue
            for single in singles[: self._asked.screened]:
                extra = single.phases[0].all
                if extra[0] not in last.all:
                    whole = msgspec.structs.replace(last, all=(*last.all, *extra))
                    signals = parent.signals & single.signals
                    yield Proposal((*parent.phases[:-1], whole), signals, max(parent.ratio, 0.0))
