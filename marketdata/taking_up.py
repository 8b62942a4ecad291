"""A symbol is taken up where a predecessor left it: its state, and its streams' own counters."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.bars.builder import NEVER
from engine.bars.expand import Expander
from engine.errors import SnapshotIncompatible
from engine.instruments.sessions import SessionOf
from infra.redis import keys
from infra.redis.streams import Wire
from marketdata.batch import continue_counters
from marketdata.recording.recorder import Recorder
from marketdata.states import UNRECORDED, Left, unpacked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How a feed's symbols are aggregated; see `Publisher`."""

    feed: str
    session_of: Callable[[str], SessionOf | None]
    exclude: int
    revises_late: bool
    quality: str
    passed_of: Callable[[str], frozenset[str]]

    def expander(self, symbol: str, timeframes: Iterable[str]) -> Expander:
        """One that knows nothing yet."""
        return Expander(
            symbol, sorted(timeframes), session=self.session_of(symbol), exclude=self.exclude, source=self.feed,
            revises_late=self.revises_late, quality=self.quality, passed=self.passed_of(symbol),
        )  # fmt: skip


class Begun(NamedTuple):
    """How a symbol was taken up: whether a predecessor's state was found, up to which record the aggregators contain
    what happened (None: they begin afresh), and the greatest `seq` given out."""

    expander: Expander
    is_found: bool
    contained: int | None
    seq: int


async def begin_recording(recorder: Recorder, published: int | None, since: int | None, tail: bytes) -> Left | None:
    """Open the recording where a predecessor left it, by what Redis knows of that (`Publisher.recorded`)."""
    found = await asyncio.to_thread(recorder.open, published=published, since=since, tail=tail)
    return None if published is None else Left(published, published if since is None else since, found)


async def take_up(
    wire: Wire,
    settings: Settings,
    symbol: str,
    timeframes: Iterable[str],
    counters: dict[str, int],
    *,
    left: Left | None,
) -> Begun:
    """The aggregators of a symbol as they were left, or afresh where their state is not what was published; `counters`
    of its streams go on."""
    expander = settings.expander(symbol, timeframes)
    data = await wire.call("GET", keys.partial_state(symbol))
    last_seq = await continue_counters(wire, symbol, expander.timeframes, counters)
    contained = None if data is None else _continued(expander, data, feed=settings.feed, last_seq=last_seq, left=left)
    if data is not None and contained is None:
        expander = settings.expander(symbol, timeframes)
    return Begun(expander, data is not None, contained, max(expander.seq, last_seq))


def _continued(expander: Expander, data: bytes, *, feed: str, last_seq: int, left: Left | None) -> int | None:
    """Restore a state, if it is what was published or can be brought up to that; the number of the feed's last record
    that is in it, `NEVER` where it has nothing to do with the recording.

    `last_seq` is the greatest in the streams. A state behind it would give bars that are there already once more; the
    `expander` is not to be used then, and the answer None.
    """
    stored = unpacked(data)
    if stored is None:
        logger.warning("%s: the stored state is none of ours, and is not continued", expander.symbol)
        return None
    try:
        expander.restore(stored.state)
    except SnapshotIncompatible as error:
        logger.warning("%s: the stored state is not continued: %s", expander.symbol, error)
        return None
    recorded = left if stored.feed == feed and stored.number != UNRECORDED else None
    if recorded is not None and recorded.has_all_after(stored.number):
        return stored.number
    if expander.seq >= last_seq:
        return NEVER if recorded is None else max(stored.number, recorded.published)
    logger.warning("%s: the stored state is older than what was published, and is not continued", expander.symbol)
    return None
