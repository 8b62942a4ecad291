"""Bars that were made again after the fact: who archives hands them over, the feed gives them out as revisions."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from engine.model.market import Bar
from infra import codec
from infra.redis import keys
from infra.redis.client import AsyncRedis, SyncRedis
from marketdata.history import Joined, replace_bars

KEPT = 10_000  # bars that wait for a feed
KEPT_S = 24 * 3600
AT_ONCE = 100  # a storm of corrections must not hold up what is new


def hand_over(client: SyncRedis, feed: str, bars: Sequence[Bar]) -> None:
    """Let `feed` give these out, now or when it runs again within a day; of too many the oldest are left out."""
    key = keys.revised_bars(feed)
    with client.pipeline(transaction=True) as pipe:
        pipe.rpush(key, *[codec.encode(bar) for bar in bars])
        pipe.ltrim(key, -KEPT, -1)
        pipe.expire(key, KEPT_S)
        pipe.execute()


async def take_over(client: AsyncRedis, feed: str, give: Callable[[Joined], None]) -> int:
    """Put what was handed over among the recent bars, and `give` it pair by pair; how many bars. Whoever is killed
    before the end gives the same ones again, which changes nothing."""
    key = keys.revised_bars(feed)
    raws = await cast("Any", client.lrange(key, 0, AT_ONCE - 1))
    groups: dict[tuple[str, str], list[Bar]] = {}
    for bar in map(cast("Callable[[str], Bar]", codec.decode), raws):
        groups.setdefault((bar.symbol, bar.timeframe), []).append(bar)
    for bars in groups.values():
        stood = await replace_bars(client, bars)
        give(Joined(stood, tuple(bars)))
    if raws:
        await cast("Any", client.ltrim(key, len(raws), -1))
    return len(raws)
