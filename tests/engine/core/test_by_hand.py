"""Orders that persons give: each type, closing and turning, changes, and exits at their own prices."""

from datetime import date, time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.config import ExitPlacement
from engine.exits.config import Distance, DistanceKind, ExitConfig
from engine.instruments.sessions import from_new_york
from engine.model.commands import (
    CancelOrder,
    CommandHandled,
    Flatten,
    Halt,
    ManualOrder,
    ManualSignal,
    ReplaceOrder,
    SetExits,
    StopSlot,
)
from engine.model.enums import OrderIntent, OrderType, Side, TimeInForce
from engine.model.event import Event
from engine.model.market import Split, TimeAdvanced
from engine.model.orders import (
    ApprovedOrder,
    ByHand,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
)
from engine.model.positions import ExitArmed
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from engine.risk.config import RiskConfig
from tests.engine.scenario import MINUTE, World, bar, bars, slot, tick

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
NUMBERS = iter(range(1, 10_000))


def manual(side: Side, quantity: int, **changes) -> ManualOrder:
    values = {"strategy": "scripted", "symbol": "SPY", "broker": "sim", "by": "ann", **changes}
    return ManualOrder(2 * MINUTE, f"c{next(NUMBERS)}", side=side, quantity=D(quantity), **values)


def command(kind, **fields):
    return kind(2 * MINUTE, f"c{next(NUMBERS)}", "ann", **fields)


def started(**config) -> World:
    return World(slot({}), **config).run(bars([100, 100]))


def answer(world: World, sent: Event) -> CommandHandled:
    handled = world.send(sent)[-1]
    assert isinstance(handled, CommandHandled)
    return handled


def held(world: World) -> int:
    return int(sum((position.quantity for position in world.engine.positions), D(0)))


def waiting(world: World) -> list[Order]:
    return [record.order for record in world.engine.open_orders]


def of_person(order: Order) -> ByHand:
    assert isinstance(order.by_hand, ByHand)
    return order.by_hand


def long(quantity: int = 10, **changes) -> World:
    """A world that holds `quantity`, bought at 100 by a person."""
    world = started()
    assert answer(world, manual(BUY, quantity, **changes)).accepted
    world.run([bar(3, 100)])
    assert held(world) == quantity
    return world


@pytest.mark.parametrize(
    ("order", "trigger", "filled_at"),
    [
        (manual(BUY, 5, type=OrderType.LIMIT, limit_price=D(95)), 94, 95),
        (manual(BUY, 5, type=OrderType.STOP, stop_price=D(105)), 106, 105),
        (manual(BUY, 5, type=OrderType.STOP_LIMIT, stop_price=D(105), limit_price=D(107)), 106, 105),
        (manual(SELL, 5, type=OrderType.STOP, stop_price=D(95)), 94, 95),
        (manual(SELL, 5, type=OrderType.TRAILING_STOP, trail=D(3)), 96, 97),
    ],
)
def test_each_type_of_order_waits_for_its_price_and_says_who_gave_it(order, trigger, filled_at):
    world = started()
    sent = answer(world, order)
    [found] = waiting(world)
    assert (sent.accepted, sent.detail) == (True, found.client_id)
    assert (of_person(found).command, found.reason) == (order.command_id, "manual by ann")
    world.run([bar(3, 100), bar(4, trigger, open_=100)])
    assert [fill.price for fill in world.of_fills()] == [D(filled_at)]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (manual(BUY, 5, type=OrderType.LIMIT), "limit_price"),
        (manual(BUY, 5, limit_price=D(99)), "limit_price"),
        (manual(BUY, 5, type=OrderType.STOP, stop_price=D(95)), "stop_price"),
        (manual(SELL, 5, type=OrderType.STOP, stop_price=D(105)), "stop_price"),
        (manual(SELL, 5, type=OrderType.TRAILING_STOP, trail=D(-1)), "trail"),
        (manual(BUY, 5, stop_loss=D(101)), "stop_loss"),
        (manual(BUY, 5, take_profit=D(99)), "take_profit"),
        (manual(SELL, 5, stop_loss=D(99)), "stop_loss"),
        (manual(BUY, 5, type=OrderType.LIMIT, limit_price=D(90), stop_loss=D(95)), "stop_loss"),
        (manual(BUY, -5), "quantity"),
    ],
)
def test_an_order_that_means_nothing_is_refused_by_its_field(order, field):
    world = started()
    found = answer(world, order)
    assert not found.accepted
    assert found.detail.startswith(f"{field}:")
    assert not world.of(ApprovedOrder)


