"""How far the readers of a feed's streams have come: warns of one that is behind, tells what one has lost."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire, entry_fields, pack
from marketdata.batch import BARS_KEPT, TICKS_MOST

logger = logging.getLogger(__name__)

READER = "trader"  # the kind of lease that whoever reads a group holds, under the group's name
ALARM, ALL_CLEAR = 0.5, 0.25  # unread, as a share of what is kept whether or not somebody needs it


class Place(NamedTuple):
    """Where a running reader is in a stream: the last id that it acknowledged, the number of the entry that comes next,
    how many it has not acknowledged, and what share that is of what is kept in any case (beyond 1: kept for it)."""

    stream: str
    reader: str
    read: bytes
    next: int
    unread: int
    share: float

    @property
    def told(self) -> str:
        """In words."""
        share = f"{100 * self.share:.0f}% of what is kept without it"
        return f"{self.reader} has not acknowledged {self.unread} entries of {self.stream}, {share}"


class UnreadWatch:
    """Looks at the groups of streams. One whose reader does not run is left alone: it reads nothing, and warms up from
    history when it comes back. `lost` counts entries that were dropped before a running reader had acknowledged them.
    """

    def __init__(self, client: AsyncRedis, *, tick_window_ms: int) -> None:
        self.lost = 0
        self._wire = Wire(client)
        self._window_ms = tick_window_ms
        self._places: dict[str, list[Place]] = {}  # by stream
        self._alarmed: set[tuple[str, str]] = set()

    @property
    def worst(self) -> float:
        """The largest share that any reader has not acknowledged."""
        return max((place.share for places in self._places.values() for place in places), default=0.0)

    @property
    def behind(self) -> list[Place]:
        """Who was told of as being behind, and still is."""
        places = [place for found in self._places.values() for place in found]
        return [place for place in places if (place.stream, place.reader) in self._alarmed]

    async def look(self, streams: Sequence[str], counters: Mapping[str, int], now_ms: int) -> dict[str, list[Place]]:
        """The running readers of each of `streams`; `counters` are the numbers of the streams' last entries."""
        found: dict[str, list[Place]] = {stream: [] for stream in streams}
        for place in await self._read(await self._positions(streams), counters, now_ms):
            found[place.stream].append(place)
            self._tell(place)
        self._places.update(found)
        return found

    def keep(self, streams: Iterable[str]) -> None:
        """Forget all but these."""
        self._places = {stream: self._places[stream] for stream in streams if stream in self._places}

    async def close(self) -> None:
        await self._wire.close()

    async def _positions(self, streams: Sequence[str]) -> list[tuple[str, str, bytes]]:
        """(stream, reader, last acknowledged id) of every group whose reader runs."""
        replies = await self._wire.send([pack("XINFO", "GROUPS", key) for key in streams])
        found = [
            (key, fields[b"name"].decode(), fields[b"last-delivered-id"])
            for key, reply in zip(streams, replies, strict=True)
            if not isinstance(reply, ResponseError)  # a stream that is not there yet
            for fields in (dict(zip(group[::2], group[1::2], strict=True)) for group in reply)
        ]
        readers = sorted({reader for _, reader, _ in found})
        held = await self._wire.send([pack("EXISTS", keys.lease(READER, reader)) for reader in readers])
        running = {reader for reader, exists in zip(readers, held, strict=True) if exists == 1}
        return [each for each in found if each[1] in running]

    async def _read(
        self, positions: Sequence[tuple[str, str, bytes]], counters: Mapping[str, int], now_ms: int
    ) -> list[Place]:
        requests = [pack("XRANGE", key, b"(" + last, "+", "COUNT", 1) for key, _, last in positions]
        replies: list[Any] = await self._wire.send(requests)
        found: list[Place] = []
        for (key, reader, last), reply in zip(positions, replies, strict=True):
            if isinstance(reply, ResponseError):
                continue
            if not reply:
                found.append(Place(key, reader, last, counters.get(key, 0) + 1, 0, 0.0))
                continue
            (entry_id, raw) = reply[0]
            number = entry_fields(raw)[1]
            unread = max(0, counters.get(key, number) - number + 1)
            age_ms = now_ms - int(entry_id.partition(b"-")[0])
            found.append(Place(key, reader, last, number, unread, self._share(key, unread, age_ms)))
        return found

    def _share(self, key: str, unread: int, age_ms: int) -> float:
        if keys.is_bars_stream(key):
            return unread / BARS_KEPT
        return max(unread / TICKS_MOST, age_ms / self._window_ms)

    def _tell(self, place: Place) -> None:
        """Once, that a reader is behind; and whatever it has lost."""
        key = (place.stream, place.reader)
        before = next((each for each in self._places.get(place.stream, ()) if each.reader == place.reader), None)
        if before is not None and before.read == place.read and place.next > before.next:
            self.lost += place.next - before.next
            logger.error(
                "%d entries of %s were dropped before %s had acknowledged them", place.next - before.next, *key
            )
        if place.share >= ALARM and key not in self._alarmed:
            self._alarmed.add(key)
            logger.warning("%s: held back for it while there is room", place.told)
        elif place.share < ALL_CLEAR:
            self._alarmed.discard(key)
