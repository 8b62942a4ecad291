"""Each order fault does what its line in the table says, and no more."""

from decimal import Decimal as D

import pytest

from engine.errors import InvalidInput, NotFound
from engine.model.enums import OrderType, Side
from engine.model.time import NS_PER_S
from simulators.brokerage.faults import CANCEL, LOGIN, ORDER_FAULTS, PLACE, QUERY, OrderFaults, OrderFaultScript
from simulators.brokerage.gate import Gate
from simulators.brokerage.orders import Refusal, State, Ticket
from simulators.brokerage.updates import Kind
from simulators.http_server import HttpResponse

LOT = Ticket(symbol="SPY", side=Side.BUY, quantity=D(10))


def fills(desk):
    return [update.execution.id for update in desk.updates if update.kind is Kind.FILL]


def test_partial_fills_add_up_to_the_order(desk):
    desk.fault("partial_fills")
    placed = desk.brokerage.place("A1", LOT)
    desk.pass_s(60)
    order = desk.brokerage.order("A1", placed.id)
    assert order.state is State.FILLED
    assert len(order.fills) > 1
    assert order.filled == 10
    assert len({fill.id for fill in order.fills}) == len(order.fills)


def test_a_duplicate_fill_is_told_twice_with_one_id_and_booked_once(desk):
    desk.fault("duplicate_fill", times=1)
    desk.brokerage.place("A1", LOT)
    desk.pass_s(1)
    assert fills(desk) == [1, 1]
    assert len(desk.brokerage.executions("A1")) == 1
    assert desk.brokerage.account("A1").quantity("SPY") == 10


def test_a_late_fill_counts_although_the_order_was_cancelled(desk):
    desk.fault("late_fill", delay_s=5)
    placed = desk.brokerage.place("A1", LOT)
    desk.pass_s(1)
    assert desk.brokerage.order("A1", placed.id).state is State.WORKING
    desk.brokerage.cancel("A1", placed.id)
    desk.pass_s(1)
    assert desk.brokerage.order("A1", placed.id).state is State.CANCELLED
    desk.pass_s(5)
    assert desk.brokerage.order("A1", placed.id).state is State.FILLED
    assert desk.brokerage.account("A1").quantity("SPY") == 10


def test_a_rejection_comes_at_once_or_a_moment_later(desk):
    desk.fault("reject:margin_check_failed", times=1)
    with pytest.raises(Refusal) as refused:
        desk.brokerage.place("A1", LOT)
    assert (refused.value.code, refused.value.is_injected) == ("margin_check_failed", True)
    desk.fault("reject_late:exchange_says_no", times=1)
    placed = desk.brokerage.place("A1", LOT)
    desk.pass_s(1)
    order = desk.brokerage.order("A1", placed.id)
    assert (order.state, order.code) == (State.REJECTED, "exchange_says_no")
    assert desk.brokerage.place("A1", LOT).state is State.RECEIVED


def test_events_come_late_in_order_or_overtake_each_other(desk):
    desk.fault("late_events", delay_s=3, for_s=4)
    desk.brokerage.place("A1", LOT)
    desk.pass_s(2)
    assert desk.updates == []
    desk.pass_s(3)
    assert [u.kind for u in desk.updates] == [Kind.ORDER, Kind.ORDER, Kind.FILL, Kind.POSITION, Kind.BALANCE]


def test_reordered_events_all_arrive(desk):
    desk.fault("reorder_events", delay_s=4)
    for _ in range(5):
        desk.brokerage.place("A1", LOT)
    desk.pass_s(10)
    assert sorted(fills(desk)) == [1, 2, 3, 4, 5]
    assert fills(desk) != [1, 2, 3, 4, 5]


def test_dropped_events_are_missed_by_the_stream_only(desk):
    desk.fault("drop_events")
    placed = desk.brokerage.place("A1", LOT)
    desk.pass_s(1)
    assert desk.updates == []
    assert desk.brokerage.order("A1", placed.id).state is State.FILLED


def test_a_skewed_clock_shows_in_every_stamp(desk):
    desk.fault("clock_skew", delay_s=90)
    placed = desk.brokerage.place("A1", LOT)
    assert placed.placed_ts == desk.time + 90 * NS_PER_S


