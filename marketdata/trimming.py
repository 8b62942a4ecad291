"""Keeps a feed's streams short: by age and number, and by what running readers have yet to read."""

import logging
from collections.abc import Mapping, Sequence

from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire, pack
from marketdata.batch import BARS_KEPT, BARS_MOST
from marketdata.unread import Place, UnreadWatch

logger = logging.getLogger(__name__)

TICK_WINDOW_MS = 60_000  # partial bars older than this are dropped
BAR_WINDOW_MS = 300_000  # completed ones younger than this are kept beyond their number: the archiver comes by
HELD_BYTES = 3 << 29
_LEAST = 100  # streams in one round
_AT_ONCE = 25  # per look: none takes long
_SHARE = 10  # of many streams a tenth each time: all of them come round within seconds
_TRIMS = 5  # in one request: bars wait while Redis trims

Mark = tuple[int, int]  # a time, ms, and the number of the stream's last entry then


class Trimmer:
    """Drops what is old on a connection of its own: what is written does not wait for it.

    Completed bars are kept by number, and for `BAR_WINDOW_MS`; partial ones for `window_ms`. What a running reader has
    not acknowledged is held back for it, up to the number at which writing itself drops the oldest (`BARS_MOST`,
    `TICKS_MOST`), and only while Redis uses less than `held_bytes`.
    """

    def __init__(self, client: AsyncRedis, *, window_ms: int = TICK_WINDOW_MS, held_bytes: int = HELD_BYTES) -> None:
        self.unread = UnreadWatch(client, tick_window_ms=window_ms)
        self._wire = Wire(client)
        self._window_ms = window_ms
        self._held_bytes = held_bytes
        self._is_short = False  # of memory
        self._place = 0
        self._pairs: frozenset[tuple[str, str]] = frozenset()  # as of the last time, and their streams
        self._streams: list[str] = []
        self._marks: dict[str, tuple[Mark, Mark]] = {}  # of streams of bars: one within their window, one before it

    async def trim(self, pairs: frozenset[tuple[str, str]], counters: Mapping[str, int], now_ms: int) -> None:
        """About once a second, with the same set of `pairs` where it has not changed; `counters` are the numbers of the
        streams' last entries."""
        if pairs is not self._pairs:
            self._pairs = pairs
            found = [make(*pair) for pair in sorted(pairs) for make in (keys.bars_stream, keys.ticks_stream)]
            if found != self._streams:
                self._forget_all_but(found)
        streams = self._streams
        if not streams:
            return
        await self._look_at_memory()
        chosen = _round(streams, self._place, max(_LEAST, len(streams) // _SHARE))
        self._place += len(chosen)
        for first in range(0, len(chosen), _AT_ONCE):
            part = chosen[first : first + _AT_ONCE]
            places = await self.unread.look(part, counters, now_ms)
            requests = [self._request(stream, places[stream], counters.get(stream, 0), now_ms) for stream in part]
            for at in range(0, len(requests), _TRIMS):
                await self._wire.send(requests[at : at + _TRIMS])

    async def close(self) -> None:
        await self.unread.close()
        await self._wire.close()

    def _request(self, stream: str, places: Sequence[Place], last: int, now_ms: int) -> bytes:
        """What drops all of `stream` that is old and that nobody is held back for."""
        needed = () if self._is_short else places
        if keys.is_bars_stream(stream):
            unread = max((place.unread for place in needed), default=0)
            kept = max(BARS_KEPT, self._in_window(stream, last, now_ms), unread + 1)
            return pack("XTRIM", stream, "MAXLEN", "~", kept)
        # From what was read last on: by it a reader that starts again sees that it missed nothing.
        oldest = min([f"{now_ms - self._window_ms}-0", *[place.read.decode() for place in needed]], key=_moment)
        return pack("XTRIM", stream, "MINID", "~", oldest)

    def _in_window(self, stream: str, last: int, now_ms: int) -> int:
        """How many entries came within the window and up to as long before it; the most while that is not known."""
        before, within = self._marks.get(stream, ((now_ms, last - BARS_MOST), (now_ms, last)))
        if now_ms - within[0] >= BAR_WINDOW_MS:
            before, within = within, (now_ms, last)
        self._marks[stream] = before, within
        return last - before[1]

    async def _look_at_memory(self) -> None:
        info = bytes(await self._wire.call("INFO", "memory"))
        used = next(int(line[12:]) for line in info.split(b"\r\n") if line.startswith(b"used_memory:"))
        was_short, self._is_short = self._is_short, used > self._held_bytes
        if self._is_short and not was_short:
            logger.error(
                "Redis uses %d MB, more than %d: nothing is held back any more for readers that are behind",
                used >> 20, self._held_bytes >> 20,
            )  # fmt: skip

    def _forget_all_but(self, streams: list[str]) -> None:
        self._streams = streams
        self.unread.keep(streams)
        self._marks = {stream: self._marks[stream] for stream in streams if stream in self._marks}


def _moment(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def _round(streams: Sequence[str], place: int, count: int) -> list[str]:
    """The next `count` of `streams`, beginning again at the end."""
    start = place % len(streams)
    return [*streams[start : start + count], *streams[: max(0, min(start, start + count - len(streams)))]]
