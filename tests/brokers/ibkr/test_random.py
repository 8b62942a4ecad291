"""Whatever is asked for and whatever breaks: in the end the adapter and the venue tell the same story."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal as D
from typing import Any

import pytest

from brokers.venue import OrderRefused, OutcomeUnknown, VenueOrder
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderState, Side
from engine.model.orders import Order
from simulators.brokerage.orders import State
from simulators.ibkr.book import Standing
from tests.contracts.venues import ibkr
from tests.contracts.venues.base import Desk, ask_until_known, at_desk, changed
from tests.waiting import DEADLINE_S

SPY = instrument_for("SPY")
STEPS = 20
LINE_FAULTS = ("drop_answer", "drop_request", "server_error", "server_error_after", "late_answer")
NEWS_FAULTS = ("late_events", "duplicate_events", "reorder_events", "duplicate_fill", "partial_fills")
STATES = {
    State.RECEIVED: {OrderState.ACCEPTED},
    State.WORKING: {OrderState.WORKING, OrderState.PARTIALLY_FILLED},
    State.FILLED: {OrderState.FILLED},
    State.CANCELLED: {OrderState.CANCELLED},
    State.REJECTED: {OrderState.REJECTED},
}


class Person:
    """Trades at random; what it asked for may have happened or not."""

    def __init__(self, desk: Desk, rng: random.Random) -> None:
        self.desk = desk
        self.rng = rng
        self.orders: dict[str, Order] = {}

    async def step(self) -> None:
        act: Any = self.rng.choice((self._place, self._place_far, self._replace, self._cancel, self._by_hand))
        with suppress(OrderRefused, OutcomeUnknown):
            await act()

    async def _place(self) -> None:
        side = self.rng.choice((Side.BUY, Side.SELL))
        await self._send(self.desk.order(side, self.rng.randint(1, 4)))

    async def _place_far(self) -> None:
        await self._send(self.desk.far_order(quantity=self.rng.randint(1, 4)))

    async def _send(self, order: Order) -> None:
        self.orders[order.client_id] = order
        await self.desk.place(order)

    async def _working(self) -> VenueOrder | None:
        told = await ask_until_known(lambda: self.desk.venue.orders(since=time.time_ns()))
        return next((each for each in told if not each.state.is_final and each.limit_price), None)

    async def _replace(self) -> None:
        working = await self._working()
        if working is not None:
            price = self.desk.price("SPY", D("0.8")) - self.rng.randint(1, 40)
            wanted = changed(self.orders[working.client_id], limit_price=price, quantity=D(self.rng.randint(1, 4)))
            await self.desk.venue.replace(working, wanted, SPY)

    async def _cancel(self) -> None:
        working = await self._working()
        if working is not None:
            await self.desk.venue.cancel(working)

    async def _by_hand(self) -> None:
        self.desk.trade_by_hand("SPY", Side.BUY, self.rng.randint(1, 3))


def truth(desk: Desk) -> list[Standing]:
    simulated = desk.simulated
    assert isinstance(simulated, ibkr.Running)
    return simulated.simulator.gateway.answers.book.standings(simulated.account)


def differences(told: list[VenueOrder], standings: list[Standing]) -> list[str]:
    """Where the adapter's list and the venue's book do not say the same."""
    ours = {each.venue_id: each for each in told}
    found = [f"{key} is not there" for key in ours.keys() - {str(each.entry.perm_id) for each in standings}]
    for each in standings:
        order = ours.get(str(each.entry.perm_id))
        if order is None:
            found.append(f"{each.entry.perm_id} is not told")
            continue
        is_alike = (
            order.state in STATES[each.order.state]
            and (order.quantity, order.filled_quantity) == (each.quantity, each.filled)
            and order.limit_price == each.order.ticket.limit_price
            and order.client_id == each.order.ticket.tag
        )
        if not is_alike:
            found.append(f"{order} is told for {each}")
    return found


@pytest.mark.parametrize("seed", [7])
async def test_in_the_end_both_tell_the_same_story(seed):
    async with at_desk(ibkr.ENTRY, timeout_s=0.5) as desk:
        await desk.watch()
        rng = random.Random(seed)
        person = Person(desk, rng)
        for name in LINE_FAULTS:
            desk.fault(name, share=0.1, actions=("place", "replace", "cancel"), delay_s=0.2)
        for name in NEWS_FAULTS:
            desk.fault(name, share=0.3, delay_s=0.1)
        desk.fault("cut_stream", after_s=0.5 + rng.random(), for_s=0.2)
        for _ in range(STEPS):
            await person.step()
        desk.simulated.order_faults.clear()

        executions = desk.simulated.brokerage.executions
        told: list[VenueOrder] = []
        deadline = time.monotonic() + DEADLINE_S
        while True:
            told = list(await ask_until_known(lambda: desk.venue.orders(since=0)))
            left = differences(told, truth(desk))
            if not left and all(each.order.state is not State.RECEIVED for each in truth(desk)):
                break
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.05)
        fills = await ask_until_known(lambda: desk.venue.fills(since=0))
        real = Counter((each.quantity, each.price) for each in executions(desk.simulated.account))
        assert Counter((fill.quantity, fill.price) for fill in fills) == real
        assert len({fill.fill_id for fill in fills}) == len(fills)
        assert {fill.fill_id for fill in desk.fills} <= {fill.fill_id for fill in fills}
        sent = Counter(each.client_id for each in told if each.client_id)
        assert sent.keys() <= person.orders.keys()
        assert set(sent.values()) <= {1}, "an order was sent twice"
