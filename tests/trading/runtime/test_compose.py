"""A book is composed from the database: its slots, its saved state, or else the fills of its ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync

from brokers.models import BrokerAccount
from engine.bars.expand import Expander
from engine.instruments.sessions import Session
from engine.model.commands import ManualOrder, SetExits, StopSlot
from engine.model.enums import OrderType
from engine.model.event import Event
from engine.model.market import Tick, TimeAdvanced
from engine.model.orders import ApprovedOrder
from engine.model.signals import SlotStateChanged
from engine.model.time import NS_PER_S, from_datetime
from strategies.services import create_ticker, update_ticker
from trading.journal.writer import DatabaseJournal
from trading.models import Book, EngineState, Order, Position, Run
from trading.runtime import compose
from trading.runtime.host import compose_desk
from trading.runtime.live import BrokerDesk
from trading.services import start_strategy, stop_strategy

pytestmark = pytest.mark.django_db(transaction=True)

T0 = 1_795_000_000 * NS_PER_S

# The first bar of a fresh expander is not complete, so nobody sees it.
RISING = [100.0, 100.0, 100.0, 100.0, 99.0, 98.0, 100.0, 104.0, 105.0, 106.0]
FALLING = [106.0, 106.0, 106.0, 107.0, 107.0, 108.0, 100.0, 97.0, 96.0, 95.0, 94.0, 94.0]


@pytest.fixture
def ticker(redis_url):
    return create_ticker(
        user=None, strategy="ema", symbol="/MES", timeframe="2t", params={"period_1": 1, "period_2": 2},
        quantities={"paper": "2"}, exits={},
    )  # fmt: skip


def play(desk: compose.BookDesk, prices: list[float], *symbols: str, start: int = 0) -> list[Event]:
    """The same ticks for each symbol (/MES where none is named) through engine and venue, with their two-tick bars;
    everything goes to the journal."""
    wanted = symbols or ("/MES",)
    expanders = {name: Expander(name, ["2t"], session=lambda ts: Session(0, 2 * T0)) for name in wanted}
    out: list[Event] = []
    for n, price in enumerate(prices):
        for name, expander in expanders.items():
            tick = Tick(ts=T0 + (start + n) * NS_PER_S, symbol=name, price=price, size=1.0)
            for event in (tick, *expander.on_tick(tick)):
                out += list(desk.handle(event))
    keep(desk, out)
    return out


def state_of(desk: compose.BookDesk) -> str:
    return next(each.state for each in desk.engine.slot_states() if isinstance(each, SlotStateChanged))


def keep(desk: compose.BookDesk, out: Sequence[Event]) -> None:
    journal = DatabaseJournal(book_id=Book.objects.get().pk, token=1)
    async_to_sync(save)(journal, tuple(out), desk.save())


async def save(journal: DatabaseJournal, outputs: tuple[Event, ...], state: bytes) -> None:
    await journal.append(outputs=outputs, state=state, cursors={}, bars={})
    await journal.close()


def test_what_was_stopped_while_it_held_something_trades_again_when_it_is_started(ticker):
    start_strategy(user=None, strategy="ema")
    desk = compose.make_desk(compose.load("paper"))
    play(desk, RISING)
    [run] = stop_strategy(user=None, strategy="ema")
    keep(desk, desk.handle(StopSlot(ts=T0 + 50 * NS_PER_S, command_id="c1", by="anna", strategy="ema")))
    assert state_of(compose.make_desk(compose.load("paper"))) == "stopped", "it outlasts the process"
    assert start_strategy(user=None, strategy="ema") != run
    again = compose.make_desk(compose.load("paper"))
    assert state_of(again) == "ready"
    play(again, FALLING, start=100)
    assert Position.objects.get().quantity == -2


def test_quantities_and_parameters_are_those_of_the_start_but_trading_can_be_switched_off_at_once(ticker):
    start_strategy(user=None, strategy="ema")
    update_ticker(user=None, ticker=ticker, quantities={"paper": "9"}, trade_enabled=False)
    [slot] = compose.load("paper").slots
    assert (slot.quantities, slot.trade_enabled) == ({"paper": Decimal(2)}, False)


def test_a_stopped_strategy_that_holds_something_stays_without_entries(ticker):
    start_strategy(user=None, strategy="ema")
    desk = compose.make_desk(compose.load("paper"))
    play(desk, RISING, start=0)
    assert Position.objects.get().quantity != 0
    stop_strategy(user=None, strategy="ema")
    [slot] = compose.load("paper").slots
    assert (slot.strategy, slot.symbol, slot.trade_enabled) == ("ema", "/MES", False)


@pytest.mark.parametrize("is_running", [True, False])
def test_what_an_account_holds_stays_in_the_book_when_a_strategy_is_started_for_other_accounts(ticker, is_running):
    update_ticker(user=None, ticker=ticker, quantities={"paper": "2", "tastytrade": "1"})
    start_strategy(user=None, strategy="ema")
    play(compose.make_desk(compose.load("paper")), RISING)
    stop_strategy(user=None, strategy="ema")
    run = start_strategy(user=None, strategy="ema")
    del run.slots[0]["quantities"]["paper"]  # as a start with real money leaves out what is 0
    run.save()
    if not is_running:
        stop_strategy(user=None, strategy="ema")
    again, anew = compose_desk(compose.load("paper"))
    held = {(position.broker, int(position.quantity)) for position in again.engine.positions}
    assert held == {("paper", 2), ("tastytrade", 1)}
    assert anew.generation == 0, "the saved state is read"
    assert anew.brokers == ("paper", "tastytrade"), "both are compared with their venue"
    if is_running:
        play(again, FALLING, start=100)
        quantities = dict(Position.objects.values_list("broker", "quantity"))
        assert quantities == {"paper": 0, "tastytrade": -1}, "it is closed there, and not entered again"


@pytest.mark.parametrize("change", [{"mode": "paper"}, {"name": "other"}, None], ids=["paper", "renamed", "deleted"])
def test_a_real_account_that_is_gone_keeps_the_book_from_nothing_at_the_others(redis_url, change):
    for name, broker in (("t1", "tastytrade"), ("s1", "schwab")):
        BrokerAccount.objects.create(broker=broker, name=name, mode="live", account_number=name)
    book = Book.objects.create(name="live", mode=Book.Mode.LIVE)
    document: dict[str, object] = {"strategy": "ema", "symbol": "SPY", "timeframe": "1", "params": {}, "exits": None}
    Run.objects.create(book=book, strategy="ema", slots=[{**document, "quantities": {"t1": "1", "s1": "1"}}])
    gone = BrokerAccount.objects.filter(name="s1")
    gone.update(**change) if change else gone.delete()
    desk = compose.make_desk(compose.load("live"))
    assert isinstance(desk, BrokerDesk)
    assert desk.accounts == ("s1", "t1"), "what is held at either is still guarded"
    assert set(desk.engine.gate.holds) == {"s1", "t1"}, "and nothing is entered before they are compared"


def test_an_unreadable_state_begins_a_new_generation_with_the_same_position(ticker):
    start_strategy(user=None, strategy="ema")
    desk = compose.make_desk(compose.load("paper"))
    out = play(desk, RISING, start=0)
    assert any(isinstance(event, ApprovedOrder) for event in out)
    held = Position.objects.get()
    EngineState.objects.update(data=b"written by another version")

    again, anew = compose_desk(compose.load("paper"))
    [position] = again.engine.positions
    assert (position.quantity, position.average_price) == (held.quantity, held.average_price)
    assert (again.engine.config.run, anew.generation, anew.state) == ("paper1", 1, None)
    assert Book.objects.get().generation == 1
    assert not EngineState.objects.exists()


def test_new_orders_after_it_have_names_of_their_own_and_close_what_was_inherited(ticker):
    start_strategy(user=None, strategy="ema")
    desk = compose.make_desk(compose.load("paper"))
    play(desk, RISING, start=0)
    before = {order.client_id for order in Order.objects.all()}
    compose.forget_state(compose.load("paper"))
    again = compose.make_desk(compose.load("paper"))
    play(again, FALLING, start=100)
    fresh = set(Order.objects.values_list("client_id", flat=True)) - before
    assert fresh
    assert all(name.startswith("paper1-") for name in fresh)
    first = Order.objects.filter(client_id__in=fresh).order_by("id")[0]
    assert (first.intent, first.quantity) == ("reversal", Decimal(4))
    assert Position.objects.get().quantity == -2


def test_exits_that_a_person_gave_outlive_a_generation(redis_url):
    create_ticker(user=None, strategy="manual", symbol="/MES", timeframe="2t", quantities={"paper": "2"})
    start_strategy(user=None, strategy="manual")
    desk = compose.make_desk(compose.load("paper"))
    play(desk, [100.0] * 4, start=0)
    key = ("manual", "/MES", "paper")
    bought = ManualOrder(T0 + 4 * NS_PER_S, "c1", "ann", *key, quantity=Decimal(2), stop_loss=Decimal(98))
    keep(desk, desk.handle(bought))
    play(desk, [100.0] * 2, start=5)
    keep(desk, desk.handle(SetExits(T0 + 7 * NS_PER_S, "c2", "ann", *key, target=Decimal(104))))
    bought_as = Order.objects.get(type=OrderType.MARKET)
    assert (bought_as.command, bought_as.stop_loss, bought_as.tif) == ("c1", Decimal(98), "gtc")
    EngineState.objects.update(data=b"of another version")
    anew, _ = compose_desk(compose.load("paper"))
    waiting = {order.stop_price or order.limit_price for order in (r.order for r in anew.engine.open_orders)}
    assert waiting == {Decimal(98), Decimal(104)}


def test_a_future_keeps_its_contract_beyond_a_generation_and_is_never_carried_over_a_roll_on_paper(ticker):
    start_strategy(user=None, strategy="ema")
    Book.objects.update(execution={"roll": "hold", "roll_close_s": 60})
    play(compose.make_desk(compose.load("paper")), RISING)
    assert {order.contract for order in Order.objects.all()} == {"/MESZ26"}
    assert Position.objects.get().contract == "/MESZ26"
    compose.forget_state(compose.load("paper"))
    desk = compose.make_desk(compose.load("paper"))
    ends = datetime(2026, 12, 11, 22, 0, tzinfo=UTC)
    assert not desk.handle(TimeAdvanced(from_datetime(ends) - 61 * NS_PER_S))
    [closing] = [
        event.order
        for event in desk.handle(TimeAdvanced(from_datetime(ends) - 60 * NS_PER_S))
        if isinstance(event, ApprovedOrder)
    ]
    assert (closing.contract, closing.reason) == ("/MESZ26", "roll")
