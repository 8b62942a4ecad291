"""Where a book's parts are plugged together, and the only place that asks whether it is paper or live."""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from brokers.paper.dialects import dialects_of, speaker
from engine.core import Engine, EngineConfig
from engine.decision.correlation import CorrelationConfig
from engine.decision.sizing import AnySizing
from engine.errors import FortifiedError
from engine.exits.config import ExitConfig
from engine.instruments.catalog import instrument_for
from engine.instruments.options import underlying_of
from engine.model.enums import FINAL_STATES, OrderState, Side
from engine.model.orders import Order as OrderValue
from engine.model.orders import OrderFilled
from engine.ports import ChainSource
from engine.risk.config import RiskConfig
from engine.strategy.slot import SlotConfig
from marketdata.rolls import load_rolls
from strategies.models import Ticker
from strategies.registry import STRATEGIES, timeframes_of
from strategies.versions import code_version
from trading.limits import Sizes, correlation, execution_policy, risk_limits, simulated_fills, sizes
from trading.models import Book, EngineState, Fill, Order, Position, Run
from trading.options import sources
from trading.runtime import accounts
from trading.runtime.fills import SimulatedFills
from trading.runtime.house_rules import HouseRules
from trading.runtime.live import BrokerDesk
from trading.runtime.policy import ExecutionPolicy
from trading.runtime.recording import Opened
from trading.runtime.simulated import SimulatedDesk

ZERO = Decimal(0)
REWOUND = "rewound_to"  # among the cursors: history is known up to then only, as the market is read again from there


class Composition(msgspec.Struct, frozen=True):
    """What the database says a book should be running, and where its predecessor stopped."""

    book_id: int
    name: str
    mode: str
    feed: str
    generation: int
    fencing_token: int
    is_halted: bool
    risk: RiskConfig
    slots: tuple[SlotConfig, ...]
    state: bytes | None
    cursors: dict[str, str]
    execution: ExecutionPolicy = ExecutionPolicy()
    capital: dict[str, Decimal] = {}
    correlation: CorrelationConfig | None = None
    fills: SimulatedFills = SimulatedFills()

    @property
    def history_until(self) -> int | None:
        """UTC nanoseconds up to which the past may be shown to the engine; None: all of it."""
        moment = self.cursors.get(REWOUND)
        return None if moment is None else int(moment)

    @property
    def brokers(self) -> tuple[str, ...]:
        return brokers_of(self.slots)

    @property
    def subscriptions(self) -> list[tuple[str, str]]:
        return sorted(
            {
                (slot.symbol, timeframe)
                for slot in self.slots
                for timeframe in timeframes_of(slot.registered, slot.params, own=slot.timeframe)
            }
        )

    @property
    def slot_timeframes(self) -> dict[tuple[str, str], str]:
        return {(slot.strategy, slot.symbol): slot.timeframe for slot in self.slots}


def load(name: str) -> Composition:
    """Read the book called `name`: the slots of its running runs, and stopped ones that still hold something."""
    load_rolls()
    book = Book.objects.get(name=name)
    saved = EngineState.objects.filter(book=book).first()
    sized = sizes(book.sizing)
    return Composition(
        book_id=book.pk,
        name=book.name,
        mode=book.mode,
        feed=book.feed,
        generation=book.generation,
        fencing_token=book.fencing_token,
        is_halted=book.is_halted,
        risk=risk_limits(book.risk),
        slots=tuple(slots_of(book, sized)),
        state=bytes(saved.data) if saved else None,
        cursors=dict(saved.cursors) if saved else {},
        execution=execution_policy(book.execution),
        capital=sized.capital,
        correlation=correlation(book.correlation),
        fills=simulated_fills(book.fills),
    )


def slots_of(book: Book, sized: Sizes) -> Iterable[SlotConfig]:
    """The book's slots, each with its strategy's way to size. One whose run has stopped stays, without entries, while
    it holds something; so does an account that a slot does not trade any more."""
    enabled = {(t.strategy, t.symbol): t.trade_enabled for t in Ticker.objects.all()}
    for run, document in documents_of(book):
        key = (document["strategy"], document["symbol"])
        is_running = run.state == Run.State.RUNNING
        yield slot_config(
            document,
            trade_enabled=is_running and enabled.get(key, False),
            sizing=sized.strategies.get(key[0]) if is_running else None,
            run=run.pk,
        )


