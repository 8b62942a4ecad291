"""How much of each limit is used: what the gate would compare the next order with."""

from decimal import Decimal

import pytest

from engine.core.usage import Usage, usage
from engine.model.orders import OrderDenied
from engine.risk.config import RiskConfig, StrategyLimits
from engine.risk.day_trading import DayTradingAccount
from tests.engine.risk.test_gate import at, bars_at
from tests.engine.scenario import World, bars, slot

D = Decimal
NOON = at(2026, 11, 20, 17)  # in New York


def used(world, of="book"):
    return {each.name: (each.used, each.limit) for each in usage(world.engine) if each.of == of}


def test_exposure_is_told_also_where_nothing_limits_it():
    world = World(slot({1: 1}))
    world.run(bars([100.0, 100.0, 101.0]))
    assert used(world)["max_gross_exposure"] == (1010.0, None)
    assert used(world, "strategy scripted")["max_position"] == (10.0, None)


def test_a_loss_of_the_day_counts_towards_its_limit_until_entries_stop():
    world = World(slot({1: 1, 4: 0, 5: 1}), risk=RiskConfig(max_daily_loss=D(20), max_drawdown=D(500)))
    day = bars_at(NOON, [100, 100, 99, 98, 97, 97, 97])
    world.run(day[:5])
    assert used(world)["max_daily_loss"] == (30.0, D(20))
    assert used(world)["max_drawdown"] == (30.0, D(500))
    assert used(world)["max_gross_exposure"] == (0.0, None)
    world.run(day[5:])
    assert [denied.rule for denied in world.of(OrderDenied)] == ["max_daily_loss"]


def test_equity_that_is_followed_without_a_limit_tells_its_days_apart():
    world = World(slot({1: 1}), risk=RiskConfig(track_equity=True))
    world.run(bars_at(NOON, [100, 100, 99]))
    assert used(world)["max_daily_loss"] == (10.0, None)


def test_entries_within_the_window_and_losses_in_a_row_are_counted():
    limits = StrategyLimits(max_losses_in_a_row=3)
    world = World(
        slot({1: 1, 2: 0, 3: 1}),
        risk=RiskConfig(max_orders=5, max_orders_window_s=120, strategies={"scripted": limits}),
    )
    world.run(bars([100.0, 99.0, 99.0, 99.0]))
    assert used(world)["max_orders"] == (1, D(5))
    assert used(world, "strategy scripted")["max_losses_in_a_row"] == (1, D(3))


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (DayTradingAccount("schwab", D(10_000)), ("pattern_day_trader", 1, D(3))),
        (DayTradingAccount("tastytrade", D(10_000)), ("intraday_margin", 250.0, D("9990.00"))),
    ],
)
def test_an_account_tells_what_its_day_trading_rule_counts(account, expected):
    world = World(slot({1: 1, 2: 0, 3: 1}), risk=RiskConfig(day_trading={"sim": account}))
    world.run(bars_at(NOON, [100, 100, 99, 100, 100]))
    [found] = [each for each in usage(world.engine) if each.of == "account sim"]
    assert (found.name, found.used, found.limit) == expected


def test_reading_changes_nothing():
    world = World(slot({1: 1, 4: 0}), risk=RiskConfig(max_daily_loss=D(20), max_orders=2))
    world.run(bars_at(NOON, [100, 100, 99, 98, 97]))
    before = world.engine.snapshot()
    first = usage(world.engine)
    assert isinstance(first[0], Usage)
    assert usage(world.engine) == first
    assert world.engine.snapshot() == before


def test_what_was_earned_before_a_limit_was_watched_is_not_todays_loss():
    script = slot({1: 1, 3: 0, 5: 1})
    unwatched = World(script)
    day = bars_at(NOON, [100, 100, 99, 90, 90, 90, 90])
    unwatched.run(day[:4])  # a loss of 100, which nobody counts
    watched = World(script, risk=RiskConfig(max_daily_loss=D(50)), venue=unwatched.venue)
    watched.engine.restore(unwatched.engine.snapshot())
    watched.run(day[4:])
    assert watched.of(OrderDenied) == []
    assert used(watched)["max_daily_loss"] == (0.0, D(50))
