"""The invented market: the same for the same seed, on the exchange's grid, in regimes that differ."""

import asyncio
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.market import Quote, Tick
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from marketdata.feeds.registry import FEEDS, FeedSetup
from marketdata.feeds.synthetic.feed import SyntheticFeed, make
from marketdata.feeds.synthetic.generator import InventedMarket
from marketdata.feeds.synthetic.options import SyntheticOptions
from marketdata.services import parse_options
from tests.marketdata.feeds.conftest import until

NOON = 1_795_194_000 * NS_PER_S  # 2026-11-20T17:00Z, a trading day


def columns(symbol: str = "SPY", *, start: int = NOON, minutes: int = 60, **options):
    market = InventedMarket(symbol, SyntheticOptions(**options))
    return market.columns(start=start, end=start + minutes * NS_PER_MINUTE)


def test_the_same_seed_makes_the_same_prints_and_another_seed_others():
    first, second, other = columns(), columns(), columns(seed=2)
    assert np.array_equal(first.ts, second.ts)
    assert np.array_equal(first.price, second.price)
    assert not np.array_equal(first.price[:50], other.price[:50])


@given(cut=st.integers(1, 10 * NS_PER_MINUTE - 1))
def test_where_one_begins_to_look_changes_nothing(cut):
    market = InventedMarket("SPY", SyntheticOptions())
    end = NOON + 10 * NS_PER_MINUTE
    whole = market.columns(start=NOON, end=end)
    parts = [market.columns(start=NOON, end=NOON + cut), market.columns(start=NOON + cut, end=end)]
    assert np.array_equal(whole.ts, np.concatenate([part.ts for part in parts]))
    assert np.array_equal(whole.price, np.concatenate([part.price for part in parts]))


@pytest.mark.parametrize(
    ("symbol", "tick"), [("SPY", 0.01), ("/ES", 0.25), ("/GCZ26", 0.1), ("/CL", 0.01), ("EUR/USD", 0.00005)]
)
def test_prices_are_on_the_grid_and_at_the_bid_or_the_ask(symbol, tick):
    found = columns(symbol)
    assert found.bid is not None
    assert found.ask is not None
    steps = found.price / tick
    assert np.allclose(steps, np.rint(steps), atol=1e-6)
    assert np.all((found.price == found.bid) | (found.price == found.ask))
    assert np.allclose(found.ask - found.bid, tick)
    assert np.all(found.size >= 1)


def test_minutes_join_without_jumps_also_over_midnight():
    midnight = NOON + 7 * NS_PER_HOUR
    found = columns(start=midnight - 30 * NS_PER_MINUTE)
    changes = np.abs(np.diff(found.price)) / found.price[:-1]
    assert changes.max() < 0.004


def test_the_rate_is_what_was_asked_for():
    found = columns(minutes=600, tick_rate=10.0)
    assert 0.85 < len(found) / (600 * 60 * 10.0) < 1.15


def test_regimes_are_what_they_are_called():
    paths = {name: columns(minutes=420, regime=name).price for name in ("trend_up", "trend_down", "volatile", "quiet")}
    assert paths["trend_up"][-1] > paths["trend_up"][0] * 1.02
    assert paths["trend_down"][-1] < paths["trend_down"][0] * 0.98
    spread = {name: np.ptp(path) / path[0] for name, path in paths.items()}
    assert spread["volatile"] > 2 * spread["quiet"]


def test_a_market_with_hours_keeps_them():
    saturday = NOON + 24 * NS_PER_HOUR
    assert len(columns(start=saturday)) > 0
    assert len(columns(start=saturday, always_open=False)) == 0
    assert len(columns(start=NOON, always_open=False)) > 0


async def read(feed: SyntheticFeed, *, seconds: float) -> list[Tick]:
    events: list[object] = []
    task = asyncio.create_task(_collect(feed, events))
    await until(lambda: len(events) > 20)
    await asyncio.sleep(seconds)
    await feed.close()
    await task
    assert [event for event in events if isinstance(event, Quote)]
    return [event for event in events if isinstance(event, Tick)]


async def _collect(feed: SyntheticFeed, events: list[object]) -> None:
    async for frame in feed.frames():
        events += frame


async def test_a_start_makes_a_run_repeatable_and_speed_makes_it_short():
    options = SyntheticOptions(start="2026-11-20T17:00:00+00:00", speed=30.0, tick_rate=50.0)
    runs = []
    for _ in range(2):
        feed = SyntheticFeed("s", options)
        await feed.subscribe(["SPY", "/ES"])
        begun = time.monotonic()
        ticks = await read(feed, seconds=0.2)
        passed_s = (ticks[-1].ts - NOON) / NS_PER_S
        assert passed_s <= (time.monotonic() - begun) * 30.0
        runs.append([(tick.ts, tick.symbol, tick.price) for tick in ticks])
    length = min(len(run) for run in runs)
    assert length > 100
    assert runs[0][:length] == runs[1][:length]
    assert runs[0] == sorted(runs[0], key=lambda row: row[0])


async def test_history_goes_back_as_far_as_it_is_told_to():
    feed = SyntheticFeed("s", SyntheticOptions(start="2026-11-20T17:00:00+00:00", history_hours=2.0))
    bars = await feed.history("SPY", "1", start=NOON - 10 * NS_PER_HOUR, end=NOON)
    assert len(bars) == 120
    assert await feed.history("SPY", "1", start=NOON, end=NOON) == []


@pytest.mark.parametrize(
    "options", [{"tick_rate": 0}, {"speed": -1}, {"regime": "sideways"}, {"seed": -1}, {"volume": 3}]
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidInput, match="synthetic"):
        parse_options("synthetic", options)


def test_a_start_without_a_zone_is_refused():
    with pytest.raises(InvalidInput, match="time zone"):
        make(FeedSetup("s", "", "", {"start": "2026-11-20T17:00:00"}, str))


def test_it_is_made_from_its_options_alone():
    options = msgspec.to_builtins(SyntheticOptions(seed=3))
    assert FEEDS["synthetic"].make(FeedSetup("s", "", "", options, str)).name == "s"