def documents_of(book: Book) -> Iterable[tuple[Run, dict[str, Any]]]:
    """The slots of the running runs, and of stopped ones what still holds something, as their runs keep them. An
    account that holds something of a slot is among its accounts, with a quantity of 0 where nothing is to be entered
    there."""
    held = _still_held(book)
    for run in Run.objects.filter(book=book, state=Run.State.RUNNING).order_by("strategy"):
        for document in run.slots:
            key = (document["strategy"], document["symbol"])
            yield run, _at_accounts(document, held.pop(key, set()))
    for (strategy, symbol), accounts_held in held.items():
        run, document = _last_document(book, strategy, symbol)
        yield run, _at_accounts(document, accounts_held)


def _still_held(book: Book) -> dict[tuple[str, str], set[str]]:
    """The accounts that hold something or have an order out, by strategy and symbol (of an option its underlying)."""
    held = Position.objects.filter(book=book).exclude(quantity=0)
    working = Order.objects.filter(book=book).exclude(state__in=FINAL_STATES)
    columns = ("strategy", "symbol", "broker")
    found: dict[tuple[str, str], set[str]] = {}
    for strategy, symbol, broker in sorted({*held.values_list(*columns), *working.values_list(*columns)}):
        found.setdefault((strategy, underlying_of(symbol)), set()).add(broker)
    return found


def _at_accounts(document: dict[str, Any], held: set[str]) -> dict[str, Any]:
    return {**document, "quantities": {**dict.fromkeys(sorted(held), "0"), **document["quantities"]}}


def _last_document(book: Book, strategy: str, symbol: str) -> tuple[Run, dict[str, Any]]:
    for run in Run.objects.filter(book=book, strategy=strategy).order_by("-id"):
        for document in run.slots:
            if document["symbol"] == symbol:
                return run, document
    raise FortifiedError(f"{strategy} holds {symbol} in book {book.name}, but no run of it is known")


def slot_config(
    document: dict[str, Any], *, trade_enabled: bool, sizing: AnySizing | None = None, run: int = 0
) -> SlotConfig:
    """A slot as a run stored it, for the engine."""
    exits = document.get("exits")
    return SlotConfig(
        strategy=document["strategy"],
        symbol=document["symbol"],
        timeframe=document["timeframe"],
        params=document["params"],
        quantities={broker: Decimal(quantity) for broker, quantity in document["quantities"].items()},
        exits=None if exits is None else msgspec.convert(exits, ExitConfig, strict=False),
        trade_enabled=trade_enabled,
        sizing=sizing,
        run=run,
    )


BookDesk = SimulatedDesk | BrokerDesk


def make_desk(composition: Composition) -> BookDesk:
    """The engine of `composition` with what executes its orders, continued from its saved state, or else from the
    ledger's fills."""
    return desk_of(_opened(composition))


def opening(composition: Composition, desk: BookDesk) -> Opened:
    """What `desk` runs and where from, for the recording."""
    opened = _opened(composition)
    return opened if isinstance(desk, SimulatedDesk) else msgspec.structs.replace(opened, began_ts=desk.began_ts)


def _opened(composition: Composition) -> Opened:
    is_live, is_new = composition.mode == Book.Mode.LIVE, composition.state is None
    config = engine_config(composition)
    return Opened(
        mode=composition.mode,
        generation=composition.generation,
        config=config,
        state=composition.state,
        fills=tuple(fills_of(composition.book_id)) if is_new else (),
        versions={slot.registered: code_version(slot.registered) for slot in config.slots},
        began_ts=time.time_ns() if is_live else 0,
        orders=tuple(accounts.open_records(composition.book_id)) if is_live and is_new else (),
        external=accounts.ignored(composition.book_id) if is_live and is_new else {},
        simulated=composition.fills,
        levels=tuple(accounts.levels_by_hand(composition.book_id)) if is_new else (),
        dialects={} if is_live else dialects_of(composition.brokers),
        allow_short=composition.execution.allow_short,
    )


