"""How alike strategies are: when they are in the market, which way, where they enter, what their days earn, and which
moves they catch."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from discovery.fingerprint.held import Entries
from discovery.fingerprint.moves import Floats, Ints
from discovery.mining.truths import Bools

FEWEST_DAYS = 3
Signs = NDArray[np.int8]


class Traced(NamedTuple):
    """What is compared of a strategy: the sign of what it holds on each bar, its entries, the P&L of its days, and the
    moves that it caught."""

    name: str
    sign: Signs
    rows: Entries
    daily: Floats
    caught: Bools


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """`one` beside `other`; None where there is nothing to compare. `time`: of the bars on which either holds
    something, those on which both do. `direction`: of those, the share on the same side. `coincidence`: of the entries
    of `one`, those with an entry of `other` near by on the same side. `correlation` of the P&L of days. `moves`: of
    those that either catches, the share that both do."""

    one: str
    other: str
    time: float | None
    direction: float | None
    coincidence: float | None
    correlation: float | None
    moves: float | None


def overlaps(traced: Sequence[Traced], *, near: int) -> list[Overlap]:
    """Every ordered pair of different strategies, row by row."""
    return [_overlap(one, other, near) for one in traced for other in traced if one is not other]


def _overlap(one: Traced, other: Traced, near: int) -> Overlap:
    both = (one.sign != 0) & (other.sign != 0)
    return Overlap(
        one=one.name,
        other=other.name,
        time=_share(both.sum(), ((one.sign != 0) | (other.sign != 0)).sum()),
        direction=_share((both & (one.sign == other.sign)).sum(), both.sum()),
        coincidence=_share(_beside(one.rows, other.rows, near), len(one.rows.entry)),
        correlation=_correlation(one.daily, other.daily),
        moves=_share((one.caught & other.caught).sum(), (one.caught | other.caught).sum()),
    )


def _share(part: int, whole: int) -> float | None:
    return float(part) / float(whole) if whole else None


def _beside(one: Entries, other: Entries, near: int) -> int:
    """How many entries of the one have an entry of the other on the same side, at most `near` bars away."""
    return sum(_near(one.entry[one.sign == sign], np.sort(other.entry[other.sign == sign]), near) for sign in (1, -1))


def _near(wanted: Ints, there: Ints, near: int) -> int:
    first, after = np.searchsorted(there, wanted - near), np.searchsorted(there, wanted + near, "right")
    return int((after > first).sum())


def _correlation(one: Floats, other: Floats) -> float | None:
    """Pearson's, over days; None below three days or where one of them never changes."""
    if len(one) < FEWEST_DAYS or not one.std() or not other.std():
        return None
    return float(np.corrcoef(one, other)[0, 1])
