"""Recent bars in Redis: for warm-up and charts, and how a vendor's history is joined to our own bars."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.model.market import Bar
from engine.model.time import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from infra import codec
from infra.redis import keys
from infra.redis.client import AsyncRedis, SyncRedis

MAX_BARS = 2_000  # kept per symbol and timeframe
KEPT_BY_BUILDER = 3  # of a pair's last bars, and all of the last minute
BUILDER_REMEMBERS_NS = NS_PER_MINUTE
_SLACK = 8  # more than asked for are read, in case some were replaced


class Stored(NamedTuple):
    """A bar and the bytes it is stored as."""

    bar: Bar
    raw: bytes


async def recent_bars(client: AsyncRedis, symbol: str, timeframe: str, limit: int) -> list[Bar]:
    """The last `limit` closed bars, oldest first."""
    if limit <= 0:
        return []
    raws = await cast("Any", client.zrevrange(keys.bars(symbol, timeframe), 0, limit - 1 + _SLACK))
    return _in_order(raws)[-limit:]


def recent_bars_now(client: SyncRedis, symbol: str, timeframe: str, limit: int) -> list[Bar]:
    """The same for code that is not asynchronous."""
    if limit <= 0:
        return []
    raws = cast("Any", client.zrevrange(keys.bars(symbol, timeframe), 0, limit - 1 + _SLACK))
    return _in_order(raws)[-limit:]


async def join_history(client: AsyncRedis, symbol: str, timeframe: str, vendor: Sequence[Bar]) -> int:
    """Write a vendor's closed bars where we have none of our own, by the rule of `plan_join`; how many were new."""
    return (await join_bars(client, symbol, timeframe, vendor)).added


class Joined(NamedTuple):
    """What joining did: how many bars are new, which of them stand for bars of ours that were not whole, and whether
    one of those had lost prints while it was forming (others were begun in the middle)."""

    added: int = 0
    repairs: tuple[Bar, ...] = ()
    mends_gap: bool = False


async def join_bars(client: AsyncRedis, symbol: str, timeframe: str, vendor: Sequence[Bar]) -> Joined:
    """The same, and what it repaired."""
    if not vendor:
        return Joined()
    key = keys.bars(symbol, timeframe)
    oldest = min(bar.ts_open for bar in vendor) // NS_PER_MS
    raws = await cast("Any", client.zrangebyscore(key, oldest, "+inf"))
    stored = [Stored(_bar(raw), raw) for raw in raws]
    removed, added = plan_join(stored, vendor)
    if removed or added:
        async with client.pipeline(transaction=True) as pipe:
            if removed:
                pipe.zrem(key, *[each.raw for each in removed])
            if added:
                pipe.zadd(key, {codec.encode(bar): score(bar) for bar in added})
            pipe.zremrangebyrank(key, 0, -MAX_BARS - 1)
            await pipe.execute()
    broken = sorted((each.bar for each in removed if not each.bar.is_complete), key=_close)
    repairs = tuple(bar for bar in added if _overlaps(bar, broken))
    return Joined(len(added), repairs, any(bar.quality == "gapped" for bar in broken))


