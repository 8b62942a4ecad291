"""One account at Interactive Brokers, as our gateway sees an account."""

import time
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

from ib_async.contract import Contract
from ib_async.order import Order as IbOrder

from brokers.asking import Questions, check_settled
from brokers.futures import BookedFutures
from brokers.ibkr.auth import address_of
from brokers.ibkr.client import Client
from brokers.ibkr.documents import OrderDoc
from brokers.ibkr.features import FEATURES
from brokers.ibkr.ledger import Ledger
from brokers.ibkr.line import Line
from brokers.ibkr.stream import Stream
from brokers.ibkr.translate import (
    balances,
    change_request,
    ended_order,
    pair_request,
    place_request,
    position,
    refused_order,
    venue_fill,
    venue_order,
)
from brokers.venue import (
    AccountUpdate,
    Balances,
    OrderRefused,
    OutcomeUnknown,
    Venue,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueRequest,
    VenueSetup,
)
from engine.instruments.instrument import Instrument
from engine.instruments.rolls import futures_day
from engine.instruments.sessions import NEW_YORK
from engine.model.orders import Order
from engine.model.time import from_datetime, to_datetime


class IbkrVenue(Questions):
    """`options`: `gateway`, `host`, `port` and `client_id` (see `auth`), `contracts` (futures that the books trade by
    their own name), `timeout_s`, `heartbeat_s`, `settle_s`: how long after it was sent an order may still be on its way
    into the lists, and `emergency`: orders of other programs are cancelled, too, all of them at once."""

    features = FEATURES

    def __init__(self, setup: VenueSetup) -> None:
        options = setup.options
        self._is_emergency = bool(options.get("emergency", False))
        self._futures = BookedFutures(options.get("contracts", ()))
        self._settle_s = float(options.get("settle_s", 2.0))
        self._stream = Stream(self._order, self._fills_of)
        self._client = Client(
            address_of(options, is_emergency=self._is_emergency),
            setup.account_number,
            self,
            timeout_s=float(options.get("timeout_s", 10.0)),
            heartbeat_s=float(options.get("heartbeat_s", 15.0)),
        )

    async def open(self) -> None:
        """The gateway is there, and the account is one of its."""
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    # ---- instructions --------------------------------------------------------------------------------------

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        return place_request(order, instrument, account=self._client.account, futures=self._futures, day=_today())

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        request = self.request_for(order, instrument)
        line = await self._client.line_soon()
        return await self._sent(line, request.body["order"], request)

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return pair_request(stop, target, instrument, account=self._client.account, futures=self._futures, day=_today())

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        """Two messages: the target follows when the venue has the stop. One that does not get there is told as rejected
        while its stop works; whether it did is asked where nobody knows."""
        request = self.request_for_pair(stop, target, instrument)
        line = await self._client.line_soon()
        first, second = request.body["orders"]
        guarding = await self._sent(line, first, request, is_at_venue=True)
        if guarding.state.is_final or guarding.filled_quantity:
            return guarding, refused_order(target, f"its stop is {guarding.state} already")
        try:
            return guarding, await self._sent(line, second, request)
        except OrderRefused as error:
            return guarding, refused_order(target, error.detail, code=error.venue_code)

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        """The same message under the number of the working order, which keeps its name here and there."""
        request = self.request_for(order, instrument)
        line, doc = await self._own(working)
        change = change_request(request, doc)
        contract, terms = Contract(**change.body["contract"]), IbOrder(**change.body["order"])
        return self._order(line, await line.errands.change(doc, contract, terms))

    async def cancel(self, working: VenueOrder) -> None:
        """An order of another program can only be cancelled together with all others, and is so in an emergency."""
        try:
            line, doc = await self._own(working)
        except OrderRefused:
            if not self._is_emergency:
                raise
            self._client.line().errands.cancel_everything()
            return
        await line.errands.cancel(doc)

    # ---- the stream ----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        self._client.keep()
        async for update in self._stream.updates():
            yield update

    def order_told(self, line: Line, perm_id: int) -> None:
        self._stream.changed(line, perm_id)

    def cut_off(self, line: Line, reason: str) -> None:
        """The gateway lost the venue behind it, or has it again."""
        if reason:
            self._stream.lost(reason)
        else:
            self._stream.restored()

    def restored(self) -> None:
        self._stream.restored()

    def lost(self, reason: str) -> None:
        self._stream.lost(reason)

    # ---- helpers -------------------------------------------------------------------------------------------

    async def _sent(
        self, line: Line, terms: dict[str, Any], request: VenueRequest, *, is_at_venue: bool = False
    ) -> VenueOrder:
        """A new order in the contract of `request`, as the gateway has it first, or the venue."""
        contract = Contract(**request.body["contract"])
        return self._order(line, await line.errands.place(contract, IbOrder(**terms), is_at_venue=is_at_venue))

    async def _found(self, order: Order, since: int) -> VenueOrder | None:
        line = self._client.line()
        ledger = await line.look()
        mine = [doc for doc in ledger.orders.values() if doc.order_ref == order.client_id]
        if mine:
            return self._order(line, max(mine, key=lambda doc: doc.perm_id))
        is_old = self._client.clock.theirs(since) < _start_of_day(self._client.clock.now())
        fills = [fill for fill in self._fills(ledger) if fill.client_id == order.client_id]
        if fills:
            return ended_order(order, fills, is_over=is_old)
        check_settled(since, settle_s=self._settle_s)
        return None  # of an earlier day: it does not work, and what it filled shows in the positions

    async def _changed(self, since: int) -> tuple[VenueOrder, ...]:
        line = self._client.line()
        ledger = await line.look()
        found = [self._order(line, doc) for doc in ledger.orders.values()]
        start = self._client.clock.theirs(since)
        # One whose end has no time is told: better once too often.
        return tuple(each for each in found if not each.state.is_final or not 0 < each.updated_ts < start)

    async def _executed(self, since: int) -> tuple[VenueFill, ...]:
        ledger = await self._client.line().look_at_executions()
        start = self._client.clock.theirs(since)
        return tuple(fill for fill in self._fills(ledger) if fill.ts >= start)

    async def _held(self) -> tuple[VenuePosition, ...]:
        docs = await self._client.line().positions()
        found = [position(doc, futures=self._futures, day=_today()) for doc in docs]
        return tuple(each for each in found if each is not None)

    async def _money(self) -> Balances:
        return balances(await self._client.line().summary())

    async def _own(self, working: VenueOrder) -> tuple[Line, OrderDoc]:
        """The order under the number that this program gave it; after a reconnect the lists tell it."""
        line = await self._client.line_soon()
        doc = line.find_own(int(working.venue_id))
        if doc is None:
            try:
                await line.look()
            except OutcomeUnknown as error:  # nothing was asked for yet
                raise OrderRefused(f"the order could not be looked up: {error.detail}") from error
            doc = line.find_own(int(working.venue_id))
        if doc is None:
            raise OrderRefused(
                f"order {working.venue_id} was placed by another program or by hand, or it is over", venue_code="10147"
            )
        return line, doc

    def _order(self, line: Line, doc: OrderDoc) -> VenueOrder:
        fills = self._fills_of(line, doc.perm_id)
        return venue_order(doc, fills, futures=self._futures, day=_today())

    def _fills_of(self, line: Line, perm_id: int) -> list[VenueFill]:
        return self._rendered(line.ledger, line.ledger.of_order(perm_id))

    def _fills(self, ledger: Ledger) -> list[VenueFill]:
        return self._rendered(ledger, ledger.executions.values())

    def _rendered(self, ledger: Ledger, executions: Any) -> list[VenueFill]:
        return [
            venue_fill(each, ledger.fees[each.execution_id], futures=self._futures, day=_today())
            for each in executions
            if each.execution_id in ledger.fees
        ]


def _today() -> date:
    """The trading day: what decides which contract is the active one."""
    return futures_day(time.time_ns())


def _start_of_day(now: int) -> int:
    """Midnight in New York, UTC ns: what ended before it is not listed any more."""
    local = to_datetime(now).astimezone(NEW_YORK)
    return from_datetime(datetime(local.year, local.month, local.day, tzinfo=NEW_YORK))


def make(setup: VenueSetup) -> Venue:
    """The adapter for one account."""
    return IbkrVenue(setup)
