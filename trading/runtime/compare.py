"""The comparison itself: what our books say against what the venue told; pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from brokers.venue import Balances, VenueFill, VenueOrder, VenuePosition
from engine.core.rolls import Rolls
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.accounts import CASH, Difference
from engine.model.enums import OrderType
from engine.orders.lifecycle import OrderRecord
from trading.runtime.policy import ExecutionPolicy

ZERO = Decimal(0)


class Truth(NamedTuple):
    """What the account holds, as the venue told within one round of questions about everything after `since`."""

    orders: tuple[VenueOrder, ...]
    fills: tuple[VenueFill, ...]
    positions: tuple[VenuePosition, ...]
    balances: Balances
    since: int


class Findings(NamedTuple):
    """What differs."""

    differences: tuple[Difference, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal while the same is wrong, also where trading goes on: then both sides move."""
        return tuple((each.symbol, each.gap, each.policy) for each in self.differences), self.problems

    @property
    def are_none(self) -> bool:
        return not self.differences and not self.problems


def position_differences(
    books: Mapping[str, Decimal],
    truth: Truth,
    strangers: Iterable[VenueFill],
    policy: ExecutionPolicy,
    *,
    rolls: Rolls,
    now: int,
) -> tuple[Difference, ...]:
    """Symbols of which the account holds something else than `books` say, by symbol. `strangers` are executions that
    are not ours: where they explain the whole difference they also tell its price.

    Futures are compared contract by contract: `books` name them so, and a root that the venue tells is the active one.
    """
    theirs = {rolls.active(position.symbol, now): position for position in truth.positions if position.quantity}
    others = [replace(fill, symbol=rolls.active(fill.symbol, now)) for fill in strangers]
    found = []
    for symbol in sorted({*books, *theirs}):
        ours = books.get(symbol, ZERO)
        held = theirs[symbol].quantity if symbol in theirs else ZERO
        if ours != held:
            price = _price(symbol, held - ours, others)
            if price is None and not ours and symbol in theirs:
                price = theirs[symbol].average_price
            detail = f"our books say {ours.normalize():f}, the account holds {held.normalize():f}"
            name = rolls.booked(symbol, now)
            found.append(Difference(name, ours, held, policy.of(name), price, detail))
    return tuple(found)


def may_have_moved(record: OrderRecord, told: VenueOrder) -> bool:
    """Whether the venue has the stop at another price than we know, and none of us asked for that."""
    if not record.is_open or record.is_cancelling or record.moving_to is not None or told.state.is_final:
        return False
    return record.order.type is OrderType.STOP and told.stop_price != record.order.stop_price


def cash_difference(ours: Decimal | None, truth: Truth, policy: ExecutionPolicy) -> Difference | None:
    """The account's money against our books, where both are known and differ by more than the tolerance."""
    theirs = truth.balances.cash
    if ours is None or theirs is None or abs(theirs - ours) <= Decimal(str(policy.cash_tolerance)):
        return None
    detail = f"our books say {ours:.2f} of money, the account holds {theirs:.2f}"
    return Difference(CASH, ours, theirs, policy.cash_differences, Decimal(1), detail)


def why_cash_is_unknown(truth: Truth, instruments: Iterable[Instrument]) -> str:
    """Why the account's money says nothing; empty where it can be compared."""
    if truth.balances.cash is None:
        return "its money was not compared: the venue does not tell it"
    classes = {each.asset_class for each in instruments}
    if AssetClass.FOREX in classes:
        return "its money was not compared: the venue keeps what a pair bought as money of that currency"
    if AssetClass.FUTURE in classes:
        return "its money was not compared: what futures earn enters it when the venue settles"
    return ""


def _price(symbol: str, gap: Decimal, fills: Iterable[VenueFill]) -> Decimal | None:
    """The average price of those executions, where they add up to `gap`."""
    chosen = [fill for fill in fills if fill.symbol == symbol]
    if not chosen or sum((fill.side.sign * fill.quantity for fill in chosen), ZERO) != gap:
        return None
    quantity = sum((fill.quantity for fill in chosen), ZERO)
    cost = sum((fill.quantity * fill.price for fill in chosen), ZERO)
    return (cost / quantity).quantize(Decimal("1e-8")).normalize()


def missing_fills(records: Iterable[OrderRecord], truth: Truth, *, sent_after: int) -> tuple[str, ...]:
    """Executions of orders sent after `sent_after` that our books count and the venue does not tell, in words."""
    told = {fill.fill_id for fill in truth.fills}
    told |= {fill.fill_id for order in truth.orders for fill in order.fills}
    return tuple(
        f"execution {fill_id} of {record.order.client_id} is in our books, and the venue does not tell it"
        for record in records
        if record.sent_ts > sent_after
        for fill_id in record.fill_ids
        if fill_id not in told
    )