def test_the_exits_of_an_order_guard_what_it_fills_and_nothing_after_it():
    world = long(stop_loss=D(97), take_profit=D(104))
    stop, target = waiting(world)
    assert (stop.type, stop.stop_price, target.limit_price) == (OrderType.STOP, D(97), D(104))
    assert stop.group == target.group != ""
    assert world.of(ExitArmed)[-1].kind == "by hand"
    world.run([bar(4, 104, open_=100)])
    assert held(world) == 0
    assert not waiting(world)
    world.send(manual(BUY, 3))
    world.run([bar(5, 104)])
    assert held(world) == 3
    assert not waiting(world), "the next position has no exits of the last one"


def test_a_persons_stop_stands_for_the_configured_one_and_leaves_the_rest():
    points = Distance(2, DistanceKind.POINTS)
    exits = ExitConfig(stop=points, max_hold_s=3600.0)
    world = World(slot({}, exits=exits)).run(bars([100, 100]))
    world.send(manual(BUY, 10, stop_loss=D(95)))
    world.run([bar(3, 100)])
    assert [order.stop_price for order in waiting(world)] == [D(95)]
    assert world.of(ExitArmed)[-1].kind == "stop+max_hold+by hand"


@pytest.mark.parametrize("placement", [ExitPlacement.VENUE, ExitPlacement.SPLIT, ExitPlacement.HELD])
def test_exits_by_hand_work_wherever_exits_wait(placement):
    world = World(slot({}), exit_placement={"sim": placement}).run(bars([100, 100]))
    world.send(manual(BUY, 10, stop_loss=D(97), take_profit=D(104)))
    world.run([bar(3, 100), bar(4, 96, open_=100), bar(5, 96)])
    assert held(world) == 0
    assert world.of_fills()[-1].price <= D(97)


def test_an_order_beside_exits_that_could_close_twice_is_refused():
    world = long(stop_loss=D(97))
    found = answer(world, manual(SELL, 10, type=OrderType.LIMIT, limit_price=D(104)))
    assert (found.accepted, "change the exits" in found.detail) == (False, True)


def test_orders_that_close_never_close_more_than_is_held():
    world = long()
    assert answer(world, manual(SELL, 6, type=OrderType.LIMIT, limit_price=D(104))).accepted
    found = answer(world, manual(SELL, 6, type=OrderType.LIMIT, limit_price=D(105)))
    assert found.detail == "quantity: it would close 12 with what waits already, and 10 is held"
    assert not answer(world, command(SetExits, strategy="scripted", symbol="SPY", broker="sim", stop=D(97))).accepted


def test_a_market_order_against_the_position_withdraws_what_waits_first():
    world = long(stop_loss=D(97))
    out = world.send(manual(SELL, 4))
    kinds = [type(event) for event in out if isinstance(event, CancelRequested | OrderCancelled | ApprovedOrder)]
    assert kinds[:3] == [CancelRequested, OrderCancelled, ApprovedOrder]
    world.run([bar(4, 100)])
    assert held(world) == 6
    assert [(order.type, order.quantity, order.stop_price) for order in waiting(world)] == [
        (OrderType.STOP, D(6), D(97))
    ]


