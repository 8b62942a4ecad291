"""One Alpaca account, as our gateway sees an account."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from brokers.alpaca.auth import keys_of, stream_url
from brokers.alpaca.client import Client, NotThere
from brokers.alpaca.features import FEATURES
from brokers.alpaca.names import number_in_pair, our_name, replacement_name
from brokers.alpaca.stream import AccountStream
from brokers.alpaca.translate import (
    ORDERS,
    OrderDoc,
    account,
    balances,
    event_doc,
    fill_of_activity,
    fill_of_event,
    is_failed_replacement,
    is_superseded,
    order_doc,
    pair_request,
    place_request,
    position,
    replace_request,
    venue_order,
)
from brokers.asking import NO_ANSWER, Questions, ToldFills, check_settled
from brokers.venue import (
    AccountUpdate,
    Balances,
    FillReported,
    NotAuthorized,
    NotUnderstood,
    OrderRefused,
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
from engine.model.enums import OrderType
from engine.model.orders import Order
from engine.model.time import NS_PER_DAY, iso

logger = logging.getLogger(__name__)

_PAGE, _FILL_PAGE, _MAX_PAGES = 500, 100, 50
_MAX_CHAIN = 20  # replacements of one order


class AlpacaVenue(Questions):
    """`options`: `key` and `secret`, `timeout_s`, `heartbeat_s`, and `settle_s`: how long after it was sent an order
    may still be on its way to the venue's lists."""

    features = FEATURES

    def __init__(self, setup: VenueSetup) -> None:
        options = setup.options
        self._account = setup.account_number
        self._keys = keys_of(options)
        self._client = Client(setup.api_url, self._keys, timeout_s=float(options.get("timeout_s", 10.0)))
        self._stream_url = setup.stream_url or stream_url(setup.api_url)
        self._settle_s = float(options.get("settle_s", 2.0))
        self._heartbeat_s = float(options.get("heartbeat_s", 15.0))
        self._told = ToldFills()

    async def open(self) -> None:
        """The key works, and it is this account's."""
        self._keys.check()
        found = await self._show_account()
        if self._account not in ("", found.account_number):
            raise NotAuthorized(
                f"account_number: {found.account_number} was expected for this key, found {self._account!r}",
                field="account_number",
            )
        self._account = found.account_number
        if found.trading_blocked or found.account_blocked:
            logger.warning("Alpaca says that account %s may not trade (%s)", found.account_number, found.status)

    async def close(self) -> None:
        await self._client.close()

    # ---- instructions --------------------------------------------------------------------------------------

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        return place_request(order, instrument)

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        return venue_order(await self._instruct(self.request_for(order, instrument), f"placing {order.client_id}"))

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return pair_request(stop, target, instrument)

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        what = f"placing {stop.client_id} and {target.client_id}"
        doc = await self._instruct(self.request_for_pair(stop, target, instrument), what)
        leg = _leg(doc, stop.client_id)
        if leg is None:
            raise OutcomeUnknown(f"{what}: the answer does not tell both of them")
        return _as_ours(leg, stop), venue_order(doc)

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        """The venue makes a new order with a new name of its own; `find` follows the chain to it."""
        present = await self._read_order(working.venue_id)
        name = replacement_name(present.client_order_id if our_name(present.client_order_id) else order.client_id)
        request = replace_request(working, order, instrument, name=name)
        return venue_order(await self._instruct(request, f"replacing {working.venue_id}"))

    async def cancel(self, working: VenueOrder) -> None:
        try:
            await self._client.call("DELETE", f"{ORDERS}/{working.venue_id}")
        except NotThere as error:
            raise OrderRefused(error.detail, venue_code="404") from error

    # ---- the stream ----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        stream = AccountStream(self._stream_url, self._keys, heartbeat_s=self._heartbeat_s)
        async for message in stream.messages():
            if isinstance(message, StreamRestored | StreamLost):
                yield message
                continue
            for update in await self._news(message):
                yield update

    async def _news(self, document: Any) -> list[AccountUpdate]:
        """What a message tells. Where an order took another one's place, the venue is asked which of them counts; where
        it does not say, the execution is told all the same."""
        news: list[AccountUpdate] = []
        try:
            doc = event_doc(document)
            fill = fill_of_event(doc)
            if fill is not None and self._told.is_new(fill):
                news.append(FillReported(fill))
            is_settled = not (is_superseded(doc.order) or is_failed_replacement(doc.order))
            truth = doc.order if is_settled else await self._truth(await self._read_order(doc.order.id))
            news.append(OrderReported(venue_order(truth)))
        except NO_ANSWER as error:
            logger.warning("a message of the account stream is left to polling: %s", error.detail)
        return news

    # ---- questions -------------------------------------------------------------------------------------------

    async def _found(self, order: Order, since: int) -> VenueOrder | None:
        doc = await self._named(order.client_id)
        if doc is None and order.group:
            doc = await self._in_pair(order.client_id, since)
        if doc is None:
            check_settled(since, settle_s=self._settle_s)
            return None
        return _as_ours(await self._truth(doc), order)

    async def _changed(self, since: int) -> tuple[VenueOrder, ...]:
        docs = await self._listed(since)
        found = [venue_order(doc) for doc in docs.values() if not self._is_hidden(doc, docs)]
        start = self._client.clock.theirs(since)
        return tuple(each for each in found if not each.state.is_final or each.updated_ts >= start)

    async def _executed(self, since: int) -> tuple[VenueFill, ...]:
        activities = await self._activities(self._client.clock.theirs(since))
        names = await self._names_of(activities, since)
        return tuple(fill_of_activity(each, names=names) for each in activities)

    async def _held(self) -> tuple[VenuePosition, ...]:
        found = [position(each) for each in await self._list("/v2/positions")]
        return tuple(each for each in found if each is not None)

    async def _money(self) -> Balances:
        return balances(await self._client.call("GET", "/v2/account"))

    async def _instruct(self, request: VenueRequest, what: str) -> OrderDoc:
        """The order that came of it, and is understood."""
        try:
            document = await self._client.call(request.method, request.path, body=request.body)
            doc = order_doc(document)
            venue_order(doc)
            return doc
        except NotThere as error:
            raise OrderRefused(error.detail, venue_code="404") from error
        except NotUnderstood as error:
            raise OutcomeUnknown(f"{what}: the answer is not understood ({error.detail})") from error

    async def _show_account(self) -> Any:
        try:
            return account(await self._client.call("GET", "/v2/account"))
        except NotUnderstood as error:
            raise OutcomeUnknown(f"the account: {error.detail}") from error

    async def _named(self, client_id: str) -> OrderDoc | None:
        """The order that carries our name; None where the venue says that there is none."""
        params = {"client_order_id": client_id}
        try:
            return order_doc(await self._client.call("GET", f"{ORDERS}:by_client_order_id", params=params))
        except NotThere:
            return None

    async def _in_pair(self, client_id: str, since: int) -> OrderDoc | None:
        """Our order where it is one of a pair, which has one name for both."""
        after = iso(self._client.clock.theirs(since))
        docs = await self._pages({"status": "all", "after": after, "nested": "true"})
        return next((leg for doc in docs if (leg := _leg(doc, client_id)) is not None), None)

    async def _truth(self, doc: OrderDoc) -> OrderDoc:
        """Of this order and those that took its place, the one that tells where our order is."""
        if is_failed_replacement(doc) and doc.replaces is not None:
            doc = await self._read_order(doc.replaces)
        for _ in range(_MAX_CHAIN):
            if not is_superseded(doc) or doc.replaced_by is None:
                return doc
            following = await self._read_order(doc.replaced_by)
            if is_failed_replacement(following):
                return doc
            doc = following
        raise NotUnderstood(f"order {doc.id}: more than {_MAX_CHAIN} replacements")

    @staticmethod
    def _is_hidden(doc: OrderDoc, docs: dict[str, OrderDoc]) -> bool:
        """Another one of the list counts in its stead."""
        following = docs.get(doc.replaced_by or "")
        if is_superseded(doc) and not (following is not None and is_failed_replacement(following)):
            return True
        return is_failed_replacement(doc)

    async def _listed(self, since: int, activities: list[Any] | None = None) -> dict[str, OrderDoc]:
        """Every order that is open or may have ended since, by id: those that are open however old, those sent from a
        day before on, and older ones that traded (`activities`, if they were read already)."""
        start = self._client.clock.theirs(since)
        traded = await self._activities(start) if activities is None else activities
        recent = await self._pages({"status": "all", "after": iso(max(start - NS_PER_DAY, 0))})
        found = {doc.id: doc for doc in [*await self._pages({"status": "open"}), *recent]}
        for name in {str(each["order_id"]) for each in traded} - found.keys():
            found[name] = await self._read_order(name)
        return found

    async def _pages(self, query: dict[str, str]) -> list[OrderDoc]:
        """Newest first; the next page ends where the last one began."""
        found: dict[str, OrderDoc] = {}
        until: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            items = await self._list(ORDERS, {**query, **until, "limit": _PAGE, "direction": "desc"})
            page = [order_doc(item) for item in items]
            found.update((doc.id, doc) for doc in page)
            if len(page) < _PAGE:
                return list(found.values())
            until = {"until": str(items[-1]["submitted_at"])}
        raise NotUnderstood(f"GET {ORDERS}: the list did not end after {_MAX_PAGES} pages")

    async def _activities(self, start: int) -> list[Any]:
        """Executions after `start` by the venue's clock, oldest first."""
        found: list[Any] = []
        token: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            query = {"after": iso(max(start, 0)), "direction": "asc", "page_size": _FILL_PAGE, **token}
            page = await self._list("/v2/account/activities/FILL", query)
            found += page
            if len(page) < _FILL_PAGE:
                return found
            token = {"page_token": str(page[-1]["id"])}
        raise NotUnderstood(f"GET activities: the list did not end after {_MAX_PAGES} pages")

    async def _names_of(self, activities: list[Any], since: int) -> dict[str, str]:
        """Our names of the orders that traded; activities do not tell them."""
        docs = await self._listed(since, activities) if activities else {}
        traded = {str(each["order_id"]) for each in activities}
        return {name: venue_order(docs[name]).client_id for name in traded if name in docs}

    async def _list(self, path: str, params: Any = None) -> list[Any]:
        found = await self._client.call("GET", path, params=params)
        if not isinstance(found, list):
            raise NotUnderstood(f"GET {path}: a list was expected, found {type(found).__name__}")
        return found

    async def _read_order(self, name: str) -> OrderDoc:
        return order_doc(await self._client.call("GET", f"{ORDERS}/{name}"))


def _leg(doc: OrderDoc, client_id: str) -> OrderDoc | None:
    """The order that we call so, if `doc` is a pair of ours that has it."""
    number = number_in_pair(doc.client_order_id, client_id)
    if number is None:
        return None
    return doc if number == 0 else next((leg for leg in doc.legs or () if leg.type is OrderType.STOP), None)


def _as_ours(doc: OrderDoc, order: Order) -> VenueOrder:
    """Under our name; Alpaca gives the stop of a pair one of its own."""
    return msgspec.structs.replace(venue_order(doc), client_id=order.client_id)


def make(setup: VenueSetup) -> Venue:
    """The adapter for one account."""
    return AlpacaVenue(setup)
