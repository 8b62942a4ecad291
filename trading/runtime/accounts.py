"""The broker accounts of a book in the database: who they are, whether they are armed, and what is open there."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db.models import Q
from msgspec import UNSET

from brokers.features import Features
from brokers.models import BrokerAccount
from brokers.paper.dialects import dialects_of
from brokers.registry import FEATURES
from engine.core.config import ExitPlacement, VenueExits
from engine.core.holding import BY_HAND
from engine.errors import FortifiedError
from engine.exits.plan import Levels
from engine.instruments.instrument import Instrument
from engine.model.accounts import Policy
from engine.model.enums import FINAL_STATES, OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import ByHand
from engine.model.orders import Order as OrderValue
from engine.orders.lifecycle import OrderRecord
from trading.models import Adjustment, Order, Position


class AccountMissing(FortifiedError):
    """A book names an account that is not there, or not meant for real money."""

    code = "account_missing"


def real_account(name: str) -> BrokerAccount:
    """The account for real money of that name. One that is disabled is still compared: nothing is sent there."""
    found = BrokerAccount.objects.filter(name=name, mode=BrokerAccount.Mode.LIVE).first()
    if found is None:
        raise AccountMissing(f"there is no account {name!r} for real money")
    return found


def unarmed_reason(name: str) -> str:
    """Why no real order may go to the account; empty where a person has armed it."""
    found = BrokerAccount.objects.filter(name=name).first()
    if found is None:
        return f"there is no account {name!r}"
    if found.mode != BrokerAccount.Mode.LIVE or not found.enabled:
        return f"the account {name!r} is not an enabled one for real money"
    return "" if found.is_armed else f"the account {name!r} is not armed"


def features_of(names: Iterable[str]) -> dict[str, Features]:
    """What the venue of each real account can do. Of one that is not there (any more), what simulated execution can: it
    cannot be opened, so nothing leaves for it, and the others must go on being guarded."""
    real = BrokerAccount.objects.filter(mode=BrokerAccount.Mode.LIVE)
    venues = dict(real.values_list("name", "broker"))
    return {name: FEATURES[venues.get(name, "paper")] for name in names}


def features_on_paper(names: Iterable[str]) -> dict[str, Features]:
    """The same for accounts that stand for a venue; the others follow no rules."""
    return {name: FEATURES[venue] for name, venue in dialects_of(names).items()}


def linked_pairs(features: Mapping[str, Features], instruments: Iterable[Instrument]) -> frozenset[tuple[str, str]]:
    """(account, symbol) where a reversal is a close, then an open."""
    return frozenset(
        (name, instrument.symbol)
        for instrument in instruments
        for name, known in features.items()
        if instrument.asset_class in known.linked_reversal
    )


def exit_placement(features: Mapping[str, Features], *, where: str = "venue") -> dict[str, ExitPlacement]:
    """Where exits wait: a stop at the venue, wherever it knows stops, so that it outlives us; with `where` "engine",
    none. Two exits for the same shares are there at once only as a pair (`venue_exits`): alone, both could fill."""
    takes_stops = {name: OrderType.STOP in known.order_types and where != "engine" for name, known in features.items()}
    return {name: ExitPlacement.SPLIT if takes else ExitPlacement.HELD for name, takes in takes_stops.items()}


def venue_exits(
    features: Mapping[str, Features], instruments: Iterable[Instrument], *, where: str
) -> dict[str, VenueExits]:
    """What each account's venue does with exits besides holding one stop; pairs only with `where` "venue"."""
    return {name: exits_of(known, instruments, where=where) for name, known in features.items()}


def exits_of(features: Features, instruments: Iterable[Instrument], *, where: str) -> VenueExits:
    """The same for one venue."""
    paired = features.paired_exits if where == "venue" else frozenset()
    return VenueExits(
        pairs=frozenset(each.symbol for each in instruments if each.asset_class in paired),
        trails=OrderType.TRAILING_STOP in features.order_types,
        moves=features.moves_stops,
    )


def open_records(book_id: int) -> list[OrderRecord]:
    """Orders of the book that are not over, as the engine keeps them."""
    rows = Order.objects.filter(book_id=book_id).exclude(state__in=FINAL_STATES).prefetch_related("fills")
    return [_record(row) for row in rows.order_by("id")]


def levels_by_hand(book_id: int) -> Iterable[tuple[tuple[str, str, str], Levels]]:
    """The exits that persons gave to what the book holds, by strategy, symbol and account."""
    for row in Position.objects.filter(book_id=book_id, exit_kind__endswith=BY_HAND).exclude(quantity=0):
        yield (row.strategy, row.symbol, row.broker), Levels(row.stop_price, row.target_price)


def ignored(book_id: int) -> dict[str, dict[str, Decimal]]:
    """What is known to be somebody else's, account → symbol → signed quantity."""
    found: dict[str, dict[str, Decimal]] = {}
    for row in Adjustment.objects.filter(Q(policy=Policy.IGNORE), book_id=book_id):
        others = found.setdefault(row.broker, {})
        others[row.symbol] = others.get(row.symbol, Decimal(0)) + row.signed
    return found


_STAGES = {
    OrderState.APPROVED: 0,
    OrderState.SUBMITTED: 1,
    OrderState.ACCEPTED: 2,
    OrderState.UNKNOWN: 3,
    OrderState.PARTIALLY_FILLED: 4,
}


def order_value(row: Order) -> OrderValue:
    """The order of a row as the engine knows it."""
    return OrderValue(
        client_id=row.client_id,
        strategy=row.strategy,
        symbol=row.symbol,
        broker=row.broker,
        side=Side(row.side),
        quantity=row.quantity,
        type=OrderType(row.type),
        limit_price=row.limit_price,
        stop_price=row.stop_price,
        trail=row.trail,
        tif=TimeInForce(row.tif),
        intent=OrderIntent(row.intent),
        reason=row.reason,
        group=row.group,
        parent=row.parent,
        by_hand=ByHand(row.command, row.stop_loss, row.take_profit) if row.command else UNSET,
        contract=row.contract or UNSET,
    )


def _record(row: Order) -> OrderRecord:
    fills = list(row.fills.order_by("id"))
    state = OrderState(row.state)
    return OrderRecord(
        order_value(row),
        state=state,
        filled=sum((fill.quantity for fill in fills), Decimal(0)),
        value=sum((fill.quantity * fill.price for fill in fills), Decimal(0)),
        fill_ids=[fill.fill_id for fill in fills],
        venue_id=row.venue_id,
        stage=_STAGES.get(state, 2),
        sent_ts=int(row.created_at.timestamp() * 1e9) if state is not OrderState.APPROVED else 0,
    )
