"""Warns before entries are trimmed that a running reader has not acknowledged yet."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire, entry_fields, pack
from marketdata.batch import BARS_KEPT, TICKS_KEPT

logger = logging.getLogger(__name__)

READER = "trader"  # the kind of lease that whoever reads a group holds, under the group's name
ALARM, ALL_CLEAR = 0.5, 0.25  # share of a stream's room that is unread
_AT_ONCE = 100  # streams per look: all of them come round within seconds, and no look takes long


class Behind(NamedTuple):
    """One reader in one stream: how many entries it has not acknowledged, and what share of the room that is."""

    stream: str
    reader: str
    unread: int
    share: float


class UnreadWatch:
    """Looks at some of a feed's streams each time it is asked. A group whose reader does not run is left alone: it
    reads nothing, and warms up from history when it comes back."""

    def __init__(self, client: AsyncRedis, *, tick_window_ms: int) -> None:
        self.worst = 0.0
        self._wire = Wire(client)
        self._window_ms = tick_window_ms
        self._place = 0
        self._shares: dict[tuple[str, str], float] = {}
        self._alarmed: set[tuple[str, str]] = set()

    async def look(self, pairs: Sequence[tuple[str, str]], counters: Mapping[str, int], now_ms: int) -> list[Behind]:
        """Who is behind by half a stream's room or more, and was not the last time; `counters` are the numbers of the
        streams' last entries."""
        streams = [make(*pair) for pair in pairs for make in (keys.bars_stream, keys.ticks_stream)]
        if not streams:
            return []
        chosen = _round(streams, self._place, _AT_ONCE)
        self._place += len(chosen)
        positions = await self._positions(chosen)
        found = await self._unread(positions, counters, now_ms)
        self._shares = {key: share for key, share in self._shares.items() if key[0] not in set(chosen)}
        self._shares.update({(each.stream, each.reader): each.share for each in found})
        self.worst = max(self._shares.values(), default=0.0)
        return self._news(found)

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

    async def _unread(
        self, positions: Sequence[tuple[str, str, bytes]], counters: Mapping[str, int], now_ms: int
    ) -> list[Behind]:
        requests = [pack("XRANGE", key, b"(" + last, "+", "COUNT", 1) for key, _, last in positions]
        replies: list[Any] = await self._wire.send(requests)
        found: list[Behind] = []
        for (key, reader, _), reply in zip(positions, replies, strict=True):
            if isinstance(reply, ResponseError) or not reply:
                continue
            (entry_id, raw) = reply[0]
            number = entry_fields(raw)[1]
            unread = max(0, counters.get(key, number) - number + 1)
            age_ms = now_ms - int(entry_id.partition(b"-")[0])
            found.append(Behind(key, reader, unread, self._share(key, unread, age_ms)))
        return found

    def _share(self, key: str, unread: int, age_ms: int) -> float:
        if key.startswith(keys.bars_stream("", "")[:-2]):
            return unread / BARS_KEPT
        return max(unread / TICKS_KEPT, age_ms / self._window_ms)

    def _news(self, found: Sequence[Behind]) -> list[Behind]:
        news = [each for each in found if each.share >= ALARM and (each.stream, each.reader) not in self._alarmed]
        for each in news:
            self._alarmed.add((each.stream, each.reader))
            logger.warning(
                "%s has not acknowledged %d entries of %s, %.0f%% of what is kept: it will lose some",
                each.reader, each.unread, each.stream, 100 * each.share,
            )  # fmt: skip
        self._alarmed -= {(each.stream, each.reader) for each in found if each.share < ALL_CLEAR}
        return news


def _round(streams: Sequence[str], place: int, count: int) -> list[str]:
    """The next `count` of `streams`, beginning again at the end."""
    start = place % len(streams)
    return [*streams[start : start + count], *streams[: max(0, min(start, start + count - len(streams)))]]
