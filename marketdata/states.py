"""The aggregators' states in Redis: which of them are written when, and what of a recording a successor needs."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from marketdata.recording.records import Missed, Numbered

EVERY_S = 1.0
AT_ONCE = 16  # states in one batch that could also come with a later one, at least
UNRECORDED = -1


class Stored(NamedTuple):
    """A state as it stands in Redis: what the feed's recording has up to `number` is in it, and nothing after it;
    `UNRECORDED` where there was no recording, and the state is as new as what was published with it."""

    feed: str
    number: int
    state: bytes


def packed(stored: Stored) -> bytes:
    return b"%b %d\n%b" % (stored.feed.encode(), stored.number, stored.state)


def unpacked(data: bytes) -> Stored | None:
    """None where it is none of ours."""
    head, separator, state = data.partition(b"\n")
    feed, _, number = head.rpartition(b" ")
    try:
        return Stored(feed.decode(), int(number), state) if separator else None
    except ValueError:
        return None


class StateKeeper:
    """Says which states go with a batch, and from where on the recording has what the others lack.

    Where everything is recorded a state may be older than what is published: whoever continues lets the aggregators
    take the records after it once more. So each is written about once in `every_s`, the longest unsaved first and not
    too many with one batch, instead of each with every print. A symbol's first is written at once.
    """

    def __init__(self, *, every_s: float = EVERY_S, now: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._now = now
        self._unsaved: dict[str, tuple[float, int]] = {}  # symbol → since when, and the last record not to be missed
        self._known: set[str] = set()  # symbols whose state was written by us
        self._last = 0  # number of the last record in the batch before
        self._is_doubtful = False

    def distrust(self) -> None:
        """Something is not in the recording, or Redis may have lost what it had: all states go with the next batch."""
        self._is_doubtful = True

    def take(self, changed: Iterable[str], number: int, *, everything: bool) -> list[str]:
        """The symbols whose states are to be written with the next batch, in which the records up to `number` are;
        `changed` are those of which something is in it."""
        now, unsaved = self._now(), self._unsaved
        since = (now, self._last)
        for symbol in changed:
            unsaved.setdefault(symbol, since)
        if everything or self._is_doubtful:
            due = list(unsaved)
        else:
            due = [symbol for symbol in changed if symbol not in self._known]
            due += self._old(now, but=set(due))
        for symbol in due:
            del unsaved[symbol]
        self._known.update(due)
        self._last, self._is_doubtful = number, False
        return due

    def _old(self, now: float, *, but: set[str]) -> list[str]:
        found: list[str] = []
        most = max(AT_ONCE, len(self._unsaved) // AT_ONCE)  # of many symbols more: all come round in so many batches
        for symbol, (since, _) in self._unsaved.items():
            if now - since < self._every_s or len(found) >= most:
                break
            if symbol not in but:
                found.append(symbol)
        return found

    @property
    def has_unsaved(self) -> bool:
        return bool(self._unsaved)

    @property
    def since(self) -> int:
        """The number of the last record that is in every state."""
        return next(iter(self._unsaved.values()))[1] if self._unsaved else self._last

    def forget(self, symbol: str) -> None:
        self._unsaved.pop(symbol, None)
        self._known.discard(symbol)


@dataclass(frozen=True)
class Left:
    """What a predecessor left of its recording: the `records` after number `since`. Those up to `published` are in the
    bars that it gave out, though not in every state; the others are not."""

    published: int = 0
    since: int = 0
    records: Sequence[Numbered] = ()

    def has_all_after(self, number: int) -> bool:
        """Whether a state of record `number` can be brought up to what was published."""
        return max(number, self.since) >= self._whole_after

    @cached_property
    def _whole_after(self) -> int:
        """The lowest number after which no published record is missing."""
        expected = self.published
        for number, record in reversed(self.records):
            if number > expected:
                continue
            if number < expected or isinstance(record, Missed):
                break
            expected -= 1
        return expected
