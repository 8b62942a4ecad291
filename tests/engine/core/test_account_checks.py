"""Entries wait for an account that agrees with our books; differences are booked as told, once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from engine.core import account_checks
from engine.core.inheritance import inherit
from engine.exits.config import Distance, ExitConfig
from engine.model.accounts import AccountChecked, AccountState, Difference, Policy, PositionAdjusted
from engine.model.commands import AcceptDifferences, CancelOrder, CommandHandled, ManualSignal
from engine.model.enums import OrderIntent, OrderState, OrderType, Side
from engine.model.event import Event
from engine.model.market import TimeAdvanced
from engine.model.orders import (
    EXCHANGE_CLOSED,
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
)
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import SlotStateChanged
from engine.model.time import NS_PER_S, from_datetime
from engine.orders.lifecycle import OrderRecord
from engine.portfolio.equity import BOOK
from engine.risk.config import RiskConfig
from tests.engine.scenario import MINUTE, World, bars, slot, tick


def check(
    *differences: Difference, state: AccountState = AccountState.RED, name: str = "c1", **fields: object
) -> AccountChecked:
    return AccountChecked(MINUTE // 2, "sim", name, state, "test", differences=differences, **fields)  # type: ignore[arg-type]


def differ(symbol: str, ours: int, theirs: int, policy: Policy = Policy.PAUSE, price: str = "100") -> Difference:
    return Difference(symbol, Decimal(ours), Decimal(theirs), policy, Decimal(price))


def held(world: World, symbol: str = "SPY") -> Decimal:
    return world.engine.ledger.position("scripted", symbol, "sim").quantity


@pytest.mark.parametrize("state", [AccountState.RED, AccountState.UNKNOWN])
def test_nothing_is_entered_at_an_account_that_is_not_green_and_the_denial_names_the_reason(state):
    world = World(slot({1: 1}))
    world.send(check(state=state))
    world.run(bars([100, 101]))
    [denied] = world.of(OrderDenied)
    assert denied.rule == "reconciliation"
    assert f"the account is {state}: test" in denied.reason
    assert not world.of(ApprovedOrder)


def test_the_slot_says_that_it_is_paused_and_that_it_is_ready_again():
    world = World(slot({}))
    world.run(bars([100]))
    world.send(check(state=AccountState.UNKNOWN))
    world.send(check(state=AccountState.GREEN, name="c2"))
    assert [event.state for event in world.of(SlotStateChanged)] == ["ready", "paused", "ready"]


def test_exits_pass_while_entries_are_held_back():
    world = World(slot({1: 1, 3: 0}))
    world.run(bars([100, 101]))
    world.send(check(state=AccountState.UNKNOWN))
    world.run(bars([102, 103], start=3))
    assert held(world) == 0
    assert len(world.of(TradeClosed)) == 1


def test_a_difference_in_one_symbol_keeps_entries_of_others():
    world = World(slot({1: 1}), slot({1: 1}, symbol="/ES", quantity=1))
    world.send(check(differ("/ES", 0, 2), blocks_all=False))
    world.run(bars([100, 101]))
    world.run(bars([4000, 4001], symbol="/ES"))
    assert [order.order.symbol for order in world.of(ApprovedOrder)] == ["SPY"]
    assert [denied.order.symbol for denied in world.of(OrderDenied)] == ["/ES"]


def test_an_adopted_sale_by_hand_makes_our_position_smaller_and_closes_part_of_the_trade():
    world = World(slot({1: 1}))
    world.run(bars([100, 100]))
    world.send(check(differ("SPY", 10, 4, Policy.ADOPT, "105"), state=AccountState.GREEN))
    [adjusted] = world.of(PositionAdjusted)
    assert (adjusted.side, adjusted.quantity, adjusted.strategy) == (Side.SELL, Decimal(6), "scripted")
    [trade] = world.of(TradeClosed)
    assert (trade.quantity, trade.pnl) == (Decimal(6), Decimal(30))
    assert held(world) == 4


def test_the_exits_follow_what_is_left_after_an_adjustment():
    world = World(slot({1: 1}, exits=ExitConfig(stop=Distance(0.05))))
    world.run(bars([100, 100]))
    world.send(check(differ("SPY", 10, 4, Policy.ADOPT), state=AccountState.GREEN))
    [stop] = world.engine.open_orders
    assert stop.order.quantity == 4


def test_the_same_comparison_counts_once():
    world = World(slot({1: 1}))
    world.run(bars([100, 100]))
    told = check(differ("SPY", 10, 4, Policy.ADOPT), state=AccountState.GREEN)
    world.send(told)
    assert world.send(told) == []
    assert held(world) == 4


def test_what_is_ignored_is_expected_from_then_on_and_survives_a_restart():
    world = World(slot({1: 1}))
    world.run(bars([100, 100]))
    world.send(check(differ("SPY", 10, 17, Policy.IGNORE), state=AccountState.GREEN))
    assert held(world) == 10
    assert account_checks.expected(world.engine, "sim") == {"SPY": Decimal(17)}
    again = World(slot({1: 1}))
    again.engine.restore(world.engine.snapshot())
    assert account_checks.expected(again.engine, "sim") == {"SPY": Decimal(17)}


def test_a_symbol_nobody_trades_here_cannot_be_adopted_and_is_left_to_its_owner():
    world = World(slot({}))
    world.send(check(differ("TSLA", 0, 3, Policy.ADOPT), state=AccountState.GREEN))
    [adjusted] = world.of(PositionAdjusted)
    assert (adjusted.policy, adjusted.strategy) == (Policy.IGNORE, "")
    assert account_checks.expected(world.engine, "sim") == {"TSLA": Decimal(3)}


def test_an_adopted_gap_is_taken_first_from_those_who_hold_it():
    two = (slot({1: 1}, strategy="a", kind="scripted"), slot({1: 0, 2: 1}, strategy="b", kind="scripted"))
    world = World(*two)
    world.run(bars([100, 100, 100]))
    ledger = world.engine.ledger
    assert [ledger.position(name, "SPY", "sim").quantity for name in "ab"] == [10, 10]
    world.send(check(differ("SPY", 20, -5, Policy.ADOPT), state=AccountState.GREEN))
    assert [ledger.position(name, "SPY", "sim").quantity for name in "ab"] == [-5, 0]


def test_a_person_accepts_and_entries_begin():
    world = World(slot({1: 1, 2: 1}))
    world.send(check(differ("SPY", 0, 3)))
    world.run(bars([100]))
    world.send(AcceptDifferences(MINUTE + 1, "x", "ann", broker="sim", policy=Policy.IGNORE))
    world.run(bars([101, 102], start=2))
    answer = world.of(CommandHandled)[0]
    assert answer.accepted, answer.detail
    assert held(world) == 10
    assert world.of(PositionAdjusted)[0].by == "ann"


def test_accepting_one_symbol_leaves_the_other_open():
    world = World(slot({1: 1}), slot({1: 1}, symbol="/ES", quantity=1))
    world.send(check(differ("SPY", 0, 3), differ("/ES", 0, 1), blocks_all=False))
    world.send(AcceptDifferences(MINUTE, "x", broker="sim", symbol="SPY", policy=Policy.IGNORE))
    assert world.engine.gate.holds["sim"].symbols == {"/ES"}


@pytest.mark.parametrize(
    ("state", "sentence"),
    [(AccountState.GREEN, "no difference to accept"), (AccountState.UNKNOWN, "nothing to accept yet")],
)
def test_an_account_that_is_unknown_or_fine_cannot_be_accepted(state, sentence):
    world = World(slot({}))
    world.send(check(state=state))
    world.send(AcceptDifferences(MINUTE, "x", broker="sim"))
    answer = world.of(CommandHandled)[-1]
    assert not answer.accepted
    assert sentence in answer.detail
    assert ("sim" in world.engine.gate.holds) is (state is AccountState.UNKNOWN)


def test_a_new_engine_withdraws_the_orders_of_an_earlier_run_before_it_arms_exits_again():
    world = World(slot({}, exits=ExitConfig(stop=Distance(0.05))))
    entry = Order("r0-1", "scripted", "SPY", "sim", Side.BUY, Decimal(10))
    fill = OrderFilled(MINUTE, "r0-1", "f1", "scripted", "SPY", "sim", Side.BUY, Decimal(10), Decimal(100))
    stop = Order("r0-2", "scripted", "SPY", "sim", Side.SELL, Decimal(10))
    out = inherit(world.engine, [(entry, fill)], [OrderRecord(stop, state=OrderState.ACCEPTED, stage=2, venue_id="v")])
    assert [type(event) for event in out] == [CancelRequested]
    late = OrderFilled(2 * MINUTE, "r0-2", "f2", "scripted", "SPY", "sim", Side.SELL, Decimal(10), Decimal(95))
    [changed] = [event for event in world.engine.process(late) if isinstance(event, PositionChanged)]
    assert changed.quantity == 0


@pytest.mark.parametrize(("day", "is_denied"), [(18, True), (19, False)])
def test_what_was_lost_today_still_counts_in_a_new_engine(day, is_denied):
    opening = from_datetime(datetime(2026, 11, 18, 15, 0, tzinfo=UTC))
    fills = []
    for number, (hours, side, price) in enumerate(
        [(-24, Side.BUY, 100), (-23, Side.SELL, 50), (0, Side.BUY, 100), (1, Side.SELL, 94)]
    ):
        order = Order(f"r0-{number}", "scripted", "SPY", "sim", side, Decimal(10))
        ts = opening + hours * 3_600 * NS_PER_S
        fills.append(
            (
                order,
                OrderFilled(ts, order.client_id, f"f{number}", *order_key(order), side, Decimal(10), Decimal(price)),
            )
        )
    world = World(slot({1: 1}), risk=RiskConfig(max_daily_loss=Decimal(50)))
    inherit(world.engine, fills)
    assert world.engine.accounts.lost_today(BOOK, opening + 2 * 3_600 * NS_PER_S) == 60, "and not what was before"
    later = from_datetime(datetime(2026, 11, day, 18, 0, tzinfo=UTC))
    [first] = bars([100])
    out = world.engine.process(structs.replace(first, ts=first.ts + later, ts_open=first.ts_open + later))
    assert any(isinstance(event, OrderDenied) for event in out) is is_denied


def order_key(order: Order) -> tuple[str, str, str]:
    return order.strategy, order.symbol, order.broker


def test_an_exit_that_was_refused_is_owed_and_tried_again_until_the_position_is_closed():
    engine = World(slot({1: 1, 3: 0})).engine
    out: list[Event] = []

    def give(*events: Event) -> list[Event]:
        found = [each for event in events for each in engine.process(event)]
        out.extend(found)
        return found

    [entry] = [event.order for event in give(*bars([100, 100])) if isinstance(event, ApprovedOrder)]
    give(
        OrderFilled(
            2 * MINUTE, entry.client_id, "f1", *("scripted", "SPY", "sim"), Side.BUY, entry.quantity, Decimal(100)
        )
    )
    [leave] = [event.order for event in give(*bars([101], start=3)) if isinstance(event, ApprovedOrder)]
    give(OrderRejected(3 * MINUTE + 1, leave.client_id, "the venue was away"))
    assert not give(TimeAdvanced(3 * MINUTE + 1_000_000_000))
    again = [
        event.order for event in give(TimeAdvanced(3 * MINUTE + 6_000_000_000)) if isinstance(event, ApprovedOrder)
    ]
    assert [(order.side, order.quantity, order.reason) for order in again] == [(Side.SELL, Decimal(10), leave.reason)]


def test_an_exit_that_found_its_exchange_closed_is_tried_again_when_it_opens():
    evening = from_datetime(datetime(2026, 11, 18, 22, 0, tzinfo=UTC))
    opening = from_datetime(datetime(2026, 11, 19, 14, 30, tzinfo=UTC))
    world = World(slot({1: 1, 3: 0}, exits=ExitConfig(stop=Distance(0.05))))
    engine = world.engine

    def orders(*events: Event) -> list[Order]:
        found = [each for event in events for each in engine.process(event)]
        return [each.order for each in found if isinstance(each, ApprovedOrder)]

    later = [structs.replace(bar, ts=bar.ts + evening, ts_open=bar.ts_open + evening) for bar in bars([100, 100, 101])]
    [entry] = orders(*later[:2])
    where = ("scripted", "SPY", "sim")
    [stop] = orders(OrderFilled(later[1].ts, entry.client_id, "f1", *where, Side.BUY, Decimal(10), Decimal(100)))
    assert orders(later[2]) == []
    [leave] = orders(OrderCancelled(later[2].ts, stop.client_id))
    [again] = orders(OrderRejected(later[2].ts + 1, leave.client_id, "the exchange is closed now", EXCHANGE_CLOSED))
    assert again.type is OrderType.STOP, "meanwhile the stop guards it"
    for seconds in range(1, 60):
        assert orders(TimeAdvanced(later[2].ts + seconds * NS_PER_S)) == [], "no order, and no cancel of the stop"
    assert not engine.open_orders[0].is_cancelling
    assert orders(TimeAdvanced(opening - 1)) == []
    engine.process(TimeAdvanced(opening))
    assert engine.open_orders[0].is_cancelling, "the stop goes first"
    [leave] = orders(OrderCancelled(opening + 1, again.client_id))
    assert (leave.side, leave.quantity, leave.reason) == (Side.SELL, Decimal(10), "script_3")


def test_an_owed_exit_is_dropped_when_something_else_is_wished():
    world = World(slot({1: 1, 3: 0}))
    engine = world.engine
    [entry] = [event.order for event in engine.process(bars([100])[0]) if isinstance(event, ApprovedOrder)]
    where = ("scripted", "SPY", "sim")
    engine.process(OrderFilled(MINUTE, entry.client_id, "f1", *where, Side.BUY, Decimal(10), Decimal(100)))
    exits = [e.order for bar in bars([100, 100], start=2) for e in engine.process(bar) if isinstance(e, ApprovedOrder)]
    engine.process(OrderRejected(3 * MINUTE + 1, exits[0].client_id, "the venue was away"))
    guard = engine.holdings[where].guard
    assert guard is not None
    assert guard.owed == "script_3"
    engine.process(ManualSignal(3 * MINUTE + 2, "m1", strategy="scripted", symbol="SPY", target=-1))
    assert guard.owed == ""


def withdrawn_entry(world: World) -> Order:
    """A first entry that was withdrawn, and the venue said that it is gone."""
    [entry] = [event.order for event in world.engine.process(bars([100])[0]) if isinstance(event, ApprovedOrder)]
    world.engine.process(CancelOrder(MINUTE + 1, "c1", client_id=entry.client_id))
    world.engine.process(OrderCancelled(MINUTE + 2, entry.client_id))
    return entry


def test_an_entry_that_fills_after_it_was_gone_is_given_back():
    world = World(slot({1: 1}))
    entry = withdrawn_entry(world)
    late = OrderFilled(MINUTE + 3, entry.client_id, "f1", "scripted", "SPY", "sim", Side.BUY, Decimal(4), Decimal(100))
    out = world.engine.process(late)
    [back] = [event.order for event in out if isinstance(event, ApprovedOrder)]
    assert (back.side, back.quantity, back.reason) == (Side.SELL, Decimal(4), "filled_after_cancel")
    assert back.intent is OrderIntent.EXIT


def test_a_stop_that_fills_after_it_was_gone_leaves_the_position_closed():
    world = World(slot({1: 1}, exits=ExitConfig(stop=Distance(0.05))))
    world.run(bars([100, 100]))
    [stop] = world.engine.open_orders
    where = ("scripted", "SPY", "sim")
    world.engine.process(OrderCancelled(3 * MINUTE, stop.order.client_id, "by hand"))
    late = OrderFilled(3 * MINUTE + 1, stop.order.client_id, "f9", *where, Side.SELL, Decimal(10), Decimal(95))
    out = world.engine.process(late)
    assert world.engine.ledger.position(*where).quantity == 0
    assert not [event for event in out if isinstance(event, ApprovedOrder)]


@pytest.mark.parametrize("is_flattened", [True, False])
def test_a_refused_stop_is_watched_here_or_closes_the_position_as_the_policy_says(is_flattened):
    exits = ExitConfig(stop=Distance(0.05))
    world = World(slot({1: 1}, exits=exits), flatten_on_refused_stop=is_flattened)
    world.run(bars([100, 100]))
    [stop] = world.engine.open_orders
    out = world.engine.process(OrderRejected(3 * MINUTE, stop.order.client_id, "stops are not taken now"))
    sold = [event.order for event in out if isinstance(event, ApprovedOrder)]
    assert [(order.quantity, order.reason) for order in sold] == (
        [(Decimal(10), "stop_refused")] if is_flattened else []
    )
    if not is_flattened:
        [watched] = [e for e in world.engine.process(tick(4 * MINUTE, 94)) if isinstance(e, ApprovedOrder)]
        assert watched.order.reason == "stop"
