"""Prices on the grid: the same whether asked for the first time or the thousandth."""

import pickle
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instruments import instrument as module
from engine.instruments.instrument import AssetClass, Instrument

GRIDS = ("0.01", "0.25", "0.005", "5", "0.010")
ROUNDINGS = (ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN)
KNOWN = {grid: Instrument("XYZ", AssetClass.EQUITY, Decimal(grid)) for grid in GRIDS}


def worked_out(observed: float, grid: str, rounding: str) -> str:
    steps = (Decimal(repr(observed)) / Decimal(grid)).to_integral_value(rounding=rounding)
    return str(steps * Decimal(grid))


@given(st.floats(-1e6, 1e6).filter(bool), st.sampled_from(GRIDS), st.sampled_from(ROUNDINGS))
def test_a_remembered_price_reads_as_one_worked_out_anew(observed: float, grid: str, rounding: str) -> None:
    expected = worked_out(observed, grid, rounding)
    assert [str(KNOWN[grid].price(observed, rounding=rounding)) for _ in range(2)] == [expected, expected]


def test_each_grid_and_each_rounding_remembers_its_own_price() -> None:
    for _ in range(2):
        for grid in GRIDS:
            for rounding in ROUNDINGS:
                assert str(KNOWN[grid].price(5000.123, rounding=rounding)) == worked_out(5000.123, grid, rounding)


@pytest.mark.parametrize(("first", "second"), [(-0.0, 0.0), (0.0, -0.0), (5, 5.0), (5.0, 5)])
def test_what_was_asked_for_before_does_not_change_how_a_price_reads(first: float, second: float) -> None:
    asked = Instrument("XYZ", AssetClass.EQUITY)
    assert (
        str(asked.price(first)) == str(asked.price(second)) == str(Instrument("XYZ", AssetClass.EQUITY).price(second))
    )
    assert not str(asked.price(first)).startswith("-")


def test_no_more_prices_are_remembered_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_PRICES", 3)
    asked = Instrument("XYZ", AssetClass.EQUITY)
    assert [str(asked.price(cents / 100)) for cents in range(101, 110)] == [f"1.0{c}" for c in range(1, 10)]
    assert len(asked._prices) <= 3


def test_what_an_instrument_remembers_is_no_part_of_it() -> None:
    asked, fresh = Instrument("XYZ", AssetClass.EQUITY), Instrument("XYZ", AssetClass.EQUITY)
    asked.price(1.5)
    assert asked == fresh and hash(asked) == hash(fresh) and pickle.dumps(asked) == pickle.dumps(fresh)


def test_no_price_is_refused() -> None:
    with pytest.raises(ValueError, match="XYZ: a price was expected, found nan"):
        KNOWN["0.01"].price(float("nan"))
