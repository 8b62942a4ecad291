"""What a person's order would become: every order of every account, asked of a copy of the book's own engine."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
from django.conf import settings

from brokers.features import Features
from brokers.models import BrokerAccount
from brokers.paper.would_send import would_send
from brokers.registry import FEATURES
from brokers.venue import OrderRefused
from engine.core import Engine
from engine.errors import Conflict, InvalidInput, SnapshotIncompatible
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import ON_MARGIN, Instrument
from engine.instruments.sessions import is_open
from engine.model.commands import CommandHandled
from engine.model.enums import OrderType
from engine.model.event import Event
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
)
from engine.risk.gate import Hold
from engine.venue.refusal import Refusal
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import holder
from trading.account_services import latest_checks
from trading.manual_entry import MANUAL, AccountPlan, EntryPlan, OrderEntry, PlannedOrder
from trading.models import AccountCheck, Book, Run
from trading.runtime import accounts, compose
from trading.runtime.house_rules import HouseRules
from trading.runtime.preflight import Situation, refusal
from trading.runtime.simulated import SimulatedDesk

MAX_STEPS = 200  # of what follows from one order
PREVIEW = "preview"


def book_for(entry: OrderEntry) -> Book:
    """The book that takes the order: where `manual` runs on the symbol; `Conflict` where there is not exactly one."""
    runs = Run.objects.filter(strategy=MANUAL, state=Run.State.RUNNING).select_related("book")
    found = [run.book for run in runs if entry.symbol in {slot["symbol"] for slot in run.slots}]
    if entry.book:
        found = [book for book in found if book.name == entry.book]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(book.name for book in found))
        raise Conflict(f"book: {entry.symbol} is traded by hand in {names}; say which one is meant.", field="book")
    where = f"book {entry.book!r}" if entry.book else "any book"
    raise Conflict(
        f"The strategy {MANUAL!r} does not run on {entry.symbol} in {where}: start it first.", field="symbol"
    )


def plan_entry(entry: OrderEntry, *, now: int, by: str) -> EntryPlan:
    """What `entry` would do now. Nothing is sent and nothing is written."""
    book = book_for(entry)
    check_entry(entry)
    engine, policy, rules = _engine(book)
    _check_accounts(engine, entry)
    instrument = instrument_for(entry.symbol)
    price = _last_price(engine, entry.symbol)
    found = tuple(
        _at_account(engine, entry, account, instrument, Scene(book, policy, price, now, by, rules))
        for account in sorted(entry.quantities)
    )
    problems = [problem for plan in found for problem in plan.problems]
    if holder(sync_client(settings.REDIS_URL), "trader", book.name) is None:
        problems.append(f"No process runs the book {book.name}: an order would wait for one, in another market.")
    shown = None if price != price else _text(instrument.price(price))
    return EntryPlan(book.name, book.mode, entry.symbol, shown, found, tuple(problems))


class Scene(msgspec.Struct, frozen=True):
    """What all accounts of one preview share."""

    book: Book
    policy: Any
    price: float
    now: int
    by: str
    rules: HouseRules | None = None  # on paper: what the venue refuses orders by

    @property
    def is_paper(self) -> bool:
        return bool(self.book.mode == Book.Mode.PAPER)


def check_entry(entry: OrderEntry) -> None:
    """What can be known to be wrong without a look at the market; `InvalidInput` names the field."""
    if not entry.quantities:
        raise InvalidInput("quantities: a quantity at one account at least was expected.", field="quantities")
    for account, quantity in entry.quantities.items():
        if quantity <= 0:
            raise InvalidInput(f"quantities.{account}: more than 0 was expected, found {quantity}.", field="quantities")
    for name in ("limit_price", "stop_price", "trail", "stop_loss", "take_profit"):
        check_grid(entry.symbol, name, getattr(entry, name))


def _check_accounts(engine: Engine, entry: OrderEntry) -> None:
    known = sorted(
        broker for strategy, symbol, broker in engine.holdings if (strategy, symbol) == (MANUAL, entry.symbol)
    )
    for account in entry.quantities:
        if account not in known:
            raise InvalidInput(
                f"quantities.{account}: {entry.symbol} is traded by hand at {', '.join(known)}; for another account, "
                f"add it to the ticker of {MANUAL!r} and start that again.",
                field="quantities",
            )


def check_grid(symbol: str, name: str, price: Decimal | None) -> None:
    """A price must lie on the grid of what is traded."""
    if price is None:
        return
    step = instrument_for(symbol).tick_size
    if price % step:
        lower = price - price % step
        raise InvalidInput(
            f"{name}: a price on the grid of {_text(step)} was expected, such as {_text(lower)} or "
            f"{_text(lower + step)}; found {_text(price)}.",
            field=name,
        )


def _engine(book: Book) -> tuple[Engine, Any, HouseRules | None]:
    """A copy of the book's engine as it was committed last, with what its process knows of accounts and halts; its
    policy; and on paper what its venue refuses orders by."""
    composition = compose.load(book.name)
    try:
        desk = compose.make_desk(composition)
    except SnapshotIncompatible as error:
        raise Conflict("The book's process is being renewed: ask again in a moment.") from error
    engine, rules = desk.engine, desk.rules if isinstance(desk, SimulatedDesk) else None
    if book.is_halted:
        engine.gate.halt_reason = book.halt_reason or "halted"
    engine.gate.holds.clear()
    if book.mode == Book.Mode.LIVE:
        engine.gate.holds.update(_holds(book, composition.brokers))
    return engine, composition.execution, rules


def _holds(book: Book, names: Iterable[str]) -> Iterator[tuple[str, Hold]]:
    checks = {check.broker: check for check in latest_checks(book=book.name)}
    for name in names:
        check = checks.get(name)
        if check is None:
            yield name, Hold("the account was not compared with our books yet")
        elif check.state != "green":
            symbols = frozenset[str]() if check.blocks_all else frozenset(d["symbol"] for d in check.differences)
            yield name, Hold(f"the account is {check.state}: {check.reason}".rstrip(": "), symbols)


def _last_price(engine: Engine, symbol: str) -> float:
    """The newest price that is known; the copy of the engine sees it too."""
    state = engine.symbols.get(symbol)
    quote = cast("dict[str, str]", sync_client(settings.REDIS_URL).hgetall(keys.quote(symbol)))
    if state is not None and quote.get("last"):
        ts = int(float(quote.get("ts") or 0))
        if ts >= state.price_ts:
            state.price, state.price_ts = float(quote["last"]), ts
    return engine.price_of(symbol)


# ---- one account --------------------------------------------------------------------------------------------


def _at_account(engine: Engine, entry: OrderEntry, account: str, instrument: Instrument, scene: Scene) -> AccountPlan:
    holding = engine.holdings[MANUAL, entry.symbol, account]
    before = holding.position.quantity
    left = scene.rules.left(account) if scene.rules is not None else None
    command = entry.command(account, ts=max(scene.now, engine.now), command_id=f"{PREVIEW}-{account}", by=scene.by)
    out = list(engine.process(command))
    answer = next(event for event in out if isinstance(event, CommandHandled))
    follows, refused = _follow(engine, out, command.ts, scene)
    features = venue_features(account)
    situation = _situation(instrument, account, before, features, scene)
    approved = (event.order for event in follows if isinstance(event, ApprovedOrder))
    orders = tuple(_planned(engine, order, situation, refused.get(order.client_id)) for order in approved)
    denied = next((event for event in follows if isinstance(event, OrderDenied)), None)
    problem, rule = ("", "") if answer.accepted else (answer.detail, "engine")
    if problem and denied is not None:
        problem, rule = f"{denied.reason} ({denied.value}; the limit is {denied.limit})", denied.rule
    if not scene.is_paper and not problem:
        problem = accounts.unarmed_reason(account)
        rule = "not_armed" if problem else ""
    return AccountPlan(
        account=account,
        venue=features.title,
        position=_text(before),
        position_after=_text(holding.position.quantity),
        orders=orders,
        withdrawn=tuple(event.client_id for event in follows if isinstance(event, CancelRequested)),
        **_money(orders, instrument, situation, left),
        notes=tuple(_notes(entry, orders, situation, denied if answer.accepted else None, scene)),
        rule=rule,
        problem=problem,
    )


def _follow(engine: Engine, out: Sequence[Event], ts: int, scene: Scene) -> tuple[list[Event], dict[str, Refusal]]:
    """What comes of it if every venue does as it is told: cancels are confirmed, market orders fill at the price. On
    paper the venue is asked, and its refusals told by the order's name."""
    waiting = deque(out)
    told: list[Event] = []
    refused: dict[str, Refusal] = {}
    while waiting and len(told) < MAX_STEPS:
        event = waiting.popleft()
        told.append(event)
        if isinstance(event, CancelRequested):
            waiting.extend(engine.process(OrderCancelled(ts, event.client_id, event.reason)))
        elif isinstance(event, ApprovedOrder):
            order, found = event.order, scene.rules.refusal(event) if scene.rules is not None else None
            if found is not None:
                refused[order.client_id] = found
                waiting.extend(engine.process(OrderRejected(ts, order.client_id, found.reason, found.rule)))
            elif order.type is OrderType.MARKET and scene.price == scene.price:
                waiting.extend(engine.process(_fill(engine, order, ts, scene.price)))
    return told, refused


