"""The states a market can be in, each a condition of a rule: known at the close of the bar, by the definition that a
seed trades on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from discovery.fingerprint.asked import FingerprintSpec
from discovery.mining.truths import Bools, Truths, Words, unpacked
from engine.bars.columns import BarColumns
from engine.rules.conditions import PARTS, Clock, Compare, Condition, Gap, Mover, NewExtreme, SessionPart, all_of

# Of the average directional index (J. W. Wilder, "New Concepts in Technical Trading Systems", 1978), as is customary.
TREND = 25.0
LOW, HIGH = 33.0, 67.0  # percent of the 100 bars before
_ADX = "adx(14)"


class State(NamedTuple):
    """Holds on a bar where all its conditions do."""

    dimension: str
    name: str
    conditions: tuple[Condition, ...]

    @property
    def key(self) -> str:
        return f"{self.dimension}: {self.name}"

    @property
    def text(self) -> str:
        return " and ".join(condition.text for condition in self.conditions)


class Dimension(NamedTuple):
    """States of one kind. Of an exclusive dimension at most one holds on a bar: none while its values are not known
    yet."""

    name: str
    is_exclusive: bool
    states: tuple[State, ...]


def dimensions(asked: FingerprintSpec) -> tuple[Dimension, ...]:
    """All that are looked at, in the order in which they are shown."""
    return (
        Dimension("trend", True, tuple(_trends())),
        Dimension("volatility", True, tuple(_thirds("volatility", "percentile_rank(atr(14),100)"))),
        Dimension("volume", True, tuple(_thirds("volume", "percentile_rank(volume,100)"))),
        Dimension("time", True, tuple(_times())),
        Dimension("flags", False, tuple(_flags(asked))),
    )


def _trends() -> Iterator[State]:
    strong = Compare(f"{_ADX}.value", ">=", TREND)
    yield State("trend", "up", (strong, Compare(f"{_ADX}.plus", ">", f"{_ADX}.minus")))
    yield State("trend", "down", (strong, Compare(f"{_ADX}.plus", "<", f"{_ADX}.minus")))
    yield State("trend", "range", (Compare(f"{_ADX}.value", "<", TREND),))


def _thirds(dimension: str, rank: str) -> Iterator[State]:
    yield State(dimension, "low", (Compare(rank, "<", LOW),))
    yield State(dimension, "middle", (Compare(rank, ">=", LOW), Compare(rank, "<", HIGH)))
    yield State(dimension, "high", (Compare(rank, ">=", HIGH),))


def _times() -> Iterator[State]:
    for part in PARTS:
        yield State("time", part.replace("_", " "), (SessionPart(part),))
    last, first = PARTS["after_close"][1], PARTS["before_open"][0]
    yield State("time", "night", (Clock(last, first),))


def _flags(asked: FingerprintSpec) -> Iterator[State]:
    flags: dict[str, Condition] = {
        "gap up": Gap("up", asked.gap),
        "gap down": Gap("down", asked.gap),
        "mover up": Mover("up", asked.mover_bars, asked.mover),
        "mover down": Mover("down", asked.mover_bars, asked.mover),
        "new high": NewExtreme("high", asked.extreme_bars),
        "new low": NewExtreme("low", asked.extreme_bars),
    }
    for name, flag in flags.items():
        yield State("flags", name, (Compare(f"bars_since({flag.spec})", "<", float(asked.recent)),))


class Labels:
    """On which bars each state holds: one bit a bar."""

    def __init__(self, bars: BarColumns, states: Sequence[State], *, memory_mb: int) -> None:
        self.truths = Truths(bars, (), memory_mb=memory_mb)
        self._bars = len(bars)
        self._rows: dict[str, Words] = {
            state.key: self.truths.of(all_of([each.spec for each in state.conditions])) for state in states
        }

    def at(self, state: State) -> Bools:
        """By the close of each bar."""
        return unpacked(self._rows[state.key], self._bars)

    def before(self, state: State) -> Bools:
        """What was known when each bar began: the state at the close of the one before."""
        return shifted(self.at(state))


def shifted(flags: Bools) -> Bools:
    """Each flag one bar later; nothing is known before the first."""
    return np.concatenate((np.zeros(1, np.bool_), flags[:-1]))
