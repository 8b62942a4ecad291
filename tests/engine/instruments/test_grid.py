from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instruments.grid import ceil_ticks, floor_ticks, from_ticks, grid_of, round_ticks
from engine.instruments.instrument import AssetClass, Instrument

TICKS = ("0.01", "0.25", "0.05", "0.10", "0.0001", "0.5", "1", "5", "0.1", "0.03125")


def instrument(tick: str) -> Instrument:
    return Instrument("XYZ", AssetClass.FUTURE, tick_size=Decimal(tick))


@given(st.sampled_from(TICKS), st.floats(0.0001, 90_000.0) | st.floats(-500.0, 500.0))
def test_any_price_lands_on_the_tick_that_decimal_arithmetic_finds(tick, price):
    assert_same(tick, price)


@given(st.sampled_from(TICKS), st.integers(-4_000, 4_000_000), st.sampled_from((-0.5, -0.3, 0.1, 0.1 + 0.2, 1.1, 2.5)))
def test_prices_on_the_grid_moved_by_sums_of_fractions_too(tick, ticks, moved):
    step, scale = grid_of(Decimal(tick))
    price = from_ticks(ticks, step, scale)
    assert price == float(ticks * Decimal(tick))
    assert_same(tick, price)
    assert_same(tick, price + moved)  # 99.53 comes out as 99.53000000000000114 at times
    assert_same(tick, price + moved * float(Decimal(tick)))


@pytest.mark.parametrize("tick", TICKS)
def test_of_two_equally_near_ticks_the_even_one_is_taken(tick):
    for ticks in range(-3, 8):
        assert_same(tick, float((2 * ticks + 1) * Decimal(tick) / 2))


def assert_same(tick: str, price: float) -> None:
    step, scale = grid_of(Decimal(tick))
    known, size = instrument(tick), Decimal(tick)
    assert floor_ticks(price, step, scale) * size == known.price(price, rounding=ROUND_FLOOR)
    assert ceil_ticks(price, step, scale) * size == known.price(price, rounding=ROUND_CEILING)
    assert round_ticks(price, step, scale) * size == known.price(price)
