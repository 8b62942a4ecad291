"""Paper under contract: orders given by hand to a book whose venue is simulated, and what its rows say of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db.models import Q

from brokers.paper.features import FEATURES
from brokers.venue import (
    AccountUpdate,
    Answer,
    Balances,
    FillReported,
    Known,
    OrderRefused,
    OrderReported,
    StreamRestored,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueRequest,
)
from engine.core import Engine, EngineConfig
from engine.instruments.instrument import Instrument
from engine.model.commands import CancelOrder, Command, CommandHandled, ManualOrder, ReplaceOrder
from engine.model.enums import OrderState, OrderType, Side
from engine.model.event import Event
from engine.model.orders import Order, OrderFilled, OrderRejected
from engine.model.time import from_datetime
from engine.strategy.slot import SlotConfig
from engine.venue.margin import MarginAccount
from engine.venue.matching import SimulatedVenue
from infra import codec
from infra.cancelling import cancel
from simulators.market import MarketConfig
from strategies.registry import STRATEGIES
from tests.contracts.paper_floor import INSTRUMENTS, SYMBOLS, Floor
from tests.contracts.venues.base import MARKET, VenueUnderTest
from trading import models
from trading.journal.writer import DatabaseJournal
from trading.runtime.simulated import SimulatedDesk

ACCOUNT = "account"
CASH = Decimal(100_000)
CONFIG = EngineConfig(
    "contract0",
    tuple(SlotConfig("contract", symbol, "1", {}, {ACCOUNT: Decimal(1)}, kind="manual") for symbol in SYMBOLS),
    INSTRUMENTS,
)
AGAIN = "~"  # between our name for an order and what tells its changes apart


class PaperVenue:
    """One process of a book on paper behind the port of a venue: orders go in as commands, answers come from rows.

    Our name for an order is the id of the command that gave it, which its row keeps.
    """

    features = FEATURES

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._margin = MarginAccount(CASH)
        venue = SimulatedVenue(instruments=INSTRUMENTS, participation=1.0, margin={ACCOUNT: self._margin})
        self._desk = SimulatedDesk(engine=Engine(CONFIG, strategies=STRATEGIES), venue=venue)
        self._turn = asyncio.Lock()
        self._listeners: list[asyncio.Queue[AccountUpdate]] = []
        self._running = contextlib.AsyncExitStack()

    async def open(self) -> None:
        self._book, _ = await models.Book.objects.aget_or_create(name="paper")
        saved = await models.EngineState.objects.filter(book=self._book).afirst()
        if saved is not None:
            self._desk.restore(bytes(saved.data))
        self._journal = DatabaseJournal(book_id=self._book.pk, token=1)
        self._running.push_async_callback(self._journal.close)
        await self._read_market()
        self._running.push_async_callback(cancel, asyncio.create_task(self._follow_market()))

    async def close(self) -> None:
        await self._running.aclose()

    async def _follow_market(self) -> None:
        while True:
            await self._read_market()
            await asyncio.sleep(0.01)

    async def _read_market(self) -> None:
        async with self._turn:
            for event in self._floor.news(self._desk.venue.working):
                await self._handle(event)

    # ---- orders --------------------------------------------------------------------------------------------

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        problem = FEATURES.quantity_problem(instrument.asset_class, order.quantity)
        if problem:
            raise OrderRefused(problem, field="quantity")
        return VenueRequest("command", self.features.title, codec.to_builtins(_command(order, ts=0)))

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        self.request_for(order, instrument)
        await self._give(_command(order, ts=self._floor.now()))
        return await self._named(order.client_id)

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        ts, row = self._floor.now(), await self._row(working)
        await self._give(
            ReplaceOrder(
                ts, f"{working.client_id}{AGAIN}{ts}", "contract", row.client_id, order.quantity, order.limit_price,
                order.stop_price, order.trail,
            )
        )  # fmt: skip
        return await self._named(working.client_id)

    async def cancel(self, working: VenueOrder) -> None:
        ts, row = self._floor.now(), await self._row(working)
        await self._give(CancelOrder(ts, f"cancel-{row.client_id}-{ts}", "contract", row.client_id))

    async def _give(self, command: Command) -> None:
        async with self._turn:
            outputs = await self._handle(command)
        for out in outputs:
            if isinstance(out, OrderRejected):
                raise OrderRefused(out.reason, venue_code=out.code)
            if isinstance(out, CommandHandled) and not out.accepted:
                field = out.detail.partition(":")[0]
                raise OrderRefused(out.detail, field=field if field.isidentifier() else None)

    async def _handle(self, event: Event) -> Sequence[Event]:
        """As the loop of a book does it: what follows is committed with the state after it, then told."""
        outputs = self._desk.handle(event)
        if outputs:
            again = [
                out for out in outputs if isinstance(out, OrderFilled) and self._floor.faults.hit("duplicate_fill")
            ]
            await self._journal.append(
                outputs=(*outputs, *again), state=self._desk.save(), cursors={}, bars={}, inputs=()
            )
            self._floor.note(outputs)  # what was not committed never happened
            await self._tell([*outputs, *again])
        return outputs

    # ---- answers -------------------------------------------------------------------------------------------

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        async with self._turn:
            return Known((await self._latest()).get(order.client_id), self._floor.now())

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        async with self._turn:
            every = (await self._latest()).values()
            told = tuple(each for each in every if not each.state.is_final or each.updated_ts > since)
            return Known(told, self._floor.now())

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        rows = models.Fill.objects.filter(order__book=self._book, ts__gt=since).select_related("order").order_by("id")
        async with self._turn:
            return Known(tuple([_fill(row) async for row in rows]), self._floor.now())

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        rows = models.Position.objects.filter(book=self._book).exclude(quantity=0)
        async with self._turn:
            return Known(tuple([_position(row) async for row in rows]), self._floor.now())

    async def balances(self) -> Answer[Balances]:
        """As the simulated venue holds it against new orders."""
        worth, required = self._margin.cash, Decimal(0)
        for symbol, quantity in self._margin.held.items():
            price = INSTRUMENTS[symbol].price(self._desk.engine.price_of(symbol))
            worth += quantity * price * INSTRUMENTS[symbol].multiplier
            required += self._margin.required(INSTRUMENTS[symbol], quantity, price)
        told = Balances(cash=self._margin.cash, net_liquidation=worth, buying_power=worth - required)
        return Known(told, self._floor.now())

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        queue: asyncio.Queue[AccountUpdate] = asyncio.Queue()
        self._listeners.append(queue)
        yield StreamRestored()
        while True:
            yield await queue.get()

    async def _tell(self, outputs: Sequence[Event]) -> None:
        """Executions, and the orders they and everything else belong to, as their rows are now."""
        if not self._listeners:
            return
        names = {getattr(out, "client_id", "") for out in outputs}
        rows = {row.client_id: row async for row in self._rows().filter(client_id__in=names)}
        fills = {row.fill_id: _fill(row) async for row in models.Fill.objects.select_related("order")}
        latest = await self._latest()
        told: list[AccountUpdate] = [
            FillReported(fills[out.fill_id]) for out in outputs if isinstance(out, OrderFilled)
        ]
        told += [OrderReported(latest[name]) for name in sorted({_name(row) for row in rows.values()})]
        for queue in self._listeners:
            for update in told * (2 if self._floor.faults.active("duplicate_events") else 1):
                queue.put_nowait(update)

    def _rows(self) -> Any:
        return models.Order.objects.filter(book=self._book).order_by("id")

    async def _row(self, told: VenueOrder) -> models.Order:
        found: models.Order = await self._rows().aget(venue_id=told.venue_id)
        return found

    async def _named(self, name: str) -> VenueOrder:
        return (await self._latest())[name]

    async def _latest(self) -> dict[str, VenueOrder]:
        """Every order by our name for it, as its last change left it."""
        return {_name(row): _order(row) async for row in self._rows().filter(~Q(command=""))}


def _command(order: Order, *, ts: int) -> ManualOrder:
    return ManualOrder(
        ts, order.client_id, "contract", order.strategy, order.symbol, order.broker, order.side, order.quantity,
        order.type, order.limit_price, order.stop_price, order.trail, order.tif,
    )  # fmt: skip


def _name(row: models.Order) -> str:
    return row.command.partition(AGAIN)[0]


def _order(row: models.Order) -> VenueOrder:
    state = OrderState(row.state)
    return VenueOrder(
        venue_id=row.venue_id,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        type=OrderType(row.type),
        state=OrderState.WORKING if state is OrderState.ACCEPTED else state,  # our venue takes and works in one
        client_id=_name(row),
        limit_price=row.limit_price,
        stop_price=row.stop_price,
        filled_quantity=row.filled_quantity,
        average_price=row.average_price,
        placed_ts=from_datetime(row.created_at),
        updated_ts=from_datetime(row.updated_at),
        reason=row.state_reason,
    )


def _fill(row: models.Fill) -> VenueFill:
    return VenueFill(
        fill_id=row.fill_id, venue_id=row.order.venue_id, symbol=row.symbol, side=Side(row.side), quantity=row.quantity,
        price=row.price, ts=row.ts, client_id=_name(row.order), fee=row.fee,
    )  # fmt: skip


def _position(row: models.Position) -> VenuePosition:
    return VenuePosition(symbol=row.symbol, quantity=row.quantity, average_price=row.average_price)


class Running:
    """The floor, as the suite knows a simulator."""

    account = ACCOUNT

    def __init__(self, market: MarketConfig) -> None:
        self.brokerage: Any = Floor(market)
        self.order_faults = self.brokerage.faults


@contextlib.asynccontextmanager
async def start(market: MarketConfig = MARKET) -> AsyncIterator[Running]:
    yield Running(msgspec.structs.replace(market, symbols=SYMBOLS))


def make(running: Any, _: dict[str, Any]) -> PaperVenue:
    return PaperVenue(running.brokerage)


ENTRY = VenueUnderTest(
    "paper",
    start,
    # Orders are filled in the process that decides: no answer can be lost on the way, no stream breaks, nothing comes
    # late, nobody logs in or waits, nobody else trades there, its clock is ours, and it has no codes of a venue.
    # What can go wrong instead, a kill between a decision and its commit, is tried with processes that are killed:
    # tests/integration/test_takeover.py. Options are bought by strategies that choose one, not as an order by hand:
    # tests/integration/test_options.py.
    lacks=frozenset(
        {
            "a line", "a line for orders beside the stream", "throttle", "login", "other hands", "a clock of its own",
            "codes of its own", "options by hand",
        }
    ),
    make=make,
    marks=(pytest.mark.django_db(transaction=True),),
)  # fmt: skip
