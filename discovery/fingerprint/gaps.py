"""Where moves begin that no strategy catches, and the rules that might: candidates for the miner, nothing more."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np

from discovery.fingerprint.asked import FingerprintSpec
from discovery.fingerprint.coverage import SIDES
from discovery.fingerprint.moves import Floats, Ints, Moves
from discovery.fingerprint.states import Dimension, Labels, State
from discovery.mining.truths import Bools, unpacked
from engine.rules.conditions import Compare, Condition, Cross, NewExtreme, Streak
from engine.rules.rule import Rule, Side
from engine.rules.temporal import Phase

PER_GAP = 2  # seeds


class GapFound(msgspec.Struct, frozen=True, kw_only=True):
    """States in which moves of one side begin that nobody catches. `missed` of `moves`, worth `points` at their closes;
    `bars` on which the states hold; `lift`: so many times as often as anywhere a missed move begins on such a bar."""

    side: Side
    states: tuple[str, ...]
    text: str
    bars: int
    moves: int
    missed: int
    points: float
    lift: float


class SeedFound(msgspec.Struct, frozen=True, kw_only=True):
    """A rule for the miner, and what speaks for it where it was looked for: it asked for an entry on `signals` bars;
    `early` of them lie within reach of the beginning of one of `missed` moves of its gap's side, which is `lift` times
    as often as a bar does by chance; `moves` of those had such a signal. All this is seen with hindsight, on the days
    in which the rule was chosen."""

    gap: int  # number of its gap, from 0
    rule: Rule
    text: str
    signals: int
    early: int
    moves: int
    missed: int
    lift: float


class Gaps(NamedTuple):
    """`considered`: how many combinations of states and how many rules were looked at."""

    gaps: list[GapFound]
    seeds: list[SeedFound]
    considered: int


class _Where(NamedTuple):
    """States that hold together, where all of `flags` do: of pairs they are not kept, which would be hundreds."""

    states: tuple[State, ...]
    flags: tuple[Bools, ...]

    def on(self, bars: Ints) -> Bools:
        """Whether they hold on each of those bars."""
        found: Bools = np.logical_and.reduce([each[bars] for each in self.flags])
        return found

    @property
    def bars(self) -> int:
        """On how many they hold."""
        return int(np.logical_and.reduce(self.flags).sum())


class _Missed(NamedTuple):
    """Moves of one side in the days that are looked at."""

    side: Side
    begin: Ints
    is_missed: Bools
    size: Floats


def gaps_in(
    moves: Moves, is_caught: Bools, kinds: Sequence[Dimension], labels: Labels, *, bars: int, asked: FingerprintSpec
) -> Gaps:
    """In the first `bars` bars, of moves that were known by then; `is_caught` says of each whether any strategy caught
    it. The gaps with the most missed points first; a pair of states only where more is missed than in each alone."""
    within = moves.known < bars
    sides = [
        _Missed(side, moves.begin[mine], ~is_caught[mine], moves.size[mine])
        for side, sign in SIDES
        for mine in (within & (moves.sign == sign),)
    ]
    places = _places(kinds, labels, bars)
    found = [each for missed in sides for each in _gaps(places, missed, bars, asked)]
    found = sorted(found, key=lambda each: -each[0].points)[: asked.most_gaps]
    seeds, tried = [], 0
    for number, (gap, where) in enumerate(found):
        missed = sides[0 if gap.side == "long" else 1]
        rules = [*_seeds(number, where, missed, labels, bars, asked)]
        tried += len(rules)
        seeds += sorted((each for each in rules if each.lift > 1), key=lambda each: -each.lift)[:PER_GAP]
    return Gaps([gap for gap, _ in found], seeds, len(places) * len(sides) + tried)


def _places(kinds: Sequence[Dimension], labels: Labels, bars: int) -> list[_Where]:
    """Every state, and every two of different dimensions."""
    single = [_Where((state,), (labels.at(state)[:bars],)) for kind in kinds for state in kind.states]
    double = [
        _Where((*one.states, *other.states), (*one.flags, *other.flags))
        for one, other in combinations(single, 2)
        if one.states[0].dimension != other.states[0].dimension
    ]
    return [*single, *double]


def _gaps(
    places: Sequence[_Where], missed: _Missed, bars: int, asked: FingerprintSpec
) -> Iterator[tuple[GapFound, _Where]]:
    shares: dict[str, float] = {}
    anywhere = float(missed.is_missed.sum()) / bars
    for where in places:
        here = where.on(missed.begin)
        count, lost = int(here.sum()), int((here & missed.is_missed).sum())
        share = lost / count if count else 0.0
        keys = tuple(state.key for state in where.states)
        if len(keys) == 1:
            shares[keys[0]] = share
        elif share <= max(shares[key] for key in keys):
            continue
        if lost < asked.least_moves or share < asked.gap_share:
            continue
        held = where.bars
        yield (
            GapFound(
                side=missed.side,
                states=keys,
                text=" and ".join(state.text for state in where.states),
                bars=held,
                moves=count,
                missed=lost,
                points=float(missed.size[here & missed.is_missed].sum()),
                lift=lost / held / anywhere,
            ),
            where,
        )


def _seeds(
    gap: int, where: _Where, missed: _Missed, labels: Labels, bars: int, asked: FingerprintSpec
) -> Iterator[SeedFound]:
    """The states alone, and followed within reach by each of the triggers; those that met enough of the moves."""
    conditions = tuple(dict.fromkeys(each for state in where.states for each in state.conditions))
    first = Phase(conditions)
    followed = [(first, Phase((trigger,), 1, asked.reach)) for trigger in triggers(missed.side)]
    begin = missed.begin[missed.is_missed & where.on(missed.begin)]
    near = _reached(begin, asked.reach, bars)
    for phases in ((first,), *followed):
        rule = Rule(missed.side, phases)
        signals = unpacked(labels.truths.of(rule.spec), len(labels.truths.bars))[:bars]
        asks, early = int(signals.sum()), int((signals & near).sum())
        met = _met(begin, signals, asked.reach)
        yield SeedFound(
            gap=gap,
            rule=rule,
            text=rule.text,
            signals=asks,
            early=early,
            moves=met,
            missed=len(begin),
            lift=early / asks / (float(near.sum()) / bars) if asks and 2 * met >= asked.least_moves else 0.0,
        )


def triggers(side: Side) -> tuple[Condition, ...]:
    """What may complete a seed: signs that price has turned to that side."""
    if side == "long":
        return (
            Cross("close", "up", "ema(close,9)"), NewExtreme("high", 10), Streak("close", "up", 2),
            Compare("close", ">", "delay(high,1)"),
        )  # fmt: skip
    return (
        Cross("close", "down", "ema(close,9)"), NewExtreme("low", 10), Streak("close", "down", 2),
        Compare("close", "<", "delay(low,1)"),
    )  # fmt: skip


def _reached(begin: Ints, reach: int, bars: int) -> Bools:
    """The bars from the beginning of a move until so many after it."""
    steps = np.zeros(bars + 1, np.int64)
    np.add.at(steps, begin, 1)
    np.add.at(steps, np.minimum(begin + reach + 1, bars), -1)
    found: Bools = np.cumsum(steps)[:bars] > 0
    return found


def _met(begin: Ints, signals: Bools, reach: int) -> int:
    """How many moves had a signal within reach of their beginning."""
    total = np.concatenate(([0], np.cumsum(signals)))
    return int((total[np.minimum(begin + reach + 1, len(signals))] > total[begin]).sum())
