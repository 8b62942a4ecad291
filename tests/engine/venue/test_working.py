"""Prices made worse by slippage, on the grid."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.instruments.catalog import instrument_for
from engine.model.enums import Side
from engine.venue.working import side_price


@given(cents=st.integers(100, 1_000_000), ticks=st.integers(0, 20), side=st.sampled_from(list(Side)))
def test_slippage_of_whole_ticks_is_whole_ticks(cents, ticks, side):
    # 100.27 + 0.01 is 100.28000000000000114 in floats: rounded up from there it would be a tick too dear.
    spy = instrument_for("SPY")
    slipped = side_price(side, cents / 100, ticks * 0.01)
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    assert spy.price(slipped, rounding=rounding) == (Decimal(cents) + side.sign * ticks) / 100


def test_a_part_of_a_tick_still_costs_a_whole_one():
    spy = instrument_for("SPY")
    assert spy.price(side_price(Side.BUY, 100.27, 0.0001), rounding=ROUND_CEILING) == Decimal("100.28")
    assert spy.price(side_price(Side.SELL, 100.27, 0.0001), rounding=ROUND_FLOOR) == Decimal("100.26")
