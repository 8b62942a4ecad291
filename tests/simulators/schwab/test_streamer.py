"""The simulated streamer against its guide: codes, Change delivery, minutes, limits."""

import time

import pytest
from websockets.exceptions import ConnectionClosed

from engine.bars.expand import Expander
from engine.model.time import NS_PER_MINUTE, NS_PER_MS
from simulators.schwab.session import StreamSettings
from tests.simulators.schwab.client import access_token, connected

LEVEL_ONE = "LEVELONE_EQUITIES"


async def test_nothing_but_login_is_answered_first(start):
    async with start() as simulator, connected(simulator, login=False) as line:
        assert (await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields="0,3"))[0] == 20
        assert (await line.login("wrong")) == (3, "Login Denied.: token is invalid or has expired.")
        with pytest.raises(ConnectionClosed):
            await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields="0,3")


async def test_one_connection_a_login(start):
    async with start() as simulator, connected(simulator), connected(simulator, login=False) as second:
        assert (await second.login(await access_token(simulator)))[0] == 12


async def test_first_everything_then_only_what_changed(start):
    async with start() as simulator, connected(simulator) as line:
        assert (await line.ask(LEVEL_ONE, "SUBS", keys="SPY,NONE", fields="0,1,2,3,8,35"))[0] == 0
        first, *changes = await line.contents(LEVEL_ONE, 12)
        assert first["assetMainType"] == "EQUITY"
        assert {"1", "2", "3", "8", "35"} <= first.keys()
        assert {content["key"] for content in (first, *changes)} == {"SPY"}
        assert all("assetMainType" not in change for change in changes)
        assert any("3" not in change for change in changes)
        view = dict(first)
        for change in changes:
            assert all(view.get(field) != change[field] for field in ("3", "8", "35") if field in change)
            view |= change
        (last,) = [
            tick
            for tick in simulator.market.ticks("SPY", start=view["35"] * NS_PER_MS - 1, end=simulator.clock.now())
            if tick.ts // NS_PER_MS == view["35"]
        ][-1:]
        assert view["3"] == last.price


async def test_subs_replaces_add_adds_unsubs_ends_view_narrows(start):
    async with start() as simulator, connected(simulator) as line:
        await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields="0,3,8")
        await line.ask(LEVEL_ONE, "ADD", keys="QQQ", fields="0,3,8")
        await line.contents(LEVEL_ONE, 20)
        assert {content["key"] for content in line.data} == {"SPY", "QQQ"}
        await line.ask(LEVEL_ONE, "SUBS", keys="AAPL", fields="0,3,8")
        line.data.clear()
        await line.contents(LEVEL_ONE, 10)
        assert {content["key"] for content in line.data} == {"AAPL"}
        await line.ask(LEVEL_ONE, "VIEW", fields="0,8")
        line.data.clear()
        await line.contents(LEVEL_ONE, 5)
        assert not [content for content in line.data if "3" in content]
        await line.ask(LEVEL_ONE, "ADD", keys="SPY", fields="0,8")
        await line.ask(LEVEL_ONE, "UNSUBS", keys="AAPL")
        line.data.clear()
        await line.contents(LEVEL_ONE, 5)
        assert {content["key"] for content in line.data} == {"SPY"}


@pytest.mark.parametrize("fields", ["3,0,8", "1,2,3", ""])
async def test_fields_ascend_and_begin_with_the_key(start, fields):
    async with start() as simulator, connected(simulator) as line:
        assert (await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields=fields))[0] == 21


async def test_a_minute_with_a_print_comes_once_after_its_end(start):
    settings = StreamSettings(chart_delay_s=5.0)
    async with (
        start(speed=60.0, market={"tick_rate": 1.0}, stream=settings) as simulator,
        connected(simulator) as line,
    ):
        await line.ask("CHART_EQUITY", "SUBS", keys="IBM", fields="0,1,2,3,4,5,6,7,8")
        bars = await line.contents("CHART_EQUITY", 3)
        assert [bar["seq"] for bar in bars] == [1, 2, 3]
        maker = Expander("IBM", ["1"])
        start_ns, end_ns = bars[0]["7"] * NS_PER_MS, bars[-1]["7"] * NS_PER_MS + 2 * NS_PER_MINUTE
        built = {
            bar.ts_open: bar
            for tick in simulator.market.ticks("IBM", start=start_ns - 1, end=end_ns)
            for bar in maker.on_tick(tick)
        }
        for bar in bars:
            ours = built[bar["7"] * NS_PER_MS]
            assert [bar[field] for field in "23456"] == [ours.open, ours.high, ours.low, ours.close, ours.volume]
            assert bar["8"] == 20777  # days since 1970


async def test_too_many_symbols_and_services_that_do_not_exist(start):
    async with start(stream=StreamSettings(max_keys=2)) as simulator, connected(simulator) as line:
        assert (await line.ask(LEVEL_ONE, "SUBS", keys="SPY,QQQ,AAPL", fields="0,3"))[0] == 19
        assert (await line.ask("TIMESALE_EQUITY", "SUBS", keys="SPY", fields="0,1"))[0] == 11
        assert (await line.ask(LEVEL_ONE, "SHOUT", keys="SPY", fields="0,1"))[0] == 21


async def test_a_line_without_subscription_is_stopped_and_others_are_not(start):
    settings = StreamSettings(idle_s=1.5, heartbeat_s=0.1)
    async with start(stream=settings) as simulator, connected(simulator) as line:
        await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields="0,3")
        since = time.monotonic()
        while time.monotonic() - since < 2.0:
            await line.contents(LEVEL_ONE, len(line.data) + 1)
        assert line.heartbeats > 3
        await line.ask(LEVEL_ONE, "UNSUBS", keys="SPY")
        with pytest.raises(ConnectionClosed):
            await line.contents(LEVEL_ONE, 10_000)


async def test_options_have_greeks_and_no_prints(start):
    async with start() as simulator, connected(simulator) as line:
        await line.ask("LEVELONE_OPTIONS", "SUBS", keys="SPXW  261120C06600000", fields="0,2,3,10,28,29,30,31,32,35")
        first = (await line.contents("LEVELONE_OPTIONS", 1))[0]
        assert 0 < first["28"] < 1
        assert first["2"] < first["3"]


async def test_logout_is_answered_and_closes(start):
    async with start() as simulator, connected(simulator) as line:
        assert (await line.ask("ADMIN", "LOGOUT"))[0] == 0
        with pytest.raises(ConnectionClosed):
            await line.ask(LEVEL_ONE, "SUBS", keys="SPY", fields="0,3")