def test_a_turn_is_one_order_where_the_venue_allows_it_and_two_where_not():
    def turned(**config):
        world = started(**config)
        world.send(manual(BUY, 10))
        world.run([bar(3, 100)])
        world.send(manual(SELL, 15, stop_loss=D(103)))
        world.run([bar(4, 100), bar(5, 100)])
        assert held(world) == -5
        assert [order.stop_price for order in waiting(world)] == [D(103)]
        return [(a.order.intent, a.order.quantity) for a in world.of(ApprovedOrder)[1:-1]]

    assert turned() == [(OrderIntent.REVERSAL, D(15))]
    assert turned(linked_reversal={"sim": True}) == [(OrderIntent.EXIT, D(10)), (OrderIntent.ENTRY, D(5))]


def test_a_stop_that_fires_is_not_kept_back_by_an_order_that_waits():
    """A limit order that would close the position counts as nothing on its way: it may never fill."""
    exits = ExitConfig(max_hold_s=120.0)
    world = World(slot({}, exits=exits)).run(bars([100, 100]))
    world.send(manual(BUY, 10))
    world.run([bar(3, 100)])
    assert answer(world, manual(SELL, 10, type=OrderType.LIMIT, limit_price=D(110))).accepted
    world.run([bar(n, 100) for n in range(4, 9)])
    assert held(world) == 0
    assert not waiting(world)


def test_flat_by_any_way_leaves_no_order_that_would_open_again():
    world = long()
    world.send(manual(SELL, 10, type=OrderType.LIMIT, limit_price=D(110)))
    world.send(command(Flatten, strategy="scripted"))
    world.run([bar(4, 100), bar(5, 120)])
    assert held(world) == 0
    assert not waiting(world)


def test_a_changed_order_follows_when_the_old_one_is_gone_and_keeps_what_it_came_with():
    world = started()
    world.send(manual(BUY, 5, type=OrderType.LIMIT, limit_price=D(90), stop_loss=D(85)))
    [old] = waiting(world)
    change = command(ReplaceOrder, client_id=old.client_id, limit_price=D(95), quantity=D(7))
    assert world.send(change)
    [new] = waiting(world)
    assert (new.limit_price, new.quantity, new.parent, of_person(new).command) == (
        D(95), D(7), old.client_id, change.command_id,
    )  # fmt: skip
    assert of_person(new).stop_loss == D(85)
    world.run([bar(3, 95, open_=100)])
    assert held(world) == 7


def test_what_the_old_order_filled_counts_for_the_changed_one():
    world = started()
    world.send(manual(BUY, 10, type=OrderType.LIMIT, limit_price=D(90)))
    [old] = waiting(world)
    fill = OrderFilled(2 * MINUTE, old.client_id, "f1", "scripted", "SPY", "sim", BUY, D(4), D(90))
    world.engine.process(command(ReplaceOrder, client_id=old.client_id, limit_price=D(91)))
    world.engine.process(fill)
    out = world.engine.process(OrderCancelled(2 * MINUTE, old.client_id))
    assert [event.order.quantity for event in out if isinstance(event, ApprovedOrder)] == [D(6)]


def test_a_change_that_lost_the_race_sends_nothing():
    world = started()
    world.send(manual(BUY, 10, type=OrderType.LIMIT, limit_price=D(90)))
    [old] = waiting(world)
    world.engine.process(command(ReplaceOrder, client_id=old.client_id, limit_price=D(91)))
    out = world.engine.process(
        OrderFilled(2 * MINUTE, old.client_id, "f1", "scripted", "SPY", "sim", BUY, D(10), D(90))
    )
    out = [*out, *world.engine.process(OrderCancelled(2 * MINUTE, old.client_id))]
    assert not [event for event in out if isinstance(event, ApprovedOrder)]
    assert held(world) == 10


def test_a_cancel_after_a_change_wins():
    world = started()
    world.send(manual(BUY, 10, type=OrderType.LIMIT, limit_price=D(90)))
    [old] = waiting(world)
    world.engine.process(command(ReplaceOrder, client_id=old.client_id, limit_price=D(91)))
    world.engine.process(command(CancelOrder, client_id=old.client_id))
    assert not [
        event
        for event in world.engine.process(OrderCancelled(2 * MINUTE, old.client_id))
        if isinstance(event, ApprovedOrder)
    ]


