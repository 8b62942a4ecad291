"""On which bars conditions hold: one bit a bar, computed once for a set of bars, in bounded memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.sweep.scanned import columns_of
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.indicators.spec import parse
from engine.indicators.table import ColumnCache
from engine.rules.conditions import Condition

Words = NDArray[np.uint64]
Bools = NDArray[np.bool_]
MB = 1 << 20
WORD = 64


class Truths:
    """The conditions of a search over its bars. `rows` has one row of words for each condition.

    Half of `memory_mb` is for the rows (`InvalidInput` where they need more), a quarter for indicator columns, which
    are forgotten when they are more.
    """

    def __init__(self, bars: BarColumns, conditions: Sequence[Condition], *, memory_mb: int) -> None:
        self.bars, self.conditions = bars, tuple(conditions)
        words = -(-len(bars) // WORD)
        need = len(self.conditions) * words * WORD // 8
        if need > memory_mb * MB // 2:
            raise InvalidInput(
                f"memory_mb: {len(self.conditions)} conditions over {len(bars):,} bars need {-(-2 * need // MB)} MB, "
                f"found {memory_mb}",
                field="memory_mb",
            )
        self._most = memory_mb * MB // 4
        self._cache = self._fresh()
        self.rows: Words = np.empty((len(self.conditions), words), np.uint64)
        for at, condition in enumerate(self.conditions):
            self.rows[at] = self.of(condition.spec)

    def of(self, spec: str) -> Words:
        """The bars on which that indicator is above 0."""
        if self._cache.size > self._most:
            self._cache = self._fresh()
        return packed(self._cache.column(parse(spec)) > 0.0)

    def _fresh(self) -> ColumnCache:
        return ColumnCache(columns_of(self.bars))


def packed(flags: Bools) -> Words:
    """One bit a bar; what fills the last word is 0."""
    padded = np.zeros(-(-len(flags) // WORD) * WORD, np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded).view(np.uint64)


def unpacked(words: Words, bars: int) -> Bools:
    """The flags of `packed`."""
    return np.unpackbits(words.view(np.uint8), count=bars).view(np.bool_)


def counts(rows: Words) -> NDArray[np.int64]:
    """How many bits are set in each row."""
    found: NDArray[np.int64] = np.bitwise_count(rows).sum(axis=-1, dtype=np.int64)
    return found