def test_a_half_day_ends_the_orders_of_the_day_and_settles_what_expires(open_desk):
    desk = open_desk(start="2026-11-20T17:59:50+00:00", always_open=False)  # 12:59:50 in New York
    spot = desk.market.find("SPX").last(desk.time)
    symbol = f"SPXW  261120C{round(spot.prints.price[spot.first] / 500) * 5000:08d}"
    desk.brokerage.place("A1", Ticket(symbol=symbol, side=Side.BUY, quantity=D(1)))
    far = Ticket(symbol="SPY", side=Side.BUY, quantity=D(1), type=OrderType.LIMIT, limit_price=D(100))
    waiting = desk.brokerage.place("A1", far)
    desk.fault("half_day")
    desk.pass_s(5)
    assert desk.brokerage.account("A1").quantity(symbol) == 1
    desk.pass_s(10)
    assert desk.brokerage.order("A1", waiting.id).state is State.EXPIRED
    assert desk.brokerage.account("A1").quantity(symbol) == 0


def test_a_fault_acts_in_its_time_and_as_often_as_it_says():
    clock = [0.0]
    faults = OrderFaults(seed=1, clock=lambda: clock[0])
    faults.add(OrderFaultScript("drop_answer", after_s=2, for_s=5, times=2))
    assert faults.hit("drop_answer", action=PLACE) is None
    clock[0] = 3.0
    assert faults.names()["active"] == ["drop_answer"]
    assert [faults.hit("drop_answer", action=PLACE) is not None for _ in range(3)] == [True, True, False]
    assert faults.names() == {"scheduled": [], "active": []}


def test_the_same_seed_strikes_the_same_requests():
    def strikes(seed):
        faults = OrderFaults(seed=seed, clock=lambda: 1.0)
        faults.add(OrderFaultScript("drop_answer", share=0.5))
        return [faults.hit("drop_answer", action=PLACE) is not None for _ in range(40)]

    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (OrderFaultScript("drop_anser"), NotFound),
        (OrderFaultScript("drop_answer", share=2.0), InvalidInput),
        (OrderFaultScript("drop_answer", for_s=0), InvalidInput),
    ],
)
def test_a_wrong_script_is_refused(script, error):
    with pytest.raises(error):
        OrderFaults(seed=1, clock=lambda: 0.0).add(script)


# ---- at the gate -------------------------------------------------------------------------------------------


def render(status, code, message):
    return HttpResponse(status, {"code": code, "message": message})


@pytest.fixture
def gate():
    faults = OrderFaults(seed=1, clock=lambda: 1.0)
    return faults, Gate(faults, render)


@pytest.mark.parametrize(
    ("fault", "was_done", "status"),
    [
        ("drop_request", False, None),
        ("drop_answer", True, None),
        ("server_error", False, 503),
        ("server_error_after", True, 500),
        ("unauthorized", False, 401),
        ("throttle", False, 429),
        ("restart", False, None),
    ],
)
def test_what_was_done_and_what_is_answered(gate, fault, was_done, status):
    faults, door = gate
    faults.add(OrderFaultScript(fault, times=1))
    done: list[int] = []

    def handle():
        done.append(1)
        return HttpResponse(201)

    answer = door.answer(PLACE, handle)
    assert bool(done) is was_done
    assert answer.is_dropped is (status is None)
    assert status is None or answer.status == status
    assert door.answer(PLACE, lambda: HttpResponse(201)).status == 201


def test_a_throttled_client_is_told_when_to_come_back(gate):
    faults, door = gate
    faults.add(OrderFaultScript("throttle"))
    assert door.answer(QUERY, lambda: HttpResponse(200)).headers["Retry-After"] == "1"


def test_late_answers_are_late_by_different_times(gate):
    faults, door = gate
    faults.add(OrderFaultScript("late_answer", delay_s=2))
    delays = [door.answer(CANCEL, lambda: HttpResponse(200)).delay_s for _ in range(5)]
    assert all(0 <= delay < 2 for delay in delays)
    assert len(set(delays)) == 5


def test_questions_and_logins_are_left_alone_unless_named(gate):
    faults, door = gate
    faults.add(OrderFaultScript("drop_answer"))
    faults.add(OrderFaultScript("unauthorized", actions=(LOGIN,)))
    assert not door.answer(QUERY, lambda: HttpResponse(200)).is_dropped
    assert door.answer(LOGIN, lambda: HttpResponse(200)).status == 401


def test_every_fault_says_what_it_does():
    assert all(ORDER_FAULTS[name].summary for name in ORDER_FAULTS)


def test_connections_are_cut_once_when_a_restart_begins():
    cuts, clock = [], [0.0]

    class Server:
        def cut_connections(self) -> None:
            cuts.append(clock[0])

    faults = OrderFaults(seed=1, clock=lambda: clock[0])
    faults.add(OrderFaultScript("restart", after_s=1, for_s=2))
    for moment in (0.5, 1.0, 1.5, 4.0):
        clock[0] = moment
        faults.advance(Server())
    assert cuts == [1.0]
