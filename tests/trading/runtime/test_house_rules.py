"""A book on paper refuses what its venue or its cash would not allow, as real money is refused, and repeats it so."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from brokers.adapters import VENUES
from brokers.models import BrokerAccount
from engine.core import ExitPlacement
from engine.model.commands import ManualOrder
from engine.model.enums import OrderState, OrderType, Side, TimeInForce
from engine.model.event import Event
from engine.model.market import Tick, TimeAdvanced
from engine.model.orders import ApprovedOrder, OrderAccepted, OrderRejected, StopMoved
from engine.model.time import NS_PER_S
from strategies.services import create_ticker
from tests.trading.journal.test_on_paper import not_taken, order
from tests.trading.runtime.test_compose import FALLING, RISING, T0, keep, play
from tests.trading.test_rerun import live, market
from trading.models import Book, Order, Position
from trading.rerun import repeat
from trading.runtime import compose
from trading.runtime.simulated import SimulatedDesk
from trading.services import start_strategy

pytestmark = pytest.mark.django_db
journalled = pytest.mark.django_db(transaction=True)  # by a thread of its own

NO_TRAIL = "tastytrade takes no trailing stop orders."


def desk_of(strategy: str, symbol: str, quantities: dict[str, str], **rules: Any) -> SimulatedDesk:
    """The desk of a book in which `strategy` was started on the symbol."""
    params = {"period_1": 1, "period_2": 2} if strategy == "ema" else {}
    exits = rules.pop("exits", {})
    create_ticker(
        user=None, strategy=strategy, symbol=symbol, timeframe="2t", params=params, quantities=quantities, exits=exits
    )
    start_strategy(user=None, strategy=strategy)
    return again(**rules)


def again(**rules: Any) -> SimulatedDesk:
    """The book's desk, composed from what is saved."""
    book = Book.objects.get()
    for name, document in rules.items():
        setattr(book, name, document)
    book.full_clean()
    book.save()
    desk = compose.make_desk(compose.load(book.name))
    assert isinstance(desk, SimulatedDesk)
    return desk


def give(desk: SimulatedDesk, number: int = 1, *, at: float | None = None, **values: Any) -> list[Event]:
    """A person's order at 100 (or `at`), and all that follows."""
    ts = T0 + number * NS_PER_S
    out = [] if at is None else list(desk.handle(Tick(ts=ts, symbol=values["symbol"], price=at, size=1.0)))
    wanted = {"strategy": "manual", "tif": TimeInForce.DAY, "quantity": Decimal(1), **values}
    out += desk.handle(ManualOrder(ts=ts + 1, command_id=f"c{number}", by="anna", **wanted))
    out += desk.handle(Tick(ts=ts + 2, symbol=values["symbol"], price=at or 100.0, size=1.0))
    return out


def refused(out: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.code, event.reason) for event in out if isinstance(event, OrderRejected)]


@pytest.mark.parametrize("venue", VENUES)
def test_what_the_venue_would_not_take_is_rejected_before_anything_fills(redis_url, venue):
    desk = desk_of("ema", "SPY", {venue: "2"})
    off_grid = order(broker=venue, type=OrderType.LIMIT, limit_price=Decimal("400.005"))
    wrongs = [each for each in not_taken(venue) if each.symbol == "SPY"]
    codes = []
    for number, wrong in enumerate([*wrongs, off_grid]):
        named = msgspec.structs.replace(wrong, client_id=f"{wrong.client_id}-{number}")
        (answer,) = desk.venue.execute(ApprovedOrder(T0, named))
        assert isinstance(answer, OrderRejected), wrong
        assert answer.reason
        codes.append(answer.code)
    assert all(codes)
    assert codes[-1] == "tick_grid"
    assert not desk.venue.working
    assert isinstance(desk.venue.execute(ApprovedOrder(T0, order(99, broker=venue)))[0], OrderAccepted)


@journalled
def test_a_person_reads_the_venues_words_and_nothing_is_held(redis_url):
    BrokerAccount.objects.create(name="practice", broker="tastytrade", mode="paper")
    desk = desk_of("manual", "/MES", {"practice": "1", "paper": "1"})
    trailing = {"symbol": "/MES", "type": OrderType.TRAILING_STOP, "trail": Decimal(5), "side": Side.SELL}
    out = give(desk, 1, at=5000.0, broker="practice", **trailing)
    assert refused(out) == [("order_type", NO_TRAIL)]
    # An account that stands for nobody takes it.
    out += give(desk, 2, at=5000.0, broker="paper", **trailing)
    out += give(desk, 3, at=4990.0, broker="paper", symbol="/MES", side=Side.BUY)
    keep(desk, out)
    row = Order.objects.get(broker="practice")
    assert (row.state, row.state_reason, row.filled_quantity) == ("rejected", NO_TRAIL, Decimal(0))
    assert row.request == {"venue": "tastytrade", "refused": "type: tastytrade has no trailing_stop orders"}
    assert not Position.objects.filter(broker="practice").exists()
    assert Order.objects.filter(broker="paper", state=OrderState.FILLED).count() == 2


def test_shares_are_not_sold_short_where_the_book_allows_none(redis_url):
    desk = desk_of("manual", "SPY", {"schwab": "1"}, execution={"allow_short": False})
    assert refused(give(desk, at=100.0, symbol="SPY", broker="schwab", side=Side.SELL)) == [
        ("short_sale", "the book's policy allows no short sale of shares (SPY).")
    ]


