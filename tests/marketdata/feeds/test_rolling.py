"""A future rolls while the feed runs: told before the first print of the new contract, whose history begins anew."""

from typing import Any

import pytest

from engine.model.market import Bar, FeedGap, Tick
from infra import codec
from infra.redis import keys
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from marketdata.feeds.rolling import roll_of
from marketdata.history import recent_bars
from marketdata.publisher import Publisher
from simulators.faults import FaultScript
from tests.marketdata.feeds.conftest import SECRET, Collector, until

S = 1_000_000_000


async def test_after_a_roll_during_a_cut_the_line_is_watched_on(venue, caplog):
    """The contract that is gone is silent for ever: that must not disturb who looks after the others."""
    caplog.set_level("INFO")
    active = {"/ES": "SPY"}
    options = DXLinkOptions(
        reconnect_base_s=0.05, reconnect_cap_s=0.2, mute_after_s=1.0, symbol_mute_after_s=0.5, answer_timeout_s=0.5
    )
    token = TokenSource(venue.rest_url, SECRET).fetch
    feed = DXLinkFeed("test", token=token, options=options, resolve=lambda symbol: active.get(symbol, symbol))
    await feed.subscribe(["/ES"])
    got = Collector(feed)
    try:
        await until(lambda: len(got.of(Tick, "/ES")) > 5)
        active["/ES"] = "QQQ"
        venue.faults.add(FaultScript("cut", for_s=0.1))
        await until(lambda: [gap for gap in got.of(FeedGap, "/ES") if gap.is_roll])
        assert set(feed.translator.symbols) == {"QQQ"}
        venue.faults.add(FaultScript("mute", after_s=0.8))
        await until(lambda: "connected but mute" in caplog.text)
    finally:
        await got.close()
    assert "subscribed again: SPY" not in caplog.text


@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_roll_stands_before_the_first_print_of_the_new_contract(venue, is_cut):
    """Looked up again while the line is up, and with each new connection; who waits for a place does not get its."""
    active = {"/ES": "SPY"}
    options = DXLinkOptions(reconnect_base_s=0.05, reconnect_cap_s=0.2, max_symbols=1)
    token = TokenSource(venue.rest_url, SECRET).fetch
    feed = DXLinkFeed("test", token=token, options=options, resolve=lambda symbol: active.get(symbol, symbol))
    await feed.subscribe(["/ES", "QQQ"])
    got = Collector(feed)
    await until(lambda: len(got.of(Tick, "/ES")) > 5)
    await feed.unsubscribe(["QQQ"])
    await feed.subscribe(["IBM"])
    active["/ES"] = "QQQ"
    if is_cut:
        venue.faults.add(FaultScript("cut", for_s=0.2))
    else:
        await feed.subscribe(["/ES"])
    await until(lambda: [gap for gap in got.of(FeedGap, "/ES") if gap.is_roll], within_s=10)
    (roll,) = [gap for gap in got.of(FeedGap, "/ES") if gap.is_roll]
    after = got.events.index(roll)
    await until(lambda: len([event for event in got.events[after:] if isinstance(event, Tick)]) > 5)
    await got.close()
    assert roll.reason == "/ES rolled from SPY to QQQ"
    assert set(feed.refused) == {"IBM"}
    prints = [event for event in got.events if isinstance(event, Tick)]
    for name, part in (
        ("SPY", [tick for tick in prints if got.events.index(tick) < after]),
        ("QQQ", [tick for tick in prints if got.events.index(tick) > after]),
    ):
        sent = {(each.ts, each.price) for each in venue.market.ticks(name, start=part[0].ts - 1, end=part[-1].ts)}
        assert {(tick.ts, tick.price) for tick in part} <= sent


async def test_bars_across_a_roll_are_gapped_and_the_recent_ones_begin_anew(client):
    writer = Publisher(client, feed="test")
    await writer.carry([("/ES", "1s")])

    def at(number: int, price: float) -> Tick:
        return Tick(1_763_735_400 * S + number * S // 2, "/ES", price, 1.0)

    for number in range(6):
        writer.ingest([at(number, 5_000.0)])
    await writer.flush()
    assert len(await recent_bars(client, "/ES", "1s", 10)) == 2
    writer.ingest([roll_of("/ES", "ESZ6", "ESH7", ts=at(5, 0).ts), at(6, 5_060.0)])
    await writer.flush()
    (forming,) = await recent_bars(client, "/ES", "1s", 10)
    assert (forming.quality, forming.is_complete) == ("gapped", False)  # nobody warms up with it
    for number in range(7, 12):
        writer.ingest([at(number, 5_060.0)])
    await writer.flush()
    after: list[Bar] = await recent_bars(client, "/ES", "1s", 10)
    assert [(bar.close, bar.is_complete) for bar in after[1:]] == [(5_060.0, True), (5_060.0, True)]
    entries: list[Any] = [codec.decode(each["e"]) for _, each in await client.xrange(keys.bars_stream("/ES", "1s"))]
    assert [bar.quality for bar in entries[:2]] == ["built", "built"]  # nothing that was given out is in doubt
    await writer.close()
