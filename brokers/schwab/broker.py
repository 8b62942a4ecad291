"""One Schwab account, as our gateway sees an account.

Schwab keeps no name of ours with an order. What became of one is known by the name that Schwab gave it, and where no
answer told that, by looking for the one recent order that is like it in everything: between two alike it never guesses.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import date

from brokers.schwab.chains import SchwabChains
from brokers.schwab.client import SchwabClient
from brokers.schwab.documents import (
    NotUnderstood,
    OrderDoc,
    SecuritiesAccountDoc,
    flat,
    read_account,
    read_account_numbers,
    read_order,
    read_orders,
)
from brokers.schwab.features import FEATURES
from brokers.schwab.stream import ActivityStream
from brokers.schwab.translate import (
    OPEN_STATUSES,
    PREFIX,
    balances,
    is_open,
    is_superseded,
    looks_like,
    place_request,
    plain,
    positions,
    replace_request,
    stamp,
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
    OrderRefused,
    OrderReported,
    OutcomeUnknown,
    StreamLost,
    StreamRestored,
    Unknown,
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
from engine.model.time import NS_PER_DAY, NS_PER_S, to_datetime

_UNANSWERED = (OrderRefused, OutcomeUnknown, NotUnderstood)
_MARGIN_NS = 2 * NS_PER_S  # clocks agree to about that
_WHOLE_NS = NS_PER_S  # Schwab's stamps are whole seconds: what was entered just now may seem earlier
_REMEMBERED = 10_000  # executions that were told
_MAX_RESULTS = 3_000
_LONGEST_NS = 359 * NS_PER_DAY  # Schwab answers for a year at most
_OLD_ORDERS_NS = 180 * NS_PER_DAY  # an order good till cancelled lives that long
_LOOK_FOR_OLD_S = 900.0  # how often orders from before the window of a question are looked for
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
        self._settle_ns = int(float(options.get("settle_s", 2.0)) * NS_PER_S)
        self._streams = options.get("activity", "stream") == "stream"
        self._names: dict[str, list[str]] = {}  # our order → its names there, the replaced ones first
        self._open_names: set[str] = set()  # orders last seen open
        self._looked_for_old = -_LOOK_FOR_OLD_S
        self._told: set[str] = set()
        self._told_order: deque[str] = deque()

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
        ts = time.time_ns()
        try:
            names = self._names.get(order.client_id)
            if names:
                return Known(venue_order(await self._truth(names)), ts)
            alike = await self._alike(order, since)
            if len(alike) > 1:
                return Unknown(f"{len(alike)} orders at Schwab look like {order.client_id}; a person must tell")
            if alike:
                self.adopt(order.client_id, str(alike[0].order_id))
                return Known(venue_order(alike[0]), ts)
        except _UNANSWERED as error:
            return Unknown(error.detail)
        if ts - since < self._settle_ns:
            return Unknown("it was sent a moment ago, and may still be on its way into the venue's lists")
        return Known(None, ts)

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        ts = time.time_ns()
        try:
            docs = await self._listed(since)
            found = [venue_order(doc) for doc in docs if not is_superseded(doc)]
        except _UNANSWERED as error:
            return Unknown(error.detail)
        start = self._their_clock(since)
        return Known(tuple(each for each in found if not each.state.is_final or each.updated_ts >= start), ts)

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        ts = time.time_ns()
        try:
            fills = [fill for doc in await self._listed(since) for fill in venue_fills(doc)]
        except _UNANSWERED as error:
            return Unknown(error.detail)
        start = self._their_clock(since)
        return Known(tuple(fill for fill in fills if fill.ts >= start), ts)

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        ts = time.time_ns()
        try:
            return Known(positions(await self._account(fields="positions")), ts)
        except _UNANSWERED as error:
            return Unknown(error.detail)

    async def balances(self) -> Answer[Balances]:
        ts = time.time_ns()
        try:
            return Known(balances(await self._account()), ts)
        except _UNANSWERED as error:
            return Unknown(error.detail)

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
            except _UNANSWERED as error:  # what happened is not known: the line begins anew, and everything is asked
                stream.give_up(f"order {name} was named and cannot be read: {error.detail}")

    async def _news(self, name: str) -> list[AccountUpdate]:
        """What became of an order that the stream named."""
        try:
            doc = await self._read(name)
        except OutcomeUnknown:
            await asyncio.sleep(_READ_AGAIN_S)
            doc = await self._read(name)
        news: list[AccountUpdate] = [FillReported(fill) for fill in venue_fills(doc) if self._is_new(fill)]
        return news if is_superseded(doc) else [*news, OrderReported(venue_order(doc))]

    def _is_new(self, fill: VenueFill) -> bool:
        if fill.fill_id in self._told:
            return False
        self._told.add(fill.fill_id)
        self._told_order.append(fill.fill_id)
        if len(self._told_order) > _REMEMBERED:
            self._told.discard(self._told_order.popleft())
        return True

    # ---- helpers -------------------------------------------------------------------------------------------

    async def _truth(self, names: Iterable[str]) -> OrderDoc:
        """Of an order and those that took its place, the one that tells where it is: what was filled; else the last
        that is not replaced; a replacement that failed counts last."""
        docs = [await self._read(name) for name in names]
        return max(enumerate(docs), key=lambda pair: (_rank(pair[1], is_first=pair[0] == 0), pair[0]))[1]

    async def _alike(self, order: Order, since: int) -> list[OrderDoc]:
        """Orders entered since that are like it in everything and not known to be another one of ours."""
        body = place_request(order, instrument_for(order.symbol), account=self._key, day=_today()).body
        taken = {name for names in self._names.values() for name in names}
        docs = await self._entered(self._their_clock(since) - _WHOLE_NS, until=self._now())
        return [doc for doc in docs if str(doc.order_id) not in taken and looks_like(doc, body)]

    async def _listed(self, since: int) -> list[OrderDoc]:
        """Every order that is open or may have changed since.

        Schwab lists orders by when they were entered: those since, and one by one those that were open before.
        """
        now = self._now()
        start = max(self._their_clock(since) - NS_PER_DAY, now - _LONGEST_NS)
        found = {str(doc.order_id): doc for doc in await self._entered(start, until=now)}
        await self._look_for_old(now)
        for name in self._open_names - found.keys():
            found[name] = await self._read(name)
        self._open_names = {name for name, doc in found.items() if is_open(doc)}
        return list(found.values())

    async def _look_for_old(self, now: int) -> None:
        """Find open orders from long ago, from time to time: others may have placed them."""
        if time.monotonic() - self._looked_for_old < _LOOK_FOR_OLD_S:
            return
        for status in OPEN_STATUSES:
            for doc in await self._entered(now - _OLD_ORDERS_NS, until=now, status=status):
                self._open_names.add(str(doc.order_id))
        self._looked_for_old = time.monotonic()

    async def _entered(self, start: int, *, until: int, status: str = "") -> list[OrderDoc]:
        params = {
            "fromEnteredTime": stamp(start),
            "toEnteredTime": stamp(until + NS_PER_DAY),
            "maxResults": str(_MAX_RESULTS),
            **({"status": status} if status else {}),
        }
        path = f"{PREFIX}/accounts/{self._key}/orders"
        docs = read_orders((await self._client.send("GET", path, params=params)).content)
        if len(docs) >= _MAX_RESULTS:
            raise NotUnderstood(f"{path}: the list is cut off at {_MAX_RESULTS} orders")
        return [doc for doc in flat(docs) if doc.entered_ts >= start]

    async def _read(self, name: str) -> OrderDoc:
        path = f"{PREFIX}/accounts/{self._key}/orders/{name}"
        return read_order((await self._client.send("GET", path)).content)

    async def _account(self, **params: str) -> SecuritiesAccountDoc:
        return read_account((await self._client.send("GET", f"{PREFIX}/accounts/{self._key}", params=params)).content)

    def _now(self) -> int:
        return time.time_ns() + self._client.clock_offset_ns

    def _their_clock(self, ts: int) -> int:
        """Our time as the venue's clock showed it, with room for what clocks differ anyway."""
        return max(ts + self._client.clock_offset_ns - _MARGIN_NS, 0)


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
