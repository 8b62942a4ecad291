"""Reads the streams of a book's symbols as one sequence of events, in the order in which they were published."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from engine.model.event import Event
from engine.model.market import FeedGap, FeedStateChanged
from infra import codec
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis
from infra.redis.merge import Chunk, Item, SeqMerge
from infra.redis.streams import START, Wire, entry_fields, pack

logger = logging.getLogger(__name__)

Subscription = tuple[str, str]  # symbol, timeframe
# A look costs the server 2 to 3 µs for each stream, whether it has something or not: a book of hundreds of symbols that
# looks again at once takes the time in which the feed could write.
REST_PER_STREAM_S = 5e-6
_IN_DOUBT = ("stale", "suspect")  # a gap is seen by the bars themselves, which are not whole


class _Stream:
    """Where the reader is in one stream. `n` is the counter of the last entry fetched, None if it is not known."""

    __slots__ = ("fetched", "is_full", "items", "key", "n", "released", "symbol")

    def __init__(self, key: str, symbol: str) -> None:
        self.key = key
        self.symbol = symbol
        self.fetched = START
        self.released = START
        self.n: int | None = 0
        self.items: list[Item[Event]] = []
        self.is_full = False


class StreamReader:
    """The market events of a book, `seq` by `seq` per symbol.

    Where it is, is told by `cursors`: for each stream the id up to which events were *returned* by `read`. Stored in
    the same transaction as what was made of those events, and given back after a crash, they make it exactly-once.
    The consumer group `book` on each stream shows that position to people (`XINFO GROUPS`), and to the publisher, who
    warns before it trims what was not read yet; delivery does not depend on it, so that a paused process which wakes
    up cannot take events away from its successor.

    A `FeedGap` stands in front of the first event after entries that were lost: trimmed before they were read, or
    never written, or unreadable. While Redis is away `read` returns nothing and goes on afterwards where it was.

    Of a symbol whose streams are read from their present end, the first event says what the feed held against its data
    by then, if anything: whoever comes later would not know it.
    """

    def __init__(
        self,
        client: AsyncRedis,
        *,
        book: str,
        subscriptions: Iterable[Subscription],
        cursors: Mapping[str, str] | None = None,
        ticks: bool = True,
        count: int = 256,
        min_interval_s: float = 0.001,
        rest_per_stream_s: float = REST_PER_STREAM_S,
    ) -> None:
        """`count` bounds what one read takes of each stream; `min_interval_s` is the shortest time between two reads,
        so that a busy market is read in batches, and longer with many streams: `rest_per_stream_s` for each."""
        self.book = book
        self.is_connected = False
        self._wire = Wire(client)
        self._ticks = ticks
        self._count = count
        self._min_interval_s = min_interval_s
        self._rest_per_stream_s = rest_per_stream_s
        self._last_read = 0.0
        self._was_empty = True
        self._streams: dict[str, _Stream] = {}
        self._merges: dict[str, SeqMerge[Event]] = {}
        self._last_note: dict[str, int] = {}
        self._acked: dict[str, str] = {}
        self._first: list[Event] = []  # what was known before anything was read
        self._given = dict(cursors or {})
        self._pairs: tuple[Subscription, ...] = tuple(dict.fromkeys(subscriptions))

    @property
    def cursors(self) -> dict[str, str]:
        """Stream key → id up to which `read` has returned its events."""
        return {key: stream.released for key, stream in self._streams.items()}

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return self._pairs

    async def start(self) -> None:
        """Take position: after the given cursors; at the present end where there is none."""
        await self._add(self._keys(self._pairs))
        self.is_connected = True

    async def close(self) -> None:
        await self._wire.close()

    async def update_subscriptions(
        self, subscriptions: Iterable[Subscription], cursors: Mapping[str, str] | None = None
    ) -> None:
        """Read these pairs from now on. New ones begin at `cursors`, or at their present end; the others go on."""
        self._given = dict(cursors or {})
        self._pairs = tuple(dict.fromkeys(subscriptions))
        wanted = self._keys(self._pairs)
        for key in self._streams.keys() - wanted.keys():
            stream = self._streams.pop(key)
            self._acked.pop(key, None)
            if stream.symbol in self._merges:
                self._merges[stream.symbol].forget(key)
        for symbol in self._merges.keys() - {symbol for symbol, _ in self._pairs}:
            del self._merges[symbol]
        await self._add({key: symbol for key, symbol in wanted.items() if key not in self._streams})

    async def read(self, block_ms: int = 1000) -> list[Event]:
        """The next events in order; an empty list after `block_ms` without any."""
        if not self._streams:
            await asyncio.sleep(block_ms / 1000)
            return []
        if self._first:
            first, self._first = self._first, []
            return first
        interval_s = max(self._min_interval_s, self._rest_per_stream_s * len(self._streams))
        pause = self._last_read + interval_s - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        try:
            replies = await self._fetch(block_ms)
        except REDIS_AWAY as error:
            await self._wait_for_redis(error, block_ms)
            return []
        self.is_connected = True
        self._last_read = time.monotonic()
        self._was_empty = not replies
        return self._release(self._take(replies)) if replies else []

    async def ack(self, cursors: Mapping[str, str]) -> None:
        """Show in each stream's group that everything up to `cursors` is dealt with, for good."""
        moved = {
            key: cursor for key, cursor in cursors.items() if key in self._streams and self._acked.get(key) != cursor
        }
        if not moved:
            return
        try:
            replies = await self._wire.send(
                [pack("XGROUP", "SETID", key, self.book, cursor) for key, cursor in moved.items()]
            )
        except REDIS_AWAY as error:
            logger.warning("acknowledging was put off, Redis is away: %s", error)
            return
        self._acked.update(moved)
        if any(isinstance(reply, ResponseError) for reply in replies):  # the group is gone: a fresh Redis
            await self._create_groups(moved)

    # ---- reading ------------------------------------------------------------------------------------------

    async def _fetch(self, block_ms: int) -> list[Any]:
        """One look at all streams as of one instant: [[key, entries], …].

        A blocked XREAD returns when the first stream has something, and only that: out of order across streams.
        So its reply serves as a bell only, and a second, unblocked one sent along with it brings the entries.
        """
        tail = ("STREAMS", *self._streams, *[stream.fetched for stream in self._streams.values()])
        look = pack("XREAD", "COUNT", self._count, *tail)
        if not self._was_empty:
            (reply,) = await self._wire.send([look])
            if reply:
                return _checked(reply)
        bell = pack("XREAD", "COUNT", 1, "BLOCK", max(1, block_ms), *tail)
        rung, reply = await self._wire.send([bell, look], extra_s=block_ms / 1000)
        _checked(rung)
        return _checked(reply)

    def _take(self, replies: list[Any]) -> dict[str, list[_Stream]]:
        """Decode the entries into their streams' `items`; the streams that got some, by symbol."""
        touched: dict[str, list[_Stream]] = {}
        for raw_key, entries in replies:
            stream = self._streams[raw_key.decode()]
            stream.is_full = len(entries) >= self._count
            self._decode(stream, entries)
            touched.setdefault(stream.symbol, []).append(stream)
        return touched

    def _decode(self, stream: _Stream, entries: list[Any]) -> None:
        key, items, expected = stream.key, stream.items, stream.n
        decode = codec.decode
        for raw_id, raw in entries:
            entry_id = raw_id.decode()
            data, n = entry_fields(raw)
            try:
                event = decode(data)
            except msgspec.MsgspecError as error:
                logger.warning("%s: entry %s is unreadable: %s", key, entry_id, error)
                expected = n - 1  # the next one finds this one missing
                stream.fetched = entry_id
                continue
            seq: int = getattr(event, "seq", 0)
            if expected is None or n != expected + 1:
                gap = self._gap(stream, ts=event.ts, expected=expected, found=n)
                items.append(Item(seq, key, stream.fetched, gap))
            items.append(Item(seq, key, entry_id, event))
            expected = n
            stream.fetched = entry_id
        stream.n = expected

    def _gap(self, stream: _Stream, *, ts: int, expected: int | None, found: int) -> FeedGap:
        missed = max(0, found - expected - 1) if expected is not None else 0
        if expected is None:
            reason = f"{stream.key} was trimmed before {self.book} had read it"
        else:
            reason = f"{stream.key} jumps from entry {expected} to {found}"
        logger.warning("%s: %s", stream.symbol, reason)
        return FeedGap(ts=ts, symbol=stream.symbol, reason=reason, missed=missed)

    def _release(self, touched: dict[str, list[_Stream]]) -> list[Event]:
        """Each symbol's items in its order; between symbols, by the time of writing."""
        batches: list[list[Item[Event]]] = []
        for symbol, streams in touched.items():
            merge = self._merges.setdefault(symbol, SeqMerge())
            batches.append(merge.push([Chunk(stream.items, stream.is_full) for stream in streams]))
            for stream in streams:
                stream.items = []
        ordered = batches[0] if len(batches) == 1 else _by_time(batches)
        return [item.payload for item in ordered if self._is_new(item)]

    def _is_new(self, item: Item[Event]) -> bool:
        """Advance the cursor past `item`; False for the further copies of what concerns the whole symbol, which
        is written to each of its streams under one `seq`."""
        _, key, entry_id, event = item
        stream = self._streams[key]
        stream.released = entry_id
        if not isinstance(event, FeedGap | FeedStateChanged) or event.seq == 0:
            return True
        if event.seq == self._last_note.get(stream.symbol):
            return False
        self._last_note[stream.symbol] = event.seq
        return True

    # ---- positions ----------------------------------------------------------------------------------------

    def _keys(self, pairs: Iterable[Subscription]) -> dict[str, str]:
        """Stream key → symbol, for what the pairs need."""
        found: dict[str, str] = {}
        for symbol, timeframe in pairs:
            found[keys.bars_stream(symbol, timeframe)] = symbol
            if self._ticks:
                found[keys.ticks_stream(symbol, timeframe)] = symbol
        return found

    async def _add(self, wanted: Mapping[str, str]) -> None:
        """Take position in these streams and show it in their groups."""
        if not wanted:
            return
        replies = await self._wire.send([self._position(key) for key in wanted])
        for (key, symbol), reply in zip(wanted.items(), replies, strict=True):
            stream = _Stream(key, symbol)
            found = _checked(reply)
            cursor = self._given.get(key)
            if found:
                (raw_id, raw) = found[0]
                stream.fetched, stream.n = raw_id.decode(), entry_fields(raw)[1]
            elif cursor is not None and cursor != START:
                stream.fetched, stream.n = cursor, None  # trimmed; known for sure when the next entry arrives
            stream.released = stream.fetched
            self._streams[key] = stream
        await self._create_groups({key: self._streams[key].fetched for key in wanted})
        await self._learn_states({symbol for key, symbol in wanted.items() if key not in self._given})

    async def _learn_states(self, symbols: Iterable[str]) -> None:
        found = sorted(symbols)
        fields = ("state", "reason", "last_tick_ts")
        replies = await self._wire.send([pack("HMGET", keys.feed_state(symbol), *fields) for symbol in found])
        for symbol, reply in zip(found, replies, strict=True):
            state, reason, ts = (each.decode() if each else "" for each in _checked(reply))
            if state in _IN_DOUBT:
                self._first.append(FeedStateChanged(int(ts or 0), symbol, state, reason))

    def _position(self, key: str) -> bytes:
        cursor = self._given.get(key)
        if cursor is None:
            return pack("XREVRANGE", key, "+", "-", "COUNT", 1)
        return pack("XRANGE", key, cursor, cursor, "COUNT", 1)

    async def _create_groups(self, cursors: Mapping[str, str]) -> None:
        requests: list[bytes] = []
        for key, cursor in cursors.items():
            requests.append(pack("XGROUP", "CREATE", key, self.book, cursor, "MKSTREAM"))
            requests.append(pack("XGROUP", "SETID", key, self.book, cursor))
        for reply in await self._wire.send(requests):
            if isinstance(reply, ResponseError) and "BUSYGROUP" not in str(reply):
                raise reply
        self._acked.update(cursors)

    async def _wait_for_redis(self, error: Exception, block_ms: int) -> None:
        if self.is_connected:
            logger.warning("%s: Redis is away (%s); reading goes on where it was when it is back", self.book, error)
        self.is_connected = False
        await asyncio.sleep(min(0.25, block_ms / 1000))


def _checked(reply: Any) -> list[Any]:
    if isinstance(reply, ResponseError):
        raise reply
    return reply or []


def _by_time(batches: list[list[Item[Event]]]) -> list[Item[Event]]:
    """Several symbols' batches as one, by the milliseconds of the entries' ids; each batch keeps its own order."""
    stamped: list[tuple[int, Item[Event]]] = []
    for batch in batches:
        latest = 0
        for item in batch:
            latest = max(latest, int(item.entry_id.partition("-")[0]))
            stamped.append((latest, item))
    stamped.sort(key=lambda pair: pair[0])
    return [item for _, item in stamped]
