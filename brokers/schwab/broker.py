"""One Schwab account, as our gateway sees an account.

Schwab keeps no name of ours with an order. What became of one is known by the name that Schwab gave it, and where no
answer told that, by looking for the one recent order that is like it in everything: between two alike it never guesses.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Generic, TypeVar

from brokers.asking import NO_ANSWER, ToldFills, answered, check_settled
from brokers.schwab.chains import SchwabChains
from brokers.schwab.client import SchwabClient
from brokers.schwab.documents import (
    OrderDoc,
    SecuritiesAccountDoc,
    read_account,
    read_account_numbers,
)
from brokers.schwab.features import FEATURES
from brokers.schwab.lists import OrderLists
from brokers.schwab.stream import ActivityStream
from brokers.schwab.translate import (
    PREFIX,
    balances,
    is_open,
    is_superseded,
    looks_like,
    pair_request,
    place_request,
    plain,
    positions,
    replace_request,
    venue_fills,
    venue_order,
)
from brokers.venue import (
    AccountUpdate,
    Answer,
    Balances,
    FillReported,
    Known,
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
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.instruments.sessions import NEW_YORK
from engine.model.enums import OrderState
from engine.model.orders import Order
from engine.model.time import NS_PER_S, to_datetime

T = TypeVar("T")

_WHOLE_NS = NS_PER_S  # Schwab's stamps are whole seconds: what was entered just now may seem earlier
_SPARE_NS = NS_PER_S
_READ_AGAIN_S = 0.2


class SchwabVenue:
    """`options`: `activity` ("stream", or "poll" where a feed of the same login needs the one streamer connection),
    `timeout_s`, and `settle_s`: how long after it was sent an order may still be on its way to the venue's lists."""

    features = FEATURES

    def __init__(self, setup: VenueSetup) -> None:
        options = setup.options
        self._setup = setup
        self._number = setup.account_number
        self._key = ""  # the account's name in paths
        self._client = SchwabClient(
            api_url=setup.api_url,
            access_token=setup.access_token,
            token_refused=setup.token_refused,
            timeout_s=float(options.get("timeout_s", 10.0)),
        )
        self._orders = OrderLists(self._client, f"{PREFIX}/accounts/{self._number}")  # until it is open
        self._settle_s = float(options.get("settle_s", 2.0))
        self._streams = options.get("activity", "stream") == "stream"
        self._names: dict[str, list[str]] = {}  # our order → its names there, the replaced ones first
        # Schwab lets 120 questions a minute through, and one answer holds what two of ours ask for.
        self._spare_orders: _Spare[tuple[int, list[OrderDoc]]] = _Spare()
        self._spare_account: _Spare[SecuritiesAccountDoc] = _Spare()
        self._told = ToldFills()

    async def open(self) -> None:
        """The login works, and the account is one of its."""
        try:
            found = read_account_numbers((await self._client.send("GET", f"{PREFIX}/accounts/accountNumbers")).content)
        except NotUnderstood as error:
            raise OutcomeUnknown(error.detail) from error
        keys = {each.account_number: each.hash_value for each in found}
        if not self._number and len(keys) == 1:
            (self._number,) = keys
        if self._number not in keys:
            raise NotAuthorized(
                f"account_number: one of {', '.join(keys) or 'no accounts'} was expected, found {self._number!r}",
                field="account_number",
            )
        self._key = keys[self._number]
        self._orders = OrderLists(self._client, f"{PREFIX}/accounts/{self._key}")

    async def close(self) -> None:
        await self._client.close()

    @property
    def chains(self) -> SchwabChains:
        """Options by the same login."""
        return SchwabChains(self._client)

    def adopt(self, client_id: str, venue_id: str) -> None:
        """What a predecessor knew: the name that Schwab gave to an order of ours."""
        names = self._names.setdefault(client_id, [])
        if venue_id not in names:
            names.append(venue_id)

    # ---- instructions --------------------------------------------------------------------------------------

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        # Before it is open, as on paper, the number stands where its hash will.
        return place_request(order, instrument, account=self._key or self._number, day=_today())

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        request = self.request_for(order, instrument)
        venue_id = await self._send(request, f"placing {order.client_id}")
        self.adopt(order.client_id, venue_id)
        return _taken(order, venue_id)

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return pair_request(stop, target, instrument, account=self._key or self._number, day=_today())

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        """The answer names the pair; its orders are read."""
        what = f"placing {stop.client_id} and {target.client_id}"
        group = await self._send(self.request_for_pair(stop, target, instrument), what)
        try:
            legs = {leg.type: leg for leg in (venue_order(doc) for doc in await self._orders.of_group(group))}
        except NO_ANSWER as error:
            raise OutcomeUnknown(f"{what}: it was taken as {group}, which cannot be read: {error.detail}") from error
        if legs.keys() != {stop.type, target.type}:
            raise OutcomeUnknown(f"{what}: it was taken as {group}, which does not tell both of them")
        for order in (stop, target):
            self.adopt(order.client_id, legs[order.type].venue_id)
        return legs[stop.type], legs[target.type]

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        request = replace_request(working, order, instrument, account=self._key, day=_today())
        venue_id = await self._send(request, f"replacing {working.venue_id}")
        self.adopt(order.client_id, working.venue_id)
        self.adopt(order.client_id, venue_id)
        return _taken(order, venue_id)

    async def cancel(self, working: VenueOrder) -> None:
        try:
            await self._client.send("DELETE", f"{PREFIX}/accounts/{self._key}/orders/{working.venue_id}")
        except OrderRefused as error:
            raise _in_plain_words(error) from error

    async def _send(self, request: VenueRequest, what: str) -> str:
        """The name that Schwab gave. It answers without a body, and sometimes without the address of the order."""
        try:
            response = await self._client.send(request.method, request.path, body=request.body)
        except OrderRefused as error:
            raise _in_plain_words(error) from error
        name = str(response.headers.get("location", "")).rpartition("/")[2]
        if not name.isdigit():
            raise OutcomeUnknown(f"{what}: it was taken, and the answer does not say under which name")
        return name

    # ---- questions -----------------------------------------------------------------------------------------

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        return await answered(self._found(order, since))

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        ts = time.time_ns()
        return await answered(self._changed(since, ts), ts=ts)

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        ts = time.time_ns()
        spare = self._spare_orders.take(ts)
        if spare is not None and spare[0][0] == since:
            (_, docs), ts = spare
            return Known(self._told_since(docs, since), ts)
        return await answered(self._executed(since))

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        ts = time.time_ns()
        return await answered(self._held(ts), ts=ts)

    async def balances(self) -> Answer[Balances]:
        spare = self._spare_account.take(time.time_ns())
        if spare is not None:
            return Known(balances(spare[0]), spare[1])
        return await answered(self._money())

    # ---- the stream ----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        if not self._streams:
            yield StreamLost("orders are followed by polling, as the account is set up")
            await asyncio.Event().wait()
        stream = ActivityStream(self._setup, self._client, self._number)
        async for news in stream.news():
            if isinstance(news, StreamRestored | StreamLost):
                yield news
                continue
            try:
                for name in news:
                    for update in await self._news(name):
                        yield update
            except NO_ANSWER as error:  # what happened is not known: the line begins anew, and everything is asked
                stream.give_up(f"order {name} was named and cannot be read: {error.detail}")

    async def _news(self, name: str) -> list[AccountUpdate]:
        """What became of an order that the stream named."""
        try:
            doc = await self._orders.read(name)
        except OutcomeUnknown:
            await asyncio.sleep(_READ_AGAIN_S)
            doc = await self._orders.read(name)
        news: list[AccountUpdate] = [FillReported(fill) for fill in venue_fills(doc) if self._told.is_new(fill)]
        return news if is_superseded(doc) else [*news, OrderReported(venue_order(doc))]

    # ---- helpers -------------------------------------------------------------------------------------------

    async def _found(self, order: Order, since: int) -> VenueOrder | None:
        names = self._names.get(order.client_id)
        if names:
            return venue_order(await self._truth(names))
        alike = await self._alike(order, since)
        if len(alike) > 1:
            raise OutcomeUnknown(f"{len(alike)} orders at Schwab look like {order.client_id}; a person must tell")
        if not alike:
            check_settled(since, settle_s=self._settle_s)
            return None
        self.adopt(order.client_id, str(alike[0].order_id))
        return venue_order(alike[0])

    async def _changed(self, since: int, ts: int) -> tuple[VenueOrder, ...]:
        docs = await self._listed(since)
        found = [venue_order(doc) for doc in docs if not is_superseded(doc)]
        self._told_since(docs, since)  # what is kept for the next question must be understood, too
        self._spare_orders.keep((since, docs), ts)
        start = self._client.clock.theirs(since)
        return tuple(each for each in found if not each.state.is_final or each.updated_ts >= start)

    async def _executed(self, since: int) -> tuple[VenueFill, ...]:
        return self._told_since(await self._listed(since), since)

    def _told_since(self, docs: Iterable[OrderDoc], since: int) -> tuple[VenueFill, ...]:
        start = self._client.clock.theirs(since)
        return tuple(fill for doc in docs for fill in venue_fills(doc) if fill.ts >= start)

    async def _held(self, ts: int) -> tuple[VenuePosition, ...]:
        account = await self._account()
        found = positions(account)
        self._spare_account.keep(account, ts)
        return found

    async def _money(self) -> Balances:
        return balances(await self._account())

    async def _truth(self, names: Iterable[str]) -> OrderDoc:
        """Of an order and those that took its place, the one that tells where it is: what was filled; else the last
        that is not replaced; a replacement that failed counts last."""
        docs = [await self._orders.read(name) for name in names]
        return max(enumerate(docs), key=lambda pair: (_rank(pair[1], is_first=pair[0] == 0), pair[0]))[1]

    async def _alike(self, order: Order, since: int) -> list[OrderDoc]:
        """Orders entered since that are like it in everything and not known to be another one of ours."""
        body = place_request(order, instrument_for(order.symbol), account=self._key, day=_today()).body
        taken = {name for names in self._names.values() for name in names}
        docs = await self._orders.entered(self._client.clock.theirs(since) - _WHOLE_NS, now=self._client.clock.now())
        return [doc for doc in docs if str(doc.order_id) not in taken and looks_like(doc, body)]

    async def _listed(self, since: int) -> list[OrderDoc]:
        return await self._orders.since(self._client.clock.theirs(since), now=self._client.clock.now())

    async def _account(self) -> SecuritiesAccountDoc:
        path, params = f"{PREFIX}/accounts/{self._key}", {"fields": "positions"}
        return read_account((await self._client.send("GET", path, params=params)).content)


