import hashlib
from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync
from msgspec.structs import replace

from engine.model.enums import OrderState, OrderType, PositionSide, Side
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.orders import (
    ApprovedOrder,
    Order,
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import Signal, SignalSuppressed
from engine.model.time import NS_PER_S
from infra import codec
from trading import models
from trading.journal.writer import DatabaseJournal, FencedOff, first_broken_link
from trading.runtime.recording import unpack

pytestmark = pytest.mark.django_db(transaction=True)

T0 = 1_795_000_000 * NS_PER_S
BAR = Bar(ts=T0, symbol="/NQ", timeframe="1", ts_open=T0 - 60, open=1.0, high=2.0, low=0.5, close=1.5, volume=3.0)
BARS = {"ema|/NQ": BAR, "fill|f1": Bar(T0, "/NQ", "1", T0 - 60, 1.0, 2.0, 0.5, 1.75, 3.0, is_complete=False)}
SIGNAL = Signal(ts=T0, strategy="ema", symbol="/NQ", timeframe="1", target=1, reason="cross up", evidence={"fast": 2.0})


def order(number: int = 1, *, side: Side = Side.BUY, quantity: str = "2") -> Order:
    return Order(
        client_id=f"paper1-ema-NQ-{number:06d}", strategy="ema", symbol="/NQ", broker="paper", side=side,
        quantity=Decimal(quantity), reason="cross up", bar_ts=T0,
    )  # fmt: skip


def fill(number: int, quantity: str, price: str, *, order_number: int = 1, side: Side = Side.BUY) -> OrderFilled:
    return OrderFilled(
        ts=T0 + number, client_id=order(order_number).client_id, fill_id=f"f{number}", strategy="ema", symbol="/NQ",
        broker="paper", side=side, quantity=Decimal(quantity), price=Decimal(price), fee=Decimal("1.25"),
    )  # fmt: skip


@pytest.fixture
def book() -> models.Book:
    return models.Book.objects.create(name="paper")


async def commit(book: models.Book, *outputs: Event, token: int = 1, state: bytes = b"s") -> None:
    journal = DatabaseJournal(book_id=book.pk, token=token)
    try:
        await journal.append(outputs=outputs, state=state, cursors={"bars_stream:/NQ:1": "7-0"}, bars=BARS)
    finally:
        await journal.close()


async def test_an_order_its_fills_and_its_position_become_rows(book):
    position = PositionChanged(
        ts=T0, strategy="ema", symbol="/NQ", broker="paper", quantity=Decimal(2), average_price=Decimal("100.5"),
        realized_pnl=Decimal(0), fees=Decimal("2.5"),
    )  # fmt: skip
    await commit(
        book,
        ApprovedOrder(ts=T0, order=order()),
        OrderAccepted(ts=T0, client_id=order().client_id, venue_id="v1"),
        fill(1, "1", "100"),
        fill(2, "1", "101"),
        position,
    )
    row = await models.Order.objects.aget()
    assert (row.state, row.filled_quantity, row.average_price) == (
        OrderState.FILLED.value,
        Decimal(2),
        Decimal("100.5"),
    )
    assert [step["state"] for step in row.timeline] == ["approved", "accepted", "partially_filled", "filled"]
    assert row.bar is not None
    assert row.bar["close"] == 1.5
    assert (await models.Position.objects.aget()).quantity == 2
    bars = [each.bar async for each in models.Fill.objects.order_by("id")]
    assert [bar and (bar["close"], bar["is_complete"]) for bar in bars] == [(1.75, False), None]


async def test_a_stop_that_was_moved_says_where_it_is_and_how_it_came_there(book):
    stop = replace(order(), type=OrderType.STOP, stop_price=Decimal(95))
    name, moved = stop.client_id, Decimal(100)
    await commit(
        book,
        ApprovedOrder(T0, stop),
        OrderAccepted(T0, name, "v1"),
        StopMoveRequested(T0, name, "paper", "/NQ", moved, "the stop moves to the entry price"),
        StopMoved(T0, name, "v2", moved),
        StopMoveRequested(T0, name, "paper", "/NQ", Decimal(105), "it follows the price"),
        StopMoveRefused(T0, name, "not now"),
    )
    row = await models.Order.objects.aget()
    assert (row.stop_price, row.venue_id, row.state) == (moved, "v2", "accepted")
    assert [(step["state"], step.get("reason", "")) for step in row.timeline[2:]] == [
        ("stop to 100 requested", "the stop moves to the entry price"),
        ("stop at 100", ""),
        ("stop to 105 requested", "it follows the price"),
        ("stop not moved", "not now"),
    ]


async def test_a_fill_told_twice_counts_once(book):
    await commit(book, ApprovedOrder(ts=T0, order=order()), fill(1, "1", "100"), fill(1, "1", "100"))
    assert (await models.Order.objects.aget()).filled_quantity == 1
    assert await models.Fill.objects.acount() == 1


async def test_a_closed_trade_keeps_both_orders_and_their_bars(book):
    trade = TradeClosed(
        ts=T0, trade_id="t1", strategy="ema", symbol="/NQ", broker="paper", side=PositionSide.LONG, quantity=Decimal(2),
        entry_ts=T0, entry_price=Decimal(100), exit_ts=T0 + 5, exit_price=Decimal(101), pnl=Decimal("37.5"),
        fees=Decimal("2.5"), entry_order=order(1).client_id, exit_order=order(2).client_id, entry_reason="cross up",
        exit_reason="cross down",
    )  # fmt: skip
    approved = [ApprovedOrder(ts=T0, order=order(1)), ApprovedOrder(ts=T0, order=order(2, side=Side.SELL))]
    await commit(book, *approved, trade)
    row = await models.Trade.objects.select_related("entry_order", "exit_order").aget()
    assert row.entry_order is not None
    assert row.exit_order is not None
    assert (row.entry_order.client_id, row.exit_order.side) == (order(1).client_id, "sell")
    assert row.exit_bar is not None
    assert (row.pnl, row.mode) == (Decimal("37.5"), "paper")


async def test_every_wish_that_was_not_followed_says_why(book):
    await commit(
        book,
        SIGNAL,
        SignalSuppressed(ts=T0, signal=SIGNAL, rule="one_trade_per_bar", reason="this bar has traded already"),
        OrderDenied(
            ts=T0, order=order(), rule="max_quantity", value="2", limit="1", reason="2 is above the limit of 1"
        ),
    )
    rows = [(row.kind, row.rule, row.reason) async for row in models.Decision.objects.order_by("id")]
    assert rows == [
        ("signal", "", "cross up"),
        ("suppressed", "one_trade_per_bar", "this bar has traded already"),
        ("denied", "max_quantity", "2 is above the limit of 1"),
    ]
    assert await models.Order.objects.acount() == 0


async def test_a_batch_is_written_whole_or_not_at_all(book):
    strange = fill(1, "1", "100", order_number=99)
    with pytest.raises(Exception, match="never approved"):
        await commit(book, ApprovedOrder(ts=T0, order=order()), strange)
    assert await models.Order.objects.acount() == 0
    assert await models.JournalEvent.objects.acount() == 0
    assert await models.EngineState.objects.acount() == 0


async def test_an_old_owner_is_refused_and_writes_nothing(book):
    await commit(book, SIGNAL, token=5, state=b"new")
    with pytest.raises(FencedOff, match="5"):
        await commit(book, ApprovedOrder(ts=T0, order=order()), token=4, state=b"old")
    assert await models.Order.objects.acount() == 0
    assert bytes((await models.EngineState.objects.aget()).data) == b"new"


async def test_state_and_cursors_are_saved_with_the_outputs(book):
    await commit(book, SIGNAL, state=b"abc")
    saved = await models.EngineState.objects.aget()
    assert (bytes(saved.data), saved.cursors, saved.fencing_token) == (b"abc", {"bars_stream:/NQ:1": "7-0"}, 1)


def test_a_changed_journal_entry_breaks_the_chain(book):
    for _ in range(3):
        async_to_sync(commit)(book, SIGNAL, ApprovedOrder(ts=T0, order=order(models.Order.objects.count() + 1)))
    assert first_broken_link(book.pk) is None
    row = models.JournalEvent.objects.get(number=3)
    row.payload = {**row.payload, "reason": "forged"}
    row.save()
    assert first_broken_link(book.pk) == 3


def test_the_chain_holds_whatever_the_database_makes_of_json(book):
    """PostgreSQL keeps keys in another order, no sign of -0.0 and no exponent: this runs there too."""
    evidence = {"slow_line": 2.5, "fast": 1e22, "b": -0.0, "a": 1e-7, "gap": float(2**60)}
    request = {"path": "/orders", "body": {"quantity": "2", "id": "x", "price": 1.10}, "method": "POST", "a": True}
    sent = OrderSubmitted(ts=T0, client_id=order().client_id, request=request)
    signal = replace(SIGNAL, evidence=evidence)
    async_to_sync(commit)(book, signal, ApprovedOrder(ts=T0, order=order()), sent)
    assert first_broken_link(book.pk) is None
    row = models.JournalEvent.objects.get(number=3)
    row.payload = {**row.payload, "request": {**request, "a": 1}}
    row.save()
    assert first_broken_link(book.pk) == 3


def test_a_chain_that_was_made_of_events_as_they_stood_is_still_read(book):
    async_to_sync(commit)(book, SIGNAL)
    row = models.JournalEvent.objects.get()
    row.digest = hashlib.sha256(("0" * 64).encode() + codec.encode(SIGNAL)).hexdigest()
    row.save()
    assert first_broken_link(book.pk) is None
    async_to_sync(commit)(book, SIGNAL)
    assert first_broken_link(book.pk) is None


async def test_inputs_are_kept_with_the_entries_that_follow_from_them(book):
    journal = DatabaseJournal(book_id=book.pk, token=4)
    approved = ApprovedOrder(ts=T0, order=order())
    try:
        await journal.append(outputs=(), state=b"s", cursors={}, bars={}, inputs=(BAR, BAR))
        await journal.append(outputs=(SIGNAL, approved), state=b"s", cursors={}, bars={}, inputs=(BAR,))
        await journal.append(outputs=(), state=b"s", cursors={"bars_stream:/NQ:1": "8-0"}, bars={})
    finally:
        await journal.close()
    rows = [row async for row in models.RecordedInputs.objects.order_by("number")]
    assert [(row.number, row.count, row.first_output, row.last_output) for row in rows] == [(1, 2, 1, 0), (2, 1, 1, 2)]
    assert unpack(bytes(rows[0].data)) == [BAR, BAR]
    again = DatabaseJournal(book_id=book.pk, token=5)
    await again.append(outputs=(), state=b"s", cursors={}, bars={}, inputs=(BAR,))
    await again.close()
    assert await models.RecordedInputs.objects.filter(number=3, fencing_token=5).acount() == 1


async def test_inputs_of_an_old_owner_are_not_kept(book):
    await commit(book, SIGNAL, token=7)
    old = DatabaseJournal(book_id=book.pk, token=6)
    with pytest.raises(FencedOff):
        await old.append(outputs=(), state=b"s", cursors={}, bars={}, inputs=(BAR,))
    await old.close()
    assert not await models.RecordedInputs.objects.filter(fencing_token=6).aexists()