@journalled
def test_shares_turn_with_two_orders_and_a_future_with_one(redis_url):
    desk = desk_of("ema", "SPY", {"schwab": "2", "paper": "2"})
    play(desk, RISING, "SPY")
    play(desk, FALLING, "SPY", start=100)
    last = Order.objects.order_by("id").exclude(intent="entry", created_at__lt=Order.objects.latest("id").created_at)
    there = [(each.intent, str(each.quantity.normalize())) for each in last.filter(broker="schwab")]
    assert there == [("exit", "2"), ("entry", "2")]
    assert [each.intent for each in last.filter(broker="paper")] == ["reversal"]
    assert {each.quantity for each in Position.objects.all()} == {Decimal(-2)}
    assert not Order.objects.filter(state=OrderState.REJECTED).exists()


@journalled
def test_exits_wait_where_they_would_wait_and_a_stop_that_follows_is_moved(redis_url):
    exits = {"stop": {"value": 4, "kind": "points"}, "trailing": {"value": 4, "kind": "points"}}
    desk = desk_of("ema", "/MES", {"tastytrade": "2", "paper": "2"}, exits=exits)
    assert desk.engine.config.exit_placement == {"tastytrade": ExitPlacement.SPLIT}
    out = play(desk, [*RISING, *(107.0 + n for n in range(20))])
    at_venue = {(each.broker, each.type) for each in desk.venue.working}
    assert at_venue == {("tastytrade", "stop"), ("paper", "stop"), ("paper", "trailing_stop")}
    assert any(isinstance(event, StopMoved) for event in out)
    out = play(desk, [120.0, 110.0, 110.0, 110.0], start=100)
    assert refused(out) == []
    assert {each.quantity for each in Position.objects.all()} == {0}


def too_dear(cost: float, left: float) -> str:
    return f"not enough buying power: it costs about {cost:.2f} of margin, and {left:.2f} is left."


CASH = {"capital": {"paper": 1000}}


@pytest.mark.parametrize(
    ("fills", "symbol", "quantity", "words"),
    [
        ({}, "SPY", 11, too_dear(1100.00, 1000.00)),
        ({}, "SPY", 10, ""),
        ({"share_leverage": 2}, "SPY", 21, too_dear(1050.00, 1000.00)),
        ({"share_leverage": 2}, "SPY", 20, ""),
        ({}, "/MES", 40, too_dear(1200.00, 1000.00)),
        ({"margins": {"/MES": 300}}, "/MES", 4, too_dear(1200.00, 1000.00)),
        ({"margins": {"/MES": 300}}, "/MES", 3, ""),
        ({"buying_power": False}, "SPY", 500, ""),
    ],
)
def test_an_entry_that_the_stated_cash_does_not_carry_is_refused(redis_url, fills, symbol, quantity, words):
    desk = desk_of("manual", symbol, {"paper": "1"}, sizing=CASH, fills=fills)
    out = give(desk, at=100.0, symbol=symbol, broker="paper", quantity=Decimal(quantity))
    assert refused(out) == ([("buying_power", words)] if words else [])
    assert bool(desk.engine.positions) is not bool(words)


def test_nothing_is_too_dear_where_no_cash_is_stated(redis_url):
    desk = desk_of("manual", "SPY", {"paper": "1"})
    assert refused(give(desk, at=100.0, symbol="SPY", broker="paper", quantity=Decimal(10_000))) == []


@journalled
def test_what_is_held_what_waits_and_what_was_lost_bind_money_also_for_a_successor(redis_url):
    desk = desk_of("manual", "SPY", {"paper": "1"}, sizing=CASH)
    out = give(desk, 1, at=100.0, symbol="SPY", broker="paper", quantity=Decimal(5))
    waiting = {"type": OrderType.LIMIT, "limit_price": Decimal(90)}
    out += give(desk, 2, at=100.0, symbol="SPY", broker="paper", quantity=Decimal(3), **waiting)
    assert refused(out) == []
    assert refused(give(desk, 3, at=100.0, symbol="SPY", broker="paper", quantity=Decimal(3)))
    # The fall takes 100 of what was held and 30 of what had waited; whatever makes it smaller passes.
    out += give(desk, 4, at=80.0, symbol="SPY", broker="paper", side=Side.SELL, quantity=Decimal(8))
    keep(desk, out)
    assert Position.objects.get().quantity == 0
    compose.forget_state(compose.load("paper"))
    after = again()
    (problem,) = refused(give(after, 5, at=100.0, symbol="SPY", broker="paper", quantity=Decimal(9)))
    assert problem == ("buying_power", too_dear(900.00, 870.00))


def test_a_leverage_of_nothing_is_refused_when_it_is_saved(redis_url):
    with pytest.raises(Exception, match=r"fills\.share_leverage: more than 0 was expected, found 0"):
        desk_of("manual", "SPY", {"paper": "1"}, fills={"share_leverage": 0})


@journalled
def test_a_recorded_session_repeats_its_refusals(redis_url):
    desk_of("ema", "SPY", {"schwab": "2", "alpaca": "2"}, sizing={"capital": {"schwab": 100, "alpaca": 100_000}})
    events = [
        event if isinstance(event, TimeAdvanced) else msgspec.structs.replace(event, symbol="SPY")
        for event in market(160)
    ]
    live(events[:90], token=1)
    live(events[90:], token=2)
    states = set(Order.objects.values_list("broker", "state"))
    assert states == {("schwab", "rejected"), ("alpaca", "filled")}
    found = repeat("paper")
    assert found.is_equal
    assert found.outputs["OrderRejected"] == Order.objects.filter(state="rejected").count() > 3
