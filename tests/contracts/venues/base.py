"""What the contract of the venues needs to know of one, and the tools to watch it."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec
import pytest

from brokers.venue import (
    Answer,
    FillReported,
    Known,
    OrderReported,
    StreamLost,
    StreamRestored,
    Unknown,
    Venue,
    VenueFill,
    VenueOrder,
    VenueSetup,
)
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderState, OrderType, Side
from engine.model.orders import Order
from infra.cancelling import cancel
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.brokerage.orders import SimOrder, Ticket
from simulators.market import MarketConfig

MARKET = MarketConfig(seed=5, always_open=True, tick_rate=20.0)
DEADLINE_S = 20.0
SETTLE_S = 0.4  # told to adapters as the option `settle_s`
TIMEOUT_S = 2.0  # likewise `timeout_s`: how long an answer may take


class Simulated(Protocol):
    """A running simulator of the venue, whose clock is ours."""

    brokerage: Brokerage
    order_faults: OrderFaults
    account: str

    def setup(self, options: dict[str, Any]) -> VenueSetup:
        """For an adapter of this account; its `access_token` asks the simulator for one, where it has any."""
        ...

    def expire_tokens(self) -> None:
        """Every login is worth nothing; where there are none, nothing happens."""
        ...


class VenueUnderTest(NamedTuple):
    """One venue. `lacks` names promises that it does not make, by the word in the tests' marks. `make` gives its
    adapter, with the options, where the product registers none; `marks` go to its tests. `waits_as` is how it tells a
    stop that waits for its price."""

    name: str
    start: Callable[..., AbstractAsyncContextManager[Any]]  # a `Simulated`; with `make` nobody asks for its `setup`
    lacks: frozenset[str] = frozenset()
    make: Callable[[Any, dict[str, Any]], Venue] | None = None
    marks: tuple[pytest.MarkDecorator, ...] = ()
    waits_as: OrderState = OrderState.WORKING


class Desk:
    """An adapter at its simulator, what it told, and the orders made here."""

    def __init__(
        self,
        venue: Venue,
        simulated: Simulated,
        make: Callable[[], Venue] | None = None,
        *,
        waits_as: OrderState = OrderState.WORKING,
    ) -> None:
        self.venue = venue
        self.simulated = simulated
        self.waits_as = waits_as
        self._make = make
        self.news: list[Any] = []
        self._counter = itertools.count(1)
        self._watching: asyncio.Task[None] | None = None

    async def watch(self) -> None:
        """Begin to collect the account stream, and wait until it is up."""
        self._watching = asyncio.create_task(self._watch())
        await self.until(lambda: any(isinstance(each, StreamRestored) for each in self.news), "the account stream")

    async def _watch(self) -> None:
        async for update in self.venue.updates():
            self.news.append(update)

    async def close(self) -> None:
        if self._watching is not None:
            await cancel(self._watching)
        with contextlib.suppress(OSError):
            await self.venue.close()

    async def restart(self) -> None:
        """Our process ends, and another one begins."""
        assert self._make is not None
        await self.venue.close()
        self.venue = self._make()
        await self.venue.open()

    # ---- what happened -------------------------------------------------------------------------------------

    @property
    def fills(self) -> list[VenueFill]:
        """As told, repeated ones included."""
        return [each.fill for each in self.news if isinstance(each, FillReported)]

    @property
    def reported(self) -> list[VenueOrder]:
        return [each.order for each in self.news if isinstance(each, OrderReported)]

    @property
    def line(self) -> list[str]:
        """ "up" and "down", as the stream came and went."""
        changes = [each for each in self.news if isinstance(each, StreamRestored | StreamLost)]
        return ["up" if isinstance(each, StreamRestored) else "down" for each in changes]

    def told_fills(self, order: VenueOrder) -> dict[str, VenueFill]:
        """Every execution of an order that was told, alone or with it, by its id."""
        told = [fill for fill in self.fills if fill.venue_id == order.venue_id]
        told += [fill for each in self.reported if each.venue_id == order.venue_id for fill in each.fills]
        return {fill.fill_id: fill for fill in told}

    def at_venue(self) -> list[SimOrder]:
        """Every order that the venue has, as it has it."""
        return self.simulated.brokerage.orders(self.simulated.account)

    def held(self, symbol: str) -> Decimal:
        return self.simulated.brokerage.account(self.simulated.account).quantity(symbol)

    # ---- doing ---------------------------------------------------------------------------------------------

    def fault(self, name: str, **values: Any) -> None:
        self.simulated.order_faults.add(OrderFaultScript(name, **values))

    def order(self, side: Side = Side.BUY, quantity: int | str = 10, symbol: str = "SPY", **values: Any) -> Order:
        client_id = f"r1-contract-{symbol.strip('/ ')[:4].strip()}-{next(self._counter):06d}"
        return Order(client_id, "contract", symbol, "account", side, Decimal(quantity), **values)

    def far_order(self, side: Side = Side.BUY, quantity: int = 10, symbol: str = "SPY", **values: Any) -> Order:
        """A limit order that will not trade today."""
        factor = Decimal("0.8") if side is Side.BUY else Decimal("1.25")
        return self.order(
            side, quantity, symbol, type=OrderType.LIMIT, limit_price=self.price(symbol, factor), **values
        )

    def price(self, symbol: str, factor: Decimal = Decimal(1)) -> Decimal:
        """The market's price times `factor`, on the grid of whole points."""
        found = self.simulated.brokerage.price_of(symbol)
        assert found is not None
        return (found * factor).quantize(Decimal(1))

    async def place(self, order: Order) -> VenueOrder:
        return await self.venue.place(order, instrument_for(order.symbol))

    async def place_filled(self, order: Order) -> VenueOrder:
        """Place and wait until the venue has filled it."""
        await self.place(order)
        return await self.found(order, OrderState.FILLED)

    def trade_by_hand(self, symbol: str, side: Side, quantity: int | str) -> None:
        """Somebody else uses the account."""
        self.simulated.brokerage.place(
            self.simulated.account, Ticket(symbol=symbol, side=side, quantity=Decimal(quantity), payload=_BY_HAND)
        )

    async def found(self, order: Order, *states: OrderState, since: int | None = None) -> VenueOrder:
        """The order once `find` says that it is in one of `states`; in any where none is given."""
        start = time.time_ns() - 60_000_000_000 if since is None else since
        deadline = time.monotonic() + DEADLINE_S
        while True:
            answer = await self.venue.find(order, since=start)
            if isinstance(answer, Known) and answer.value is not None and answer.value.state in (states or OrderState):
                return answer.value
            assert time.monotonic() < deadline, f"{order.client_id} is not {states} but {answer}"
            await asyncio.sleep(0.02)

    async def until(self, is_met: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_met():
            assert time.monotonic() < deadline, f"no {what}; told so far: {self.news[-5:]}"
            await asyncio.sleep(0.01)


_BY_HAND: dict[str, object] = {}


def known(answer: Answer[Any]) -> Any:
    """The value of an answer that must be known."""
    assert isinstance(answer, Known), answer
    return answer.value


def is_unknown(answer: Answer[Any]) -> bool:
    return isinstance(answer, Unknown) and bool(answer.reason)


async def ask_until_known(ask: Callable[[], Any]) -> Any:
    """Ask until the answer is known; its value."""
    deadline = time.monotonic() + DEADLINE_S
    while not isinstance(answer := await ask(), Known):
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.05)
    return answer.value


@contextlib.asynccontextmanager
async def at_desk(entry: VenueUnderTest, **options: Any) -> AsyncIterator[Desk]:
    """An opened adapter at a simulator of its own."""
    async with entry.start() as simulated:
        make = partial(make_venue, entry, simulated, options)
        desk = Desk(make(), simulated, make, waits_as=entry.waits_as)
        try:
            await desk.venue.open()
            yield desk
        finally:
            await desk.close()


def make_venue(entry: VenueUnderTest, simulated: Simulated, options: dict[str, Any]) -> Venue:
    from brokers.adapters import VENUES

    if entry.make is not None:
        return entry.make(simulated, options)
    return VENUES[entry.name].make(simulated.setup({"settle_s": SETTLE_S, "timeout_s": TIMEOUT_S, **options}))


def changed(order: Order, **values: Any) -> Order:
    return msgspec.structs.replace(order, **values)