@pytest.mark.parametrize(
    "fields",
    [{}, {"limit_price": D(90)}, {"stop_price": D(90)}, {"quantity": D(0)}, {"trail": D(1)}, {"limit_price": D(-1)}],
)
def test_a_change_that_changes_nothing_or_means_nothing_is_refused(fields):
    world = started()
    world.send(manual(BUY, 10, type=OrderType.LIMIT, limit_price=D(90)))
    [old] = waiting(world)
    assert not answer(world, command(ReplaceOrder, client_id=old.client_id, **fields)).accepted
    assert waiting(world) == [old]


def test_exits_are_not_changed_as_orders():
    world = long(stop_loss=D(97))
    [stop] = waiting(world)
    found = answer(world, command(ReplaceOrder, client_id=stop.client_id, stop_price=D(98)))
    assert (found.accepted, "exits" in found.detail) == (False, True)


def test_exits_of_a_position_can_be_set_and_moved():
    world = long()
    key = {"strategy": "scripted", "symbol": "SPY", "broker": "sim"}
    assert answer(world, command(SetExits, **key, stop=D(96))).accepted
    assert [order.stop_price for order in waiting(world)] == [D(96)]
    assert answer(world, command(SetExits, **key, target=D(105))).accepted
    assert {order.stop_price or order.limit_price for order in waiting(world)} == {D(96), D(105)}
    assert not answer(world, command(SetExits, **key, stop=D(101))).accepted
    assert not answer(world, command(SetExits, **key)).accepted
    world.run([bar(4, 95, open_=100)])
    assert held(world) == 0


def test_exits_by_hand_survive_a_restart_and_a_split():
    world = long(stop_loss=D(96))
    again = World(slot({}))
    again.engine.restore(world.engine.snapshot())
    again.venue.restore(world.venue.snapshot())
    assert again.engine.snapshot() == world.engine.snapshot()
    again.run([Split(3 * MINUTE + 1, "SPY", D(2)), bar(4, 50)])
    assert [(order.stop_price, order.quantity) for order in waiting(again)] == [(D(48), D(20))]


def test_a_halt_and_a_stopped_slot_keep_entries_back_and_let_exits_pass():
    world = long()
    world.send(command(StopSlot, strategy="scripted"))
    found = answer(world, manual(BUY, 1))
    assert (found.accepted, found.detail) == (False, "the slot was stopped")
    world.send(command(Halt, reason="test"))
    assert answer(world, manual(SELL, 10)).accepted
    world.run([bar(4, 100)])
    assert held(world) == 0


def test_a_denied_turn_closes_and_says_so():
    world = started(risk=RiskConfig(max_order_quantity=D(12)))
    world.send(manual(BUY, 10))
    world.run([bar(3, 100)])
    found = answer(world, manual(SELL, 15))
    assert found.accepted
    assert "only closes" in found.detail
    world.run([bar(4, 100)])
    assert held(world) == 0


def test_a_rejected_order_by_hand_is_not_tried_again():
    world = started()
    world.engine.process(manual(BUY, 5))
    [order] = waiting(world)
    assert not world.engine.process(OrderRejected(2 * MINUTE, order.client_id, "no"))
    assert not waiting(world)


def test_what_no_person_gave_is_written_as_it_always_was():
    """Older journals are verified by encoding their entries again."""
    order = Order("r1-x", "scripted", "SPY", "sim", BUY, D(1))
    assert "by_hand" not in msgspec.json.decode(msgspec.json.encode(order))
    ordered = msgspec.structs.replace(order, by_hand=ByHand("c1", D(90)))
    assert msgspec.json.decode(msgspec.json.encode(ordered), type=Order) == ordered


NOON = from_new_york(date(2026, 11, 20), time(12))  # a Friday
CLOSE = from_new_york(date(2026, 11, 20), time(16))


