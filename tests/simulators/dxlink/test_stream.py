"""What a channel delivers: formats, contracts, present values, prints in full, candles with their flags."""

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from engine.model.time import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from simulators.candles import CandleSpec, history
from simulators.dxlink.events import FIELDS as SPEC_FIELDS
from tests.simulators.link import FIELDS, connected

BEGIN, END, SNIP, REMOVE = 4, 8, 16, 2


async def test_the_prints_served_are_the_markets_each_once_and_in_order(start):
    async with start(speed=5) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "TimeAndSale", "SPY")
        events = await link.events(lambda found: len(found) > 200)
        stop = simulator.clock.now()
        told = [(e["time"], e["price"], e["size"]) for e in events]
        since = stop - 120 * NS_PER_S
        truth = [(t.ts // NS_PER_MS, t.price, t.size) for t in simulator.market.ticks("SPY", start=since, end=stop)]
        first = truth.index(told[0])
        assert told == truth[first : first + len(told)]


@pytest.mark.parametrize(
    ("period", "contract", "every"), [(0, "AUTO", True), (0.2, "STREAM", True), (0.2, "AUTO", False)]
)
async def test_trades_are_conflated_only_with_a_period_and_not_on_stream(start, period, contract, every):
    async with start(speed=10) as simulator, connected(simulator) as link:
        await link.open(1, period=period, contract=contract)
        await link.subscribe(1, "Trade", "SPY", "QQQ")
        frames = [await link.frame() for _ in range(6)]
        spy = [event["sequence"] for frame in frames for event in frame if event["eventSymbol"] == "SPY"]
        gaps = [later - earlier for earlier, later in pairwise(spy)]
        if every:
            assert set(gaps) == {1}
        else:
            assert max(gaps) > 5
            assert all(max(Counter(event["eventSymbol"] for event in frame).values()) == 1 for frame in frames)


async def test_time_and_sale_is_never_conflated(start):
    async with start(speed=10) as simulator, connected(simulator) as link:
        await link.open(1, period=0.3)
        await link.subscribe(1, "TimeAndSale", "SPY")
        events = await link.events(lambda found: len(found) > 100)
        sequence = [event["sequence"] for event in events]
        assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


async def test_the_aggregation_period_spaces_the_frames(start):
    async with start(speed=10) as simulator, connected(simulator) as link:
        await link.open(1, period=0.25)
        await link.subscribe(1, "Quote", "SPY")
        loop, times = asyncio.get_running_loop(), []
        for _ in range(5):
            await link.frame()
            times.append(loop.time())
        assert (times[-1] - times[1]) / 3 > 0.2


async def test_full_format_names_every_field_and_leaves_out_the_empty_ones(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1, form="FULL")
        await link.subscribe(1, "Quote", "SPY")
        event = (await link.frame())[0]
        assert event["eventType"] == "Quote"
        assert set(event) - {"eventType"} == set(FIELDS["Quote"])
        await link.subscribe(1, "Trade", "SPX")
        events = await link.events(lambda found: any(event["eventType"] == "Trade" for event in found))
        index = next(event for event in events if event["eventType"] == "Trade")
        assert "size" not in index
        assert index["price"] > 0


async def test_an_index_has_nan_for_a_size_in_compact(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Trade", "SPX")
        assert (await link.frame())[0]["size"] == "NaN"


@pytest.mark.parametrize("kind", ["Quote", "Trade", "Summary", "Profile"])
async def test_the_present_value_comes_on_subscription_even_in_a_closed_market(start, kind):
    saturday = {"start": "2026-11-21T15:00:00+00:00", "market": {"always_open": False}}
    async with start(**saturday) as simulator, connected(simulator) as link:
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={})
        await link.say("FEED_SETUP", 1, acceptAggregationPeriod=0)
        await link.subscribe(1, kind, "IBM", "/ESZ26:XCME")
        events = await link.events(lambda found: len(found) == 2)
        assert [event["eventSymbol"] for event in events] == ["IBM", "/ESZ26:XCME"]
        assert link.fields[kind] == list(SPEC_FIELDS[kind])


async def test_extended_hours_print_as_trade_eth(start):
    evening = {"start": "2026-11-20T22:00:00+00:00", "market": {"always_open": False, "tick_rate": 100.0}}
    async with start(**evening) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "TradeETH", "SPY")
        await link.subscribe(1, "Trade", "SPY")
        events = await link.events(lambda found: len(found) > 10)
        assert Counter(event["eventType"] for event in events)["Trade"] == 1  # the last one of the regular session
        assert {event["extendedTradingHours"] for event in events if event["eventType"] == "TradeETH"} == {True}


async def test_each_frame_holds_one_event_type(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Quote", "SPY", "QQQ")
        await link.subscribe(1, "Trade", "SPY", "QQQ")
        frames = [await link.frame() for _ in range(12)]
        assert all(len({event["eventType"] for event in frame}) == 1 for frame in frames)
        assert {frame[0]["eventType"] for frame in frames} == {"Quote", "Trade"}


async def test_unknown_symbols_are_silence_and_an_empty_candle_snapshot(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Quote", "NOSUCH")
        await link.subscribe(1, "Candle", "NOSUCH{=5m}", fromTime=1_795_186_800_000)
        event = (await link.frame())[0]
        assert (event["eventSymbol"], event["eventFlags"], event["time"]) == ("NOSUCH{=5m}", 14, 1_795_186_800_000)
        assert event["close"] == "NaN"


async def test_a_candle_snapshot_is_newest_first_flagged_and_ends_with_a_dummy(start):
    async with start(speed=0.001) as simulator, connected(simulator) as link:
        await link.open(1)
        from_time = simulator.clock.now() // NS_PER_MS - 250 * 60_000 + 17
        await link.subscribe(1, "Candle", "SPY{=1m}", fromTime=from_time)
        events = await link.events(lambda found: bool(found and found[-1]["eventFlags"] & END))
        *candles, dummy = events
        assert {event["eventSymbol"] for event in events} == {"SPY{=m}"}
        assert [event["eventFlags"] for event in candles] == [BEGIN, *[0] * (len(candles) - 1)]
        assert (dummy["eventFlags"], dummy["time"], dummy["close"], dummy["count"]) == (
            END | REMOVE,
            from_time,
            "NaN",
            0,
        )
        times = [event["time"] for event in candles]
        assert times == sorted(times, reverse=True)
        assert all(time % 60_000 == 0 and time >= from_time for time in times)
        assert len(candles) == 250
        market = simulator.market.find("SPY")
        truth, _ = history(market, CandleSpec(1, "m"), start_ms=from_time, now=simulator.stream.hub.cursor)
        assert [(e["time"], e["open"], e["high"], e["low"], e["close"], e["volume"]) for e in reversed(candles)] == [
            (c.time, c.open / 100, c.high / 100, c.low / 100, c.close / 100, float(c.volume)) for c in truth
        ]


async def test_a_snapshot_too_long_is_snipped(start):
    async with start(market={"tick_rate": 0.2}) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Candle", "SPY{=m}", fromTime=1_000_000_000)
        events = await link.events(lambda found: bool(found and found[-1]["eventFlags"] & (END | SNIP)))
        assert events[-1]["eventFlags"] == SNIP
        assert events[-1]["close"] != "NaN"


@pytest.mark.parametrize("symbol", ["SPY{=m}", "SPY{=50t}", "SPY{=15s}"])
async def test_candles_go_on_after_the_snapshot_and_agree_with_a_later_one(start, symbol):
    async with start(speed=120) as simulator, connected(simulator) as link, connected(simulator) as other:
        await link.open(1)
        from_time = simulator.clock.now() // NS_PER_MS - 60_000
        await link.subscribe(1, "Candle", symbol, fromTime=from_time)
        begin = simulator.clock.now()
        seen: dict[int, dict[str, Any]] = {}
        while simulator.clock.now() < begin + 3 * NS_PER_MINUTE:
            for event in await link.frame():
                if not event["eventFlags"] & REMOVE:
                    seen[event["index"]] = event
        await other.open(1)
        await other.subscribe(1, "Candle", symbol, fromTime=from_time)
        later = await other.events(lambda found: bool(found and found[-1]["eventFlags"] & END))
        closed = sorted(seen)[:-1]
        values = ("open", "high", "low", "close", "volume", "count", "time")
        truth = {event["index"]: [event[name] for name in values] for event in later}
        assert len(closed) >= 3
        assert {index: [seen[index][name] for name in values] for index in closed} == {
            index: truth[index] for index in closed
        }


async def test_adding_again_sends_a_new_snapshot_and_removing_ends_it(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        from_time = simulator.clock.now() // NS_PER_MS - 180_000
        for _ in range(2):
            await link.subscribe(1, "Candle", "SPY{=1m}", fromTime=from_time)
            events = await link.events(lambda found: bool(found and found[-1]["eventFlags"] & END))
            assert any(event["eventFlags"] & BEGIN for event in events)
        await link.say("FEED_SUBSCRIPTION", 1, remove=[{"type": "Candle", "symbol": "SPY{=m}"}])
        await link.subscribe(1, "Trade", "QQQ")
        frames = [await link.frame() for _ in range(12)]
        assert {event["eventType"] for frame in frames[4:] for event in frame} == {"Trade"}
        assert simulator.stream.hub.symbols == 1


async def test_reset_leaves_only_what_is_added_with_it(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Trade", "SPY", "QQQ")
        await link.frame()
        await link.say("FEED_SUBSCRIPTION", 1, reset=True, add=[{"type": "Trade", "symbol": "TSLA"}])
        await link.events(lambda found: any(event["eventSymbol"] == "TSLA" for event in found))
        frames = [await link.frame() for _ in range(4)]
        assert {event["eventSymbol"] for frame in frames for event in frame} == {"TSLA"}


async def test_two_connections_get_the_same_prints(start):
    async with start(speed=5) as simulator, connected(simulator) as one, connected(simulator) as two:
        for link in (one, two):
            await link.open(1)
            await link.subscribe(1, "TimeAndSale", "/ESZ26:XCME")
        first = await one.events(lambda found: len(found) > 60)
        second = await two.events(lambda found: len(found) > 60)
        shared = {event["index"] for event in first} & {event["index"] for event in second}
        assert len(shared) > 30
        told = [[event for event in events if event["index"] in shared] for events in (first, second)]
        assert told[0] == told[1]


async def test_a_connection_that_leaves_takes_its_subscriptions_along(start):
    async with start() as simulator:
        async with connected(simulator) as link:
            await link.open(1)
            await link.subscribe(1, "Quote", "SPY", "QQQ")
            await link.frame()
            assert simulator.stream.hub.symbols == 2
        async with asyncio.timeout(60):
            while simulator.stream.clients:
                await asyncio.sleep(0.01)
        assert simulator.stream.hub.symbols == 0


async def test_a_client_that_vanishes_is_forgotten_without_an_error(start, caplog):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Quote", "SPY")
        await link.frame()
        link.socket.transport.abort()
        async with asyncio.timeout(60):
            while simulator.stream.clients:
                await asyncio.sleep(0.01)
        assert simulator.stream.hub.symbols == 0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_options_have_greeks_and_a_quote(start):
    async with start() as simulator, connected(simulator) as link:
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={})
        await link.say("FEED_SETUP", 1, acceptAggregationPeriod=0)
        spot = next(
            iter(simulator.market.ticks("SPX", start=simulator.clock.now(), end=simulator.clock.now() + NS_PER_MINUTE))
        )
        strike = round(spot.price / 5) * 5
        symbols = [f".SPXW261120{side}{strike}" for side in "CP"]
        await link.subscribe(1, "Greeks", *symbols)
        await link.subscribe(1, "Quote", *symbols)
        events = await link.events(lambda found: len(found) >= 4)
        call, put, *_ = [event for event in events if event["eventType"] == "Greeks"]
        assert call["delta"] - put["delta"] == pytest.approx(1.0, abs=1e-5)
        assert 0.3 < call["delta"] < 0.7
        assert call["price"] - put["price"] == pytest.approx(spot.price - strike, abs=3.0)
        quotes = [event for event in events if event["eventType"] == "Quote"]
        assert all(event["bidPrice"] < event["askPrice"] for event in quotes)
