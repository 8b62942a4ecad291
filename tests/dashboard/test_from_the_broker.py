"""From a simulated Schwab to the page: what happens in the account shows without a reload."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async

from dashboard.portfolio import portfolio
from engine.model.accounts import Policy
from engine.model.enums import Side
from engine.model.event import Event
from infra import broadcast
from tests.brokers.at_venue import POLICY, book_at
from tests.engine.scenario import slot
from tests.trading.people import book
from tests.trading.runtime.live_stage import MemoryJournal
from trading.journal.writer import DatabaseJournal

pytestmark = pytest.mark.django_db(transaction=True)


class KeptJournal(MemoryJournal):
    """Commits to the database as well, and tells the pages as a trader's process does."""

    def __init__(self) -> None:
        super().__init__()
        self.database = DatabaseJournal(
            book_id=book("live").pk, token=1, on_commit=lambda outputs: broadcast.broadcast_events("live", outputs)
        )

    async def append(self, *, outputs: tuple[Event, ...], state: bytes, inputs: tuple[Any, ...] = (), **_: Any) -> None:
        await super().append(outputs=outputs, state=state, inputs=inputs)
        await self.database.append(outputs=outputs, state=state, cursors={}, bars={})


@pytest.fixture
def journal(db, redis_layer, monkeypatch) -> Iterator[KeptJournal]:
    kept = KeptJournal()
    monkeypatch.setattr("tests.trading.runtime.live_stage.MemoryJournal", lambda: kept)
    yield kept


async def test_positions_at_schwab_move_on_the_page_by_our_orders_and_by_others(journal, connect, user, monkeypatch):
    socket, is_open, _ = await connect("/ws/book/live", user)
    assert is_open

    async def shown(*quantities: str) -> list[Any]:
        def is_met(message: dict[str, Any]) -> bool:
            return message["kind"] == "overview" and tuple(p["quantity"] for p in message["positions"]) == quantities

        return list((await socket.read_until(is_met))["positions"])

    policy = msgspec.structs.replace(POLICY, external_trades=Policy.ADOPT)
    async with book_at("schwab", slot({1: 1}), monkeypatch=monkeypatch, policy=policy) as (stage, there):
        await stage.play([there.price()] * 2)
        [position] = await shown("10")
        assert (position["symbol"], position["broker"]) == ("SPY", "sim")
        there.trade_by_hand(Side.BUY, 5)
        await shown("15")
        there.trade_by_hand(Side.SELL, 15)
        await shown()
    await journal.database.close()
    [account] = (await sync_to_async(portfolio)())["accounts"]
    assert (account["account"], account["state"]) == ("sim", "green")
    assert account["buying_power"] is not None