def engine_config(composition: Composition) -> EngineConfig:
    """What the engine runs. It follows what the venues of its accounts can do, of those that stand for one on paper,
    too."""
    instruments = {slot.symbol: instrument_for(slot.symbol) for slot in composition.slots}
    names, where = composition.brokers, composition.execution.exits
    is_live = composition.mode == Book.Mode.LIVE
    features = accounts.features_of(names) if is_live else accounts.features_on_paper(names)
    return EngineConfig(
        run=f"{composition.name}{composition.generation}",
        slots=composition.slots,
        instruments=instruments,
        # Followed always: a limit that is set later today counts from this morning, and people see what is used.
        risk=msgspec.structs.replace(composition.risk, track_equity=True),
        capital={name: composition.capital.get(name, ZERO) for name in names},
        correlation=composition.correlation,
        rolls=composition.execution.rolls(is_real=is_live),
        linked_pairs=accounts.linked_pairs(features, instruments.values()),
        exit_placement=accounts.exit_placement(features, where=where),
        venue_exits=accounts.venue_exits(features, tuple(instruments.values()), where=where),
        flatten_on_refused_stop=composition.execution.stop_rejected == "flatten",
    )


def desk_of(opened: Opened) -> BookDesk:
    """The desk that began so."""
    engine = Engine(opened.config, strategies=STRATEGIES)
    for key, levels in opened.levels:
        if key in engine.holdings:
            engine.holdings[key].levels = levels
    if opened.mode == Book.Mode.LIVE:
        return _broker_desk(engine, opened)
    rules = HouseRules(
        engine,
        venues={name: speaker(venue) for name, venue in opened.dialects.items()},
        rates=opened.simulated.rates,
        allow_short=opened.allow_short,
    )
    venue = opened.simulated.venue(opened.config.instruments, refuses=rules.refusal)
    desk = SimulatedDesk(engine=engine, venue=venue, rules=rules)
    if opened.state is not None:
        desk.restore(opened.state)
    else:
        desk.inherit(opened.fills)
    return desk


def chain_source(
    composition: Composition, desk: BookDesk, *, now_ns: Callable[[], int] = time.time_ns
) -> ChainSource | None:
    """Where the book's option chains come from; None where nothing is configured. Raises where that cannot be had."""
    return sources.chain_source(
        composition.execution.chains,
        is_real=composition.mode == Book.Mode.LIVE,
        accounts=composition.brokers,
        price_of=desk.engine.price_of,
        now_ns=now_ns,
    )


def _broker_desk(engine: Engine, opened: Opened) -> BrokerDesk:
    desk = BrokerDesk(engine, accounts=brokers_of(opened.config.slots), now=opened.began_ts)
    if opened.state is not None:
        desk.restore(opened.state)
        if opened.is_checkpoint:
            return desk
    else:
        engine.external = {name: dict(others) for name, others in opened.external.items()}
    desk.begin(opened.fills, opened.orders)
    return desk


def brokers_of(slots: Iterable[SlotConfig]) -> tuple[str, ...]:
    """The accounts that the slots trade at, or hold something at."""
    return tuple(sorted({broker for slot in slots for broker in slot.quantities}))


def fills_of(book_id: int) -> Iterable[tuple[OrderValue, OrderFilled]]:
    """Every fill of the book with its order, in the order in which they were booked."""
    for row in Fill.objects.filter(order__book_id=book_id).select_related("order").order_by("id").iterator():
        order = row.order
        fill = OrderFilled(
            ts=row.ts,
            client_id=order.client_id,
            fill_id=row.fill_id,
            strategy=order.strategy,
            symbol=order.symbol,
            broker=order.broker,
            side=Side(row.side),
            quantity=row.quantity,
            price=row.price,
            fee=row.fee,
        )
        yield accounts.order_value(order), fill


def forget_state(
    composition: Composition,
    *,
    why: str = "the simulated venue's state could not be carried over to this version",
) -> None:
    """Begin a new generation without the saved state.

    Fills stay and are inherited. Orders that were working in the simulated venue are gone with its state, and say so;
    those at a real venue work on, and are taken over to be withdrawn.
    """
    with transaction.atomic():
        Book.objects.filter(pk=composition.book_id).update(generation=composition.generation + 1)
        EngineState.objects.filter(book_id=composition.book_id).delete()
        if composition.mode == Book.Mode.LIVE:
            return
        lost = Order.objects.filter(book_id=composition.book_id).exclude(state__in=FINAL_STATES)
        lost.update(
            state=OrderState.CANCELLED,
            state_reason=why,
            updated_at=timezone.now(),
        )
