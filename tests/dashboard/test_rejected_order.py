"""An order that a venue refuses is an alert, and leaves nothing behind."""

from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync

from dashboard import selectors
from engine.model.enums import Side
from engine.model.event import Event
from engine.model.orders import ApprovedOrder, Order, OrderRejected
from engine.model.time import NS_PER_S
from trading import models
from trading.journal.writer import DatabaseJournal

pytestmark = pytest.mark.django_db(transaction=True)

TS = 1_795_000_000 * NS_PER_S


async def commit(book: models.Book, *outputs: Event) -> None:
    journal = DatabaseJournal(book_id=book.pk, token=1)
    try:
        await journal.append(outputs=outputs, state=b"s", cursors={}, bars={})
    finally:
        await journal.close()


def test_a_rejected_order_is_an_alert_with_its_reason_and_no_position(ledger):
    order = Order("r1-ema-MES-000009", "ema", "/MES", "paper", Side.BUY, Decimal(2), reason="cross up")
    refused = OrderRejected(TS, order.client_id, "not enough buying power")
    async_to_sync(commit)(ledger.book, ApprovedOrder(TS, order), refused)
    shown = selectors.overview(book="paper")
    assert [(row["kind"], row["text"]) for row in shown["alerts"]] == [("rejected", "not enough buying power")]
    assert shown["positions"] == []
    assert shown["orders"] == []
    placed = models.Order.objects.get()
    assert [step["state"] for step in placed.timeline] == ["approved", "rejected"]
    assert not models.Trade.objects.exists()
