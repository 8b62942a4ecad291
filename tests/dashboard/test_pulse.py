"""What moves between two facts."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import selectors
from dashboard.pulse import distances, mark, open_pnl, read_pulse, slot_row
from engine.instruments.catalog import instrument_for
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client

HELD = {"strategy": "ema", "symbol": "/MES", "broker": "paper", "quantity": "2", "average_price": "5010"}


@pytest.fixture
def overview(traded):
    return selectors.overview(book="paper")


async def pulse_of(overview, redis_url):
    try:
        return await read_pulse(async_client(redis_url), overview=overview)
    finally:
        await aclose_clients()


async def test_a_pulse_tells_slots_feed_trader_and_open_profit(overview, store, redis_url):
    store.hset(keys.quote("/MES"), mapping={"last": 5012.25, "ts": time.time_ns()})
    store.hset(keys.feed_state("/MES"), mapping={"state": "stale", "reason": "no print for 30 s"})
    store.hset(keys.slot_state("paper"), mapping={"ema:SPY": '{"state": "warming", "have": 37, "need": 50}'})
    store.set(keys.heartbeat("trader:paper"), '{"at": 1700000000.5, "decision_p50_ms": 0.25, "decision_p99_ms": null}')
    store.set(keys.halt("paper"), "halted by a person")
    pulse = await pulse_of(overview, redis_url)
    assert pulse["marks"] == [
        {
            "strategy": "ema",
            "symbol": "/MES",
            "broker": "paper",
            "price": 5012.25,
            "unrealized_pnl": "22.5",
            "stop_distance": 6.25,
            "target_distance": None,
            "progress": None,
        }
    ]  # 2.25 points x 2 contracts x 5 dollars; the stop is at 5,006
    assert pulse["open_pnl"] == "22.5"
    assert pulse["feeds"][0] == {"symbol": "/MES", "state": "stale", "reason": "no print for 30 s", "price": 5012.25}
    assert pulse["feeds"][1]["state"] == "unknown"
    assert (pulse["slots"][0]["have"], pulse["slots"][0]["need"]) == (37, 50)
    assert pulse["trader"] == {"is_running": True, "at": 1700000000500, "decision_p50_ms": 0.25}
    assert pulse["halt"] == "halted by a person"


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("2", 5012.5, (22.5, 2.5, 0.5)),
        ("2", 5000.0, (10.0, 15.0, -0.5)),
        ("2", 5016.0, (26.0, -1.0, 1.0)),
        ("2", 4985.0, (-5.0, 30.0, -1.0)),
        ("-2", 5010.0, (-20.0, -5.0, 0.0)),
        ("2", None, (None, None, None)),
    ],
)
def test_distances_move_with_the_price_and_are_negative_beyond(quantity, price, expected):
    position = {**HELD, "quantity": quantity, "stop_price": "4990", "target_price": "5015"}
    found = distances(position, price)
    assert (found["stop_distance"], found["target_distance"], found["progress"]) == expected


async def test_without_a_price_the_profit_is_unknown_not_zero(overview, redis_url):
    pulse = await pulse_of(overview, redis_url)
    assert pulse["marks"][0]["unrealized_pnl"] is None
    assert pulse["open_pnl"] is None
    assert pulse["trader"] == {"is_running": False}


def test_nothing_held_is_worth_nothing():
    assert open_pnl([]) == "0"


def test_a_symbol_with_a_slash_keeps_it_in_its_slots_name():
    assert slot_row("ema:/NQ", '{"state": "ready"}')["symbol"] == "/NQ"


@given(st.integers(min_value=-20_000, max_value=20_000), st.integers(min_value=-50, max_value=50).filter(bool))
def test_open_profit_is_exact_to_the_tick_for_either_side(ticks, quantity):
    instrument = instrument_for("/MES")
    price = Decimal(5010) + ticks * instrument.tick_size
    row = mark({**HELD, "quantity": str(quantity)}, {"last": repr(float(price))})
    assert Decimal(row["unrealized_pnl"]) == ticks * instrument.tick_size * quantity * instrument.multiplier
