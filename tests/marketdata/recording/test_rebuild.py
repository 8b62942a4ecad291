"""A recorded session of a venue that makes bars of its own gives the published bars again."""

from pathlib import Path

import msgspec
import pytest

from engine.model.market import Bar, FeedGap, Tick
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from infra import codec
from infra.redis import keys
from marketdata.feeds.replay import ReplayFeed, ReplayOptions
from marketdata.publisher import Publisher
from marketdata.recording.rebuild import Rebuild, received_frames
from marketdata.recording.recorder import Recorder
from marketdata.recording.records import records

OPENED = 1_763_735_400 * NS_PER_S // (5 * NS_PER_MINUTE) * (5 * NS_PER_MINUTE)
TIMEFRAMES = ("1", "5", "20s")


def minute(number: int, close: float) -> Bar:
    opened = OPENED + number * NS_PER_MINUTE
    return Bar(
        opened + NS_PER_MINUTE, "SPY", "1", opened, 500.0, 510.0, 490.0, close, 100.0, source="vendor:s",
        quality="vendor", ts_recv=opened + 70 * NS_PER_S,
    )  # fmt: skip


def frames() -> list[list[Tick | Bar | FeedGap]]:
    """Eighteen minutes: samples every ten seconds, the minutes a while later, one revised, some lost."""
    found: list[list[Tick | Bar | FeedGap]] = []
    for at in range(18 * 6):
        ts = OPENED + at * 10 * NS_PER_S
        found.append([Tick(ts, "SPY", 500.0 + at % 7, 1.0, conditions=4 * (at % 5 == 1), ts_recv=ts + 1)])
        if at % 6 == 1 and at > 6:
            found.append([minute(at // 6 - 1, 500.0 + at)])
        if at == 33:
            found.append([minute(3, 505.5)])
        if at == 50:
            found.append([FeedGap(ts, "SPY", "cut", since=ts)])
    return found


@pytest.fixture
async def published(client, tmp_path: Path) -> list[Bar]:
    recorder = Recorder(tmp_path, patience_s=10.0)
    recorder.open(published=0)
    writer = Publisher(
        client, feed="s", quality="sampled", passed_of=lambda symbol: frozenset({"1"}), recorder=recorder, exclude=4
    )  # fmt: skip
    await writer.carry([("SPY", each) for each in TIMEFRAMES])
    for frame in frames():
        writer.ingest(frame)
        writer.advance(frame[-1].ts)
        await writer.flush()
    recorder.close()
    await writer.close()
    return await bars_of(client)


async def bars_of(client) -> list[Bar]:
    entries = [entry for each in TIMEFRAMES for entry in await client.xrange(keys.bars_stream("SPY", each))]
    found = [codec.decode(fields["e"]) for _, fields in entries]
    return [msgspec.structs.replace(bar, seq=0) for bar in found if isinstance(bar, Bar)]


async def test_the_bars_are_those_that_were_published(published, tmp_path):
    again = [
        msgspec.structs.replace(bar, seq=0) for bar in Rebuild(feed="s", quality="sampled").bars(records(tmp_path))
    ]
    by_timeframe = sorted(again, key=lambda bar: TIMEFRAMES.index(bar.timeframe))
    assert [codec.encode(bar) for bar in by_timeframe] == [codec.encode(bar) for bar in published]
    kinds = {(bar.timeframe, bar.quality) for bar in published}
    assert {("1", "vendor"), ("1", "revised"), ("5", "built"), ("5", "gapped"), ("20s", "sampled")} <= kinds
    assert ("1", "sampled") not in kinds


async def test_played_as_a_feed_no_minute_stands_twice(published, client, tmp_path):
    await client.delete(*await client.keys("*"))
    feed = ReplayFeed("again", ReplayOptions(recording=str(tmp_path), speed=0))
    await feed.subscribe(["SPY"])
    assert feed.not_priced == 4
    assert feed.native_timeframes("SPY") == {"1"}
    assert feed.native_timeframes("QQQ") == frozenset()
    writer = Publisher(
        client, feed="again", quality="sampled", passed_of=feed.native_timeframes, exclude=feed.not_priced
    )
    await writer.carry([("SPY", each) for each in TIMEFRAMES])
    length = sum(len(each) for each in received_frames(records(tmp_path)))
    async for frame in feed.frames():
        writer.ingest(frame)
        await writer.flush()
        if feed.position == str(length):
            break
    await writer.close()
    played = await bars_of(client)
    for timeframe in ("1", "20s"):
        found = [_values(bar) for bar in played if bar.timeframe == timeframe]
        assert found == [_values(bar) for bar in published if bar.timeframe == timeframe][: len(found)]
        assert len(found) > 10


def _values(bar: Bar) -> tuple[float, ...]:
    return (bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.is_complete)