@pytest.mark.parametrize(
    ("tif", "given", "last", "over"),
    [
        (TimeInForce.DAY, NOON, CLOSE + 59 * NS_PER_S, CLOSE + 60 * NS_PER_S),
        (TimeInForce.EXTENDED, NOON, CLOSE + 4 * NS_PER_HOUR, CLOSE + 4 * NS_PER_HOUR + 60 * NS_PER_S),
        (TimeInForce.DAY, CLOSE, NOON + 3 * NS_PER_DAY, CLOSE + 3 * NS_PER_DAY + 60 * NS_PER_S),
    ],
)
def test_an_order_for_the_day_ends_with_its_session(tif, given, last, over):
    world = World(slot({}))
    world.send(tick(given, 100.0))
    order = ManualOrder(given, "c1", "ann", "scripted", "SPY", "sim", BUY, D(5), OrderType.LIMIT, D(90), tif=tif)
    assert answer(world, order).accepted
    again = World(slot({}))
    again.engine.restore(world.engine.snapshot())
    again.venue.restore(world.venue.snapshot())
    again.send(TimeAdvanced(last))
    assert len(waiting(again)) == 1
    again.send(TimeAdvanced(over))
    assert not waiting(again)
    assert again.of(CancelRequested)[-1].reason == "its day is over"


def test_an_order_until_cancelled_outlives_the_day_and_the_stop_of_a_day_order_does_too():
    world = World(slot({}))
    world.send(tick(NOON, 100.0))
    key = ("scripted", "SPY", "sim", BUY, D(5))
    world.send(ManualOrder(NOON, "c1", "ann", *key, OrderType.LIMIT, D(90), tif=TimeInForce.GTC))
    world.send(ManualOrder(NOON, "c2", "ann", *key, tif=TimeInForce.DAY, stop_loss=D(80)))
    world.send(tick(NOON + NS_PER_S, 100.0))
    world.send(TimeAdvanced(CLOSE + NS_PER_DAY))
    assert [order.type for order in waiting(world)] == [OrderType.LIMIT, OrderType.STOP]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("market"), st.sampled_from([BUY, SELL]), st.integers(1, 8)),
        st.tuples(st.just("limit"), st.sampled_from([BUY, SELL]), st.integers(1, 8)),
        st.tuples(st.just("exits"), st.integers(90, 99), st.integers(101, 110)),
        st.tuples(st.just("move"), st.integers(92, 108), st.just(0)),
        st.tuples(st.just("flat"), st.just(0), st.just(0)),
        st.tuples(st.just("signal"), st.sampled_from([-1, 0, 1]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_whatever_a_person_does_a_flatten_ends_flat_with_nothing_left(actions):
    world = started()
    number = 3
    for kind, one, two in actions:
        if kind == "market":
            world.send(manual(one, two))
        elif kind == "limit":
            price = D(98) if one is BUY else D(102)
            world.send(manual(one, two, type=OrderType.LIMIT, limit_price=price))
        elif kind == "exits":
            key = {"strategy": "scripted", "symbol": "SPY", "broker": "sim"}
            stop, target = (D(one), D(two)) if held(world) > 0 else (D(two), D(one))
            world.send(command(SetExits, **key, stop=stop, target=target))
        elif kind == "signal":
            world.send(ManualSignal(2 * MINUTE, f"c{next(NUMBERS)}", "", "scripted", "SPY", one))
        elif kind == "flat":
            world.send(command(Flatten))
        else:
            world.run([bar(number, one, open_=100)])
            number += 1
        assert_protected_once(world)
    world.send(command(Flatten))
    world.run([bar(number, 100), bar(number + 1, 100)])
    assert held(world) == 0
    assert not waiting(world)


def assert_protected_once(world: World) -> None:
    """What waits to close the position, exits of one group counted once, never closes more than is held."""
    closing = [
        order for order in waiting(world) if order.intent is OrderIntent.EXIT and order.type is not OrderType.MARKET
    ]
    plain = sum((order.quantity for order in closing if not order.group), D(0))
    stops = sum((order.quantity for order in closing if order.group and order.type is OrderType.STOP), D(0))
    assert plain + stops <= abs(held(world))