class _Spare(Generic[T]):
    """The rest of an answer, for the question that is asked right after: given once, and not when it is old."""

    def __init__(self) -> None:
        self._kept: tuple[T, int] | None = None

    def keep(self, value: T, ts: int) -> None:
        self._kept = (value, ts)

    def take(self, now: int) -> tuple[T, int] | None:
        """What was kept and when it was asked for."""
        kept, self._kept = self._kept, None
        return kept if kept is not None and now - kept[1] < _SPARE_NS else None


def _rank(doc: OrderDoc, *, is_first: bool) -> int:
    if doc.status == "FILLED":
        return 3
    if is_open(doc):
        return 2
    return 0 if is_superseded(doc) or (doc.status == "REJECTED" and not is_first) else 1


def _taken(order: Order, venue_id: str) -> VenueOrder:
    """An order as it is when Schwab has just taken it: the answer says its name and nothing else."""
    return VenueOrder(
        venue_id=venue_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        state=OrderState.ACCEPTED,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )


def _in_plain_words(error: OrderRefused) -> OrderRefused:
    """What the venue said in a sentence, in ours; the other kinds of refusal say it already."""
    if type(error) is not OrderRefused:
        return error
    return OrderRefused(plain(error.detail), venue_code=error.venue_code, field=error.field)


def _today() -> date:
    """The day in New York."""
    return to_datetime(time.time_ns()).astimezone(NEW_YORK).date()


def make(setup: VenueSetup) -> Venue:
    """The adapter for one account."""
    return SchwabVenue(setup)
