"""Makes one of rules that make the same trades."""

import hashlib
from collections.abc import Iterable
from typing import Protocol, TypeVar

from discovery.mining.market import Trades


class Traded(Protocol):
    """Anything that made trades."""

    @property
    def trades(self) -> Trades: ...


Some = TypeVar("Some", bound=Traded)
Entries = frozenset[tuple[int, int]]


def distinct(ranked: Iterable[Some], *, most: int, overlap: float) -> list[Some]:
    """The first `most` of them of which no two share at least `overlap` of their entries (of all that either made, on
    the same side). Of equals the first stays."""
    kept: list[Some] = []
    entries: list[Entries] = []
    for each in ranked:
        if len(kept) == most:
            break
        mine = entries_of(each.trades)
        if all(shared(mine, other) < overlap for other in entries):
            kept.append(each)
            entries.append(mine)
    return kept


def entries_of(trades: Trades) -> Entries:
    return frozenset(zip(trades.entry_bar.tolist(), trades.sign.tolist(), strict=True))


def digest_of(trades: Trades) -> str:
    """Of the entries: equal trades have the same."""
    return hashlib.sha256(repr(sorted(entries_of(trades))).encode()).hexdigest()[:16]


def shared(a: Entries, b: Entries) -> float:
    """Of all entries of either, those of both; 1 where there are none."""
    return len(a & b) / len(a | b) if a or b else 1.0
