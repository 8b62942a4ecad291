"""A stop that waits at a venue while the engine watches the rest."""

from decimal import Decimal

import pytest

from engine.core.holding import Guard
from engine.core.venue_stops import is_past_break_even, reason_of, trail_level
from engine.exits.plan import ExitPlan
from engine.instruments.catalog import instrument_for


def guard(plan: ExitPlan, **values: object) -> Guard:
    return Guard(plan, plan.sign, Decimal(1), is_held=False, opened_ts=0, is_split=True, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("symbol", "sign", "extreme", "level"),
    [
        ("SPY", 1, 101.237, "100.03"),  # away from the market, on the grid
        ("SPY", -1, 98.763, "99.97"),
        ("SPXW  261120C06900000", 1, 5.43, "4.20"),  # options on an index have a coarser grid from 3.00 on
        ("SPXW  261120C06900000", 1, 4.03, "2.80"),
    ],
)
def test_a_trail_lies_on_the_grid_that_the_venue_takes_never_nearer_than_asked(symbol, sign, extreme, level):
    plan = ExitPlan(sign, Decimal(100), Decimal(1), trail=Decimal("1.20"))
    found = trail_level(guard(plan, extreme=extreme), plan, Decimal("1.20"), instrument_for(symbol))
    assert found == Decimal(level)


def test_what_a_stop_is_called_when_it_fills_follows_where_it_is():
    plan = ExitPlan(
        1, Decimal(100), Decimal(1), stop=Decimal(95), trail=Decimal(4), break_even_stop=Decimal(100),
    )  # fmt: skip
    assert reason_of(guard(plan, stop=Decimal(95)), plan) == "stop"
    assert reason_of(guard(plan, stop=Decimal(98)), plan) == "trailing"
    assert reason_of(guard(plan, stop=Decimal(100), moved_to_entry=True), plan) == "break_even"


@pytest.mark.parametrize(("stop", "is_past"), [(99, False), (100, True), (102, True)])
def test_a_stop_that_the_trail_carried_past_the_entry_is_not_brought_back(stop, is_past):
    plan = ExitPlan(1, Decimal(100), Decimal(1), trail=Decimal(4), break_even_stop=Decimal(100))
    assert is_past_break_even(guard(plan, stop=Decimal(stop)), plan) is is_past