async def doubt_bars(client: AsyncRedis, symbol: str, timeframe: str, *, since: int) -> list[Bar]:
    """Mark whole bars of ours that ended after `since` as gapped; which, oldest first. Not the newest: who builds them
    still has them, and tells of them himself."""
    key = keys.bars(symbol, timeframe)
    raws = await cast("Any", client.zrangebyscore(key, since // NS_PER_MS, "+inf"))
    bars = _in_order(raws)
    old = [bar for bar in bars[:-KEPT_BY_BUILDER] if bar.ts < bars[-1].ts - BUILDER_REMEMBERS_NS]
    doubted = [
        msgspec.structs.replace(bar, quality="gapped", is_complete=False)
        for bar in old
        if bar.ts > since and _is_ours(bar)
    ]
    if doubted:
        await replace_bars(client, doubted)
    return doubted


async def replace_bars(client: AsyncRedis, bars: Sequence[Bar]) -> int:
    """Put these bars of one pair in the place of those of the same time; how many of those there were. What is older
    than everything kept is left out."""
    key = keys.bars(bars[0].symbol, bars[0].timeframe)
    raws = await cast("Any", client.zrangebyscore(key, min(map(score, bars)), max(map(score, bars))))
    times = {(bar.ts_open, bar.ts): bar for bar in bars}
    gone = {raw: times[held] for raw in raws if (held := _times(_bar(raw))) in times}
    if gone:
        async with client.pipeline(transaction=True) as pipe:
            pipe.zrem(key, *gone)
            pipe.zadd(key, {codec.encode(bar): score(bar) for bar in gone.values()})
            await pipe.execute()
    return len(gone)


def plan_join(stored: Sequence[Stored], vendor: Sequence[Bar]) -> tuple[list[Stored], list[Bar]]:
    """What to remove and what to add so that `vendor` fills the holes of `stored`.

    A bar we built completely stands. A vendor's bar is taken where it overlaps none of those, and it replaces what it
    overlaps: bars that were begun in the middle, gapped ones, and older history. So at the seam between history and
    our own bars there is neither a double nor, for time bars, a hole.
    """
    ours = sorted((each.bar for each in stored if _is_ours(each.bar)), key=_close)
    others = [each for each in stored if not _is_ours(each.bar)]
    wanted = {bar: None for bar in sorted(vendor, key=_close) if not _overlaps(bar, ours)}
    same = {each.bar for each in others} & wanted.keys()
    fresh = list(wanted)
    removed = [each for each in others if each.bar not in same and _overlaps(each.bar, fresh)]
    return removed, [bar for bar in fresh if bar not in same]


def lookback_ns(timeframe: str, bars: int, *, attempt: int = 0) -> int:
    """How far back to ask so that `bars` come: twice the pure span for the hours in which nothing trades, for tick
    bars as if five prints came a second, for volume bars an hour; four times as far with each further attempt."""
    parsed = parse_timeframe(timeframe)
    span = parsed.duration_ns
    if span:
        first = 2 * bars * span
    elif parsed.kind is TimeframeKind.TICK:
        first = max(60, bars * parsed.size // 5) * NS_PER_S
    else:
        first = 3_600 * NS_PER_S
    reach: int = first * 4**attempt
    return reach


def score(bar: Bar) -> int:
    """Where a bar stands in its sorted set: its close in milliseconds."""
    return bar.ts // NS_PER_MS


def _in_order(raws: Iterable[str | bytes]) -> list[Bar]:
    bars = sorted((_bar(raw) for raw in raws), key=lambda bar: (bar.ts, bar.seq))
    if not bars or parse_timeframe(bars[0].timeframe).duration_ns is None:
        return bars
    best: dict[int, Bar] = {}
    for bar in bars:  # one per period: our own complete one, else the later
        held = best.get(bar.ts)
        if held is None or not _is_ours(held) or (bar.quality == "revised" and bar.is_complete):
            best[bar.ts] = bar
    return list(best.values())


def _bar(raw: str | bytes) -> Bar:
    return cast("Bar", codec.decode(raw))


def _is_ours(bar: Bar) -> bool:
    return bar.is_complete and bar.quality in ("built", "sampled", "revised")


def _times(bar: Bar) -> tuple[int, int]:
    return bar.ts_open, bar.ts


def _close(bar: Bar) -> int:
    return bar.ts


def _overlaps(bar: Bar, others: Sequence[Bar]) -> bool:
    """Whether `bar` shares time with one of `others`, which stand in the order of their closes."""
    low, high = 0, len(others)
    while low < high:  # the first that closes after `bar` opens
        middle = (low + high) // 2
        if others[middle].ts <= bar.ts_open:
            low = middle + 1
        else:
            high = middle
    return low < len(others) and others[low].ts_open < bar.ts
