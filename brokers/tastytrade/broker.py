"""One tastytrade account, as our gateway sees an account."""

import logging
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from brokers.asking import NO_ANSWER, Questions, ToldFills, check_settled
from brokers.tastytrade.client import Client
from brokers.tastytrade.documents import OrderDoc
from brokers.tastytrade.features import FEATURES
from brokers.tastytrade.names import Names
from brokers.tastytrade.stream import AccountStream
from brokers.tastytrade.translate import (
    OPEN_STATUSES,
    balances,
    charged_unit_fees,
    expected_unit_fee,
    order_doc,
    pair_request,
    place_request,
    position,
    replace_request,
    truth_of,
    venue_order,
)
from brokers.venue import (
    AccountUpdate,
    Balances,
    FillReported,
    NotAuthorized,
    NotUnderstood,
    OrderReported,
    OutcomeUnknown,
    StreamLost,
    StreamRestored,
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
from engine.model.time import to_datetime

logger = logging.getLogger(__name__)

ZERO = Decimal(0)


class TastytradeVenue(Questions):
    """`options`: `contracts` (futures that the books trade by their own name), `timeout_s`, `heartbeat_s`, and
    `settle_s`: how long after it was sent an order may still be on its way to the venue's lists."""

    features = FEATURES

    def __init__(self, setup: VenueSetup) -> None:
        options = setup.options
        self._setup = setup
        self._account = setup.account_number
        self._client = Client(setup, timeout_s=float(options.get("timeout_s", 10.0)))
        self._names = Names(options.get("contracts", ()))
        self._settle_s = float(options.get("settle_s", 2.0))
        self._heartbeat_s = float(options.get("heartbeat_s", 15.0))
        self._unit_fees: dict[int, Decimal] = {}
        self._told = ToldFills()

    async def open(self) -> None:
        """The login works, and the account is one of its."""
        found = await self._client.items("/customers/me/accounts")
        numbers = [str(item["account"]["account-number"]) for item in found]
        if not self._account and len(numbers) == 1:
            self._account = numbers[0]
        if self._account not in numbers:
            raise NotAuthorized(
                f"account_number: one of {', '.join(numbers) or 'no accounts'} was expected, found {self._account!r}",
                field="account_number",
            )

    async def close(self) -> None:
        await self._client.close()

    # ---- instructions --------------------------------------------------------------------------------------

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        return place_request(order, instrument, account=self._account, names=self._names, day=_trading_day())

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        request = self.request_for(order, instrument)
        data = await self._client.call(request.method, request.path, body=request.body)
        placed = self._placed(data.get("order") if isinstance(data, dict) else None, f"placing {order.client_id}")
        fee = expected_unit_fee(data)
        if fee is not None:
            self._unit_fees[int(placed.venue_id)] = fee
        return placed

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return pair_request(stop, target, instrument, account=self._account, names=self._names, day=_trading_day())

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        request = self.request_for_pair(stop, target, instrument)
        data = await self._client.call(request.method, request.path, body=request.body)
        found = data.get("complex-order") if isinstance(data, dict) else None
        documents = found.get("orders") if isinstance(found, dict) else None
        what = f"placing {stop.client_id} and {target.client_id}"
        legs = {leg.type: leg for leg in (self._placed(document, what) for document in documents or ())}
        if legs.keys() != {stop.type, target.type}:
            raise OutcomeUnknown(f"{what}: the answer does not tell both of them")
        return legs[stop.type], legs[target.type]

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        request = replace_request(working, order, instrument, account=self._account)
        data = await self._client.call(request.method, request.path, body=request.body)
        return self._placed(data, f"replacing {working.venue_id}")

    async def cancel(self, working: VenueOrder) -> None:
        kind, name = ("complex-orders", working.group) if working.group else ("orders", working.venue_id)
        await self._client.call("DELETE", f"/accounts/{self._account}/{kind}/{name}")

    # ---- the stream ----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        stream = AccountStream(self._setup, self._account, heartbeat_s=self._heartbeat_s)
        async for message in stream.messages():
            if isinstance(message, StreamRestored | StreamLost):
                yield message
            elif message.get("type") == "Order":
                for update in await self._news(message.get("data")):
                    yield update

    async def _news(self, document: Any) -> list[AccountUpdate]:
        """What a message tells. Where an order took another one's place, the venue is asked which of them counts; where
        it does not say, the executions are told all the same."""
        news: list[AccountUpdate] = []
        try:
            doc = order_doc(document)
            await self._learn_fees(doc)
            order = self._order(doc)
            news += [FillReported(fill) for fill in order.fills if self._told.is_new(fill)]
            truth = self._order(await self._truth(doc)) if doc.is_part_of_a_chain else order
            news.append(OrderReported(truth))
        except NO_ANSWER as error:
            logger.warning("a message of the account stream is left to polling: %s", error.detail)
        return news

    async def _learn_fees(self, doc: OrderDoc) -> None:
        """What an order costs was told when it was placed; one that an earlier process placed is looked up."""
        if doc.id in self._unit_fees or not doc.external_identifier or not any(leg.fills for leg in doc.legs):
            return
        try:
            self._unit_fees |= charged_unit_fees(await self._trades(_today()))
        except NO_ANSWER as error:
            logger.warning("the fees of order %s are not known: %s", doc.id, error.detail)
        self._unit_fees.setdefault(doc.id, ZERO)

    async def _trades(self, since: date) -> list[Any]:
        params = {"start-date": since.isoformat(), "type": "Trade"}
        return await self._client.items(f"/accounts/{self._account}/transactions", params)

    async def _truth(self, doc: OrderDoc) -> OrderDoc:
        """Of this order and those before and after it, the one that tells where our order is."""
        chain = {doc.id: doc}
        unread = [doc]
        while unread:
            each = unread.pop()
            for neighbour in (each.replacing_order_id, each.replaces_order_id):
                if neighbour and int(neighbour) not in chain:
                    found = await self._read_order(str(neighbour))
                    chain[found.id] = found
                    unread.append(found)
        return truth_of(chain.values()) or doc

    # ---- questions -------------------------------------------------------------------------------------------

    async def _found(self, order: Order, since: int) -> VenueOrder | None:
        docs = await self._listed(since)
        mine = truth_of(doc for doc in docs.values() if doc.external_identifier == order.client_id)
        if mine is None:
            check_settled(since, settle_s=self._settle_s)
            return None
        return self._order(mine)

    async def _changed(self, since: int) -> tuple[VenueOrder, ...]:
        docs = await self._listed(since)
        found = [self._order(doc) for doc in docs.values() if not doc.is_superseded]
        start = self._client.clock.theirs(since)
        return tuple(each for each in found if not each.state.is_final or each.updated_ts >= start)

    async def _executed(self, since: int) -> tuple[VenueFill, ...]:
        docs = await self._listed(since)
        orders = [self._order(doc) for doc in docs.values()]
        start = self._client.clock.theirs(since)
        return tuple(fill for order in orders for fill in order.fills if fill.ts >= start)

    async def _held(self) -> tuple[VenuePosition, ...]:
        items = await self._client.items(f"/accounts/{self._account}/positions")
        found = [position(item, names=self._names, day=_trading_day()) for item in items]
        return tuple(each for each in found if each is not None)

    async def _money(self) -> Balances:
        return balances(await self._client.call("GET", f"/accounts/{self._account}/balances"))

    async def _listed(self, since: int) -> dict[int, OrderDoc]:
        """Every order that is open or may have changed since, by id.

        Two lists and a look at the trades, because none is enough: orders made since, those that are open however
        old, and old ones that traded. The list of today's orders ("live") would do, but the venue forbids asking for
        it again and again.
        """
        base = f"/accounts/{self._account}"
        start = to_datetime(since).astimezone(NEW_YORK).date() - timedelta(days=1)
        documents = [
            *await self._client.items(f"{base}/orders", {"status[]": list(OPEN_STATUSES)}),
            *await self._client.items(f"{base}/orders", {"start-date": start.isoformat()}),
        ]
        found: dict[int, OrderDoc] = {}
        for document in documents:  # the later list was read later
            doc = order_doc(document)
            found[doc.id] = doc
        charged = charged_unit_fees(await self._trades(start))
        self._unit_fees |= charged
        for number in charged:
            if number not in found:
                found[number] = await self._read_order(str(number))
        return found

    async def _read_order(self, name: str) -> OrderDoc:
        return order_doc(await self._client.call("GET", f"/accounts/{self._account}/orders/{name}"))

    def _order(self, doc: OrderDoc) -> VenueOrder:
        return venue_order(doc, names=self._names, day=_trading_day(), unit_fee=self._unit_fees.get(doc.id, ZERO))

    def _placed(self, document: Any, what: str) -> VenueOrder:
        try:
            return self._order(order_doc(document))
        except NotUnderstood as error:
            raise OutcomeUnknown(f"{what}: the answer is not understood ({error.detail})") from error


def _trading_day() -> date:
    """What decides which contract is the active one."""
    return futures_day(time.time_ns())


def _today() -> date:
    """The day in New York."""
    return to_datetime(time.time_ns()).astimezone(NEW_YORK).date()


def make(setup: VenueSetup) -> Venue:
    """The adapter for one account."""
    return TastytradeVenue(setup)