def _fill(engine: Engine, order: Order, ts: int, price: float) -> OrderFilled:
    at = engine.config.instruments[order.symbol].price(price)
    return OrderFilled(
        ts, order.client_id, f"{order.client_id}/{PREVIEW}", order.strategy, order.symbol, order.broker, order.side,
        order.quantity, at,
    )  # fmt: skip


def venue_features(account: str) -> Features:
    """What the venue of `account` can do; an account on paper follows its venue's rules too."""
    known = BrokerAccount.objects.filter(name=account).first()
    return FEATURES[known.broker if known is not None else account]


def _situation(instrument: Instrument, account: str, position: Decimal, features: Features, scene: Scene) -> Situation:
    check = AccountCheck.objects.filter(book=scene.book, broker=account).first()
    return Situation(
        instrument=instrument,
        features=features,
        now=scene.now,
        position=position,
        in_account=None,
        last_price=scene.price,
        buying_power=check.buying_power if check is not None else None,
        allow_short=scene.policy.allow_short,
        # Simulated execution waits for the next price; a real venue would refuse.
        is_always_open=scene.is_paper or scene.policy.sessions == "always",
    )


def _planned(engine: Engine, order: Order, situation: Situation, refused: Refusal | None) -> PlannedOrder:
    record = engine.desk.orders.get(order.client_id)
    is_exit = record is not None and record.is_protective
    request = would_send(order)
    found = refused if is_exit else refused or refusal(order, situation) or _no_words_for(request or {})
    price = order.limit_price or order.stop_price or _on_grid(situation)
    return PlannedOrder(
        side=order.side,
        quantity=_text(order.quantity),
        type=order.type,
        intent=order.intent,
        tif=order.tif,
        limit_price=_optional(order.limit_price),
        stop_price=_optional(order.stop_price),
        trail=_optional(order.trail),
        reason=order.reason,
        is_exit=is_exit,
        notional=None if price is None else _text(situation.instrument.notional(price=price, quantity=order.quantity)),
        request=request,
        rule=found.rule if found else "",
        problem=found.reason if found else "",
    )


