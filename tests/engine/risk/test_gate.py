"""Risk rules, each driven through the whole engine: what is denied, with which value and limit; exits always pass."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.errors import InvariantBroken
from engine.exits.config import Distance, ExitConfig
from engine.model.commands import ManualOrder
from engine.model.enums import OrderIntent, OrderType, Side
from engine.model.market import Bar, TimeAdvanced
from engine.model.orders import ApprovedOrder, Order, OrderDenied
from engine.model.positions import TradeClosed
from engine.model.time import from_datetime
from engine.portfolio.equity import BOOK
from engine.risk.config import RiskConfig, StrategyLimits
from engine.risk.day_trading import DatedRule, DayTradingAccount, DayTradingRule
from engine.risk.gate import RiskGate
from tests.engine.scenario import MINUTE, World, bar, bars, slot

D = Decimal


def at(year, month, day, hour, minute=0):
    """Nanoseconds of a moment in UTC."""
    return from_datetime(datetime(year, month, day, hour, minute, tzinfo=UTC))


def bars_at(start, closes, *, symbol="SPY", step=MINUTE):
    """Flat bars that follow each other from `start` on."""
    return [
        Bar(start + (n + 1) * step, symbol, "1", start + n * step, c, c, c, c, 1000.0)
        for n, c in enumerate(map(float, closes))
    ]


def denials(world):
    return [(d.rule, d.value, d.limit) for d in world.of(OrderDenied)]


def quantities(world):
    return {(p.strategy, p.symbol): p.quantity for p in world.engine.positions}


def limited(**limits):
    return RiskConfig(strategies={"scripted": StrategyLimits(**limits)})


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        (RiskConfig(max_order_quantity=D(9)), ("max_order_quantity", "10", "9")),
        (RiskConfig(max_order_notional=D(999)), ("max_order_notional", "1000.00", "999")),
        (RiskConfig(max_gross_exposure=D(999)), ("max_gross_exposure", "1000.00", "999")),
        (RiskConfig(max_net_exposure=D(999)), ("max_net_exposure", "1000.00", "999")),
        (RiskConfig(allowed_symbols=("QQQ",)), ("allowed_symbols", "SPY", "QQQ")),
        (RiskConfig(blocked_symbols=("SPY",)), ("blocked_symbols", "SPY", "SPY")),
        (limited(max_position=D(9)), ("max_position", "10", "9")),
        (limited(max_exposure=D(999)), ("max_exposure", "1000.00", "999")),
    ],
)
def test_a_limit_denies_what_exceeds_it_and_says_so(risk, expected):
    world = World(slot({1: 1}), risk=risk).run(bars([100, 100]))
    assert denials(world) == [expected]
    assert world.of(OrderDenied)[0].reason
    assert not world.engine.positions


@pytest.mark.parametrize(
    "risk",
    [
        RiskConfig(max_order_quantity=D(10)),
        RiskConfig(max_order_notional=D(1000)),
        RiskConfig(max_gross_exposure=D(1000)),
        RiskConfig(allowed_symbols=("SPY",)),
        limited(max_position=D(10), max_exposure=D(1000)),
    ],
)
def test_the_limit_itself_is_allowed(risk):
    world = World(slot({1: 1}), risk=risk).run(bars([100, 100]))
    assert quantities(world) == {("scripted", "SPY"): D(10)}


def test_gross_adds_both_sides_and_net_sets_them_off():
    slots = (slot({1: 1}), slot({2: -1}, symbol="/ES", quantity=1))

    def run(**limits):
        world = World(*slots, risk=RiskConfig(**limits))
        for number in (1, 2, 3):
            world.run([bar(number, 100), bar(number, 20, symbol="/ES")])
        return world

    assert denials(run(max_gross_exposure=D(1999))) == [("max_gross_exposure", "2000.00", "1999")]
    assert not denials(run(max_net_exposure=D(1000)))


def test_what_is_on_its_way_counts_as_exposure():
    world = World(slot({1: 1}), risk=RiskConfig(max_gross_exposure=D(1500))).run(bars([100]))
    world.send(ManualOrder(MINUTE, "c", "", "scripted", "SPY", "sim", Side.BUY, D(10), OrderType.LIMIT, D(90)))
    assert denials(world) == [("max_gross_exposure", "2000.00", "1500")]


def test_an_order_of_unknown_worth_is_denied():
    world = World(slot({}), risk=RiskConfig(max_order_notional=D(1)))
    world.send(ManualOrder(1, "c", "", "scripted", "SPY", "sim", Side.BUY, D(1)))
    assert denials(world) == [("max_order_notional", "no price", "1")]


def test_the_daily_loss_stops_entries_until_the_next_trading_day():
    monday, tuesday = at(2026, 11, 16, 15), at(2026, 11, 17, 15)
    world = World(slot({1: 1, 2: 0, 3: 1, 6: 1}), risk=limited(max_daily_loss=D(50)))
    world.run(bars_at(monday, [100, 100, 94, 94, 94]))
    assert denials(world) == [("max_daily_loss", "60.00", "50")]
    world.run(bars_at(tuesday, [94, 94]))
    assert quantities(world) == {("scripted", "SPY"): D(10)}


def test_open_losses_count_for_the_daily_limit_of_the_book():
    start = at(2026, 11, 16, 15)
    world = World(slot({1: 1}), slot({3: 1}, symbol="/ES", quantity=1), risk=RiskConfig(max_daily_loss=D(50)))
    for spy, es in zip(bars_at(start, [100, 100, 94]), bars_at(start, [20, 20, 20], symbol="/ES"), strict=True):
        world.run([spy, es])
    assert denials(world) == [("max_daily_loss", "60.00", "50")]
    assert world.engine.accounts[BOOK].equity == -60.0


def test_drawdown_from_the_peak_locks_entries():
    world = World(slot({1: 1, 4: 0, 5: 1}), risk=limited(max_drawdown=D(40)))
    world.run(bars([100, 100, 106, 101, 101, 101, 101]))
    assert denials(world) == [("max_drawdown", "50.00", "40")]
    account = world.engine.accounts["strategy", "scripted"]
    assert (account.peak, account.worst, account.equity) == (60.0, 50.0, 10.0)


def test_losses_in_a_row_cool_down_and_then_pass():
    script = {1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 9: 1}
    world = World(slot(script), risk=limited(max_losses_in_a_row=2, cool_down_s=180.0))
    world.run(bars([100, 99, 99, 98, 98, 98, 98, 98, 98, 98, 98]))
    assert [rule for rule, _, _ in denials(world)] == ["max_losses_in_a_row"]
    assert quantities(world) == {("scripted", "SPY"): D(10)}


def test_a_pause_follows_every_exit():
    world = World(slot({1: 1, 2: 0, 3: 1}), risk=limited(entry_pause_s=600.0)).run(bars([100] * 5))
    assert denials(world) == [("entry_pause", "60 s", "600 s")]


def test_the_order_rate_counts_approved_entries_in_a_sliding_window():
    risk = RiskConfig(max_orders=2, max_orders_window_s=180.0)
    world = World(slot({1: 1, 2: -1, 3: 1, 6: 1}), risk=risk).run(bars([100] * 8))
    assert denials(world) == [("max_orders", "3", "2")]
    assert quantities(world) == {("scripted", "SPY"): D(10)}


def test_a_stale_price_denies():
    world = World(slot({}), risk=RiskConfig(stale_after_s=5.0)).run(bars([100]))
    world.send(TimeAdvanced(MINUTE + 6_000_000_000))
    world.send(ManualOrder(MINUTE + 6_000_000_000, "c", "", "scripted", "SPY", "sim", Side.BUY, D(1)))
    assert denials(world) == [("stale_price", "6 s", "5 s")]


def test_no_entry_outside_the_session_nor_shortly_before_its_close():
    risk = RiskConfig(session_only=True, no_entry_before_close_s=600.0)
    before_open = World(slot({1: 1}), risk=risk).run(bars_at(at(2026, 11, 16, 14), [100, 100]))
    assert denials(before_open)[0][0] == "session"
    late = World(slot({1: 1}), risk=risk).run(bars_at(at(2026, 11, 16, 20, 52), [100, 100]))
    assert denials(late) == [("no_entry_before_close", "420 s", "600 s")]
    half_day = World(slot({1: 1}), risk=risk).run(bars_at(at(2026, 11, 27, 17, 52), [100, 100]))
    assert denials(half_day) == [("no_entry_before_close", "420 s", "600 s")]


def day_trader(**account):
    return RiskConfig(day_trading={"sim": DayTradingAccount(equity=D(10_000), **account)})


@pytest.mark.parametrize(
    ("day", "venue", "rule"),
    [
        (date(2026, 6, 3), "tastytrade", DayTradingRule.PATTERN),
        (date(2026, 6, 4), "tastytrade", DayTradingRule.INTRADAY_MARGIN),
        (date(2026, 6, 4), "schwab", DayTradingRule.PATTERN),
        (date(2027, 10, 20), "schwab", DayTradingRule.INTRADAY_MARGIN),
        (date(1999, 1, 4), "alpaca", DayTradingRule.NONE),
    ],
)
def test_which_rule_applies_depends_on_broker_and_date(day, venue, rule):
    assert DayTradingAccount(venue, D(1)).rule_on(day) is rule
    assert DayTradingAccount(venue, D(1), is_margin=False).rule_on(day) is DayTradingRule.NONE


def test_a_schedule_of_ones_own_overrides_the_venues():
    own = (DatedRule(date(2026, 9, 1), DayTradingRule.INTRADAY_MARGIN),)
    account = DayTradingAccount("schwab", D(1), schedule=own)
    assert account.rule_on(date(2026, 10, 1)) is DayTradingRule.INTRADAY_MARGIN
    assert account.rule_on(date(2026, 8, 1)) is DayTradingRule.NONE


def test_the_same_account_gets_other_verdicts_before_and_after_the_rule_was_retired():
    script = {1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 6: 0, 7: 1}

    def run(day):
        return World(slot(script), risk=day_trader(venue="tastytrade")).run(bars_at(at(2026, 6, day, 15), [100] * 9))

    assert denials(run(3)) == [("pattern_day_trader", "4", "3")]
    assert not denials(run(4))


def test_round_trips_over_night_are_no_day_trades():
    world = World(slot({1: 1, 3: 0, 4: 1}), risk=day_trader(venue="schwab", day_trades=(date(2026, 6, 2),) * 2))
    world.run([*bars_at(at(2026, 6, 2, 15), [100, 100]), *bars_at(at(2026, 6, 3, 15), [100] * 3)])
    assert not denials(world)
    assert len(world.of(TradeClosed)) == 1


def test_day_trades_older_than_five_business_days_are_forgotten():
    made = (date(2026, 5, 27),) * 3  # Wednesday; five business days that end on June 2 begin on May 27
    inside = World(slot({1: 1}), risk=day_trader(venue="schwab", day_trades=made))
    assert denials(inside.run(bars_at(at(2026, 6, 2, 15), [100, 100])))
    outside = World(slot({1: 1}), risk=day_trader(venue="schwab", day_trades=made))
    assert not denials(outside.run(bars_at(at(2026, 6, 3, 15), [100, 100])))


def test_intraday_margin_needs_equity_for_the_exposure():
    risk = RiskConfig(day_trading={"sim": DayTradingAccount("tastytrade", equity=D(249))})
    world = World(slot({1: 1}), risk=risk).run(bars_at(at(2026, 11, 16, 15), [100, 100]))
    assert denials(world) == [("intraday_margin", "250.00", "249.00")]


def test_futures_are_never_day_trades():
    world = World(slot({1: 1}, symbol="/ES"), risk=day_trader(venue="schwab", day_trades=(date(2026, 6, 2),) * 5))
    assert not denials(world.run(bars_at(at(2026, 6, 2, 15), [100, 100], symbol="/ES")))


def test_exits_pass_every_rule():
    risk = RiskConfig(max_order_quantity=D(10), max_orders=1, max_orders_window_s=1e9, max_gross_exposure=D(1000))
    world = World(slot({1: 1}, exits=ExitConfig(stop=Distance(0.01))), risk=risk).run(bars([100, 100, 90, 90]))
    assert quantities(world) == {("scripted", "SPY"): D(0)}
    assert [e.order.intent for e in world.of(ApprovedOrder)] == [OrderIntent.ENTRY, OrderIntent.EXIT]


def test_what_adds_exposure_cannot_be_released_unchecked():
    order = Order("o", "s", "SPY", "sim", Side.BUY, D(1), intent=OrderIntent.ENTRY)
    with pytest.raises(InvariantBroken):
        RiskGate(RiskConfig()).release(order, 1)


def test_limits_remember_across_a_snapshot():
    risk = RiskConfig(
        max_orders=2,
        max_orders_window_s=1e6,
        strategies={"scripted": StrategyLimits(max_losses_in_a_row=1, cool_down_s=1e6)},
        day_trading={"sim": DayTradingAccount("schwab", D(10_000))},
    )
    script = slot({1: 1, 2: 0, 4: 1})
    events = bars_at(at(2026, 6, 2, 15), [100, 100, 99, 99, 99])
    whole = World(script, risk=risk).run(events)
    first = World(script, risk=risk).run(events[:3])
    second = World(script, risk=risk)
    second.engine.restore(first.engine.snapshot())
    second.venue.restore(first.venue.snapshot())
    assert first.out + second.run(events[3:]).out == whole.out
    assert [rule for rule, _, _ in denials(whole)] == ["max_losses_in_a_row"]
