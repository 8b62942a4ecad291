"""Merging a symbol's streams back into the one order they were written in."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_by_seq = itemgetter(0)


class Item(NamedTuple, Generic[T]):
    """One entry of one stream: its place in the symbol's order, where it came from, and what it carries."""

    seq: int
    key: str
    entry_id: str
    payload: T


class Chunk(NamedTuple, Generic[T]):
    """What one read returned of one stream, in the stream's order. `is_full`: there may be more."""

    items: Sequence[Item[T]]
    is_full: bool


class SeqMerge(Generic[T]):
    """Puts the chunks of one symbol's streams into `seq` order.

    Redis shows all streams as of one instant, so every entry below what was read is there, unless a stream came back
    full: of that one more may follow, all behind its last `seq`. What lies behind is held until the next read.
    """

    def __init__(self) -> None:
        self._held: list[Item[T]] = []

    @property
    def held(self) -> int:
        """How many items wait for the next read."""
        return len(self._held)

    def push(self, chunks: Sequence[Chunk[T]]) -> list[Item[T]]:
        """The items that are in their final order now; each stream's own order is kept where `seq` ties."""
        items = self._held
        limit: int | None = None
        for chunk in chunks:
            items.extend(chunk.items)
            if chunk.is_full and chunk.items:
                last = chunk.items[-1].seq
                limit = last if limit is None else min(limit, last)
        items.sort(key=_by_seq)
        if limit is None:
            self._held = []
            return items
        cut = _first_beyond(items, limit)
        self._held = items[cut:]
        return items[:cut]

    def forget(self, key: str) -> None:
        """Drop what is held of the stream `key`, which is not read any more."""
        self._held = [item for item in self._held if item.key != key]


def _first_beyond(items: Sequence[Item[T]], limit: int) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle].seq <= limit:
            low = middle + 1
        else:
            high = middle
    return low