def _no_words_for(request: dict[str, Any]) -> Refusal | None:
    """Why the venue has no such order."""
    return Refusal(OrderRefused.code, request["refused"]) if "refused" in request else None


def _money(
    orders: Iterable[PlannedOrder], instrument: Instrument, situation: Situation, left: Decimal | None
) -> dict[str, str | None]:
    """What is added costs so much; shares and options are paid in full, other margins only the venue knows. On paper
    `left` is what there is to buy with; what an entry binds of it is a matter of the book's leverage."""
    adding = [o for o in orders if not o.is_exit and o.intent in ("entry", "reversal") and o.notional is not None]
    cost = sum((Decimal(cast("str", o.notional)) for o in adding), Decimal(0)) if adding else None
    power = situation.buying_power
    shown = left if power is None else power
    is_paid = instrument.asset_class not in ON_MARGIN
    after = power - cost if power is not None and cost is not None and is_paid else None
    return {
        "cost": None if cost is None else f"{cost:.2f}",
        "buying_power": None if shown is None else f"{shown:.2f}",
        "buying_power_after": None if after is None else f"{after:.2f}",
    }


def _notes(
    entry: OrderEntry,
    orders: Sequence[PlannedOrder],
    situation: Situation,
    denied: OrderDenied | None,
    scene: Scene,
) -> Iterator[str]:
    if denied is not None:
        yield f"What would open the other side is refused ({denied.rule}): {denied.reason}"
    exits = [
        f"{name} {_text(level)}" for name, level in (("stop", entry.stop_loss), ("target", entry.take_profit)) if level
    ]
    if exits and entry.type is not OrderType.MARKET:
        yield f"What it fills is guarded then: {', '.join(exits)}."
    if scene.price != scene.price:
        yield "No price is known yet: what a market order would cost cannot be said."
    if scene.is_paper and not is_open(situation.instrument.calendar, scene.now):
        yield f"The exchange ({situation.instrument.calendar}) is closed: on paper the order waits for the next price."
    if situation.instrument.asset_class in ON_MARGIN and any(o.intent == "entry" for o in orders):
        yield "The margin is the venue's to say: the cost shown is the value of what is traded."


def _on_grid(situation: Situation) -> Decimal | None:
    price = situation.last_price
    return situation.instrument.price(price) if price == price else None


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else _text(value)


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"
