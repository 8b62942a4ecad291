"""What leaves for a venue with one call: an order, or a stop and a target as one native pair."""

from collections.abc import Iterable, Sequence

from brokers.venue import PairsExits, Venue, VenueOrder, VenueRequest
from engine.errors import InvariantBroken
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderType
from engine.model.orders import Order
from trading.runtime.account import Account

PAIR = (OrderType.STOP, OrderType.LIMIT)

Names = tuple[str, ...]  # of the orders of a parcel, the stop first


def parcels(orders: Iterable[Order], account: Account) -> list[Names]:
    """Which of the orders leave together."""
    groups: dict[str, list[Order]] = {}
    for order in orders:
        groups.setdefault(order.group or order.client_id, []).append(order)
    found: list[Names] = []
    for legs in groups.values():
        legs.sort(key=lambda order: order.type is not OrderType.STOP)
        names = tuple(order.client_id for order in legs)
        found += [names] if _is_pair(legs, account) else [(name,) for name in names]
    return found


def _is_pair(legs: Sequence[Order], account: Account) -> bool:
    if tuple(order.type for order in legs) != PAIR or legs[0].quantity != legs[1].quantity:
        return False
    return account.instrument(legs[0]).asset_class in account.venue.features.paired_exits


def request_for(venue: Venue, orders: Sequence[Order], instrument: Instrument) -> VenueRequest:
    """What `place` would send; raises like the venue's own."""
    if len(orders) == 1:
        return venue.request_for(orders[0], instrument)
    return _pairing(venue).request_for_pair(orders[0], orders[1], instrument)


async def place(venue: Venue, orders: Sequence[Order], instrument: Instrument) -> tuple[VenueOrder, ...]:
    """One call, and what the venue made of each order; raises like the venue's own."""
    if len(orders) == 1:
        return (await venue.place(orders[0], instrument),)
    return await _pairing(venue).place_pair(orders[0], orders[1], instrument)


def _pairing(venue: Venue) -> PairsExits:
    if not isinstance(venue, PairsExits):
        raise InvariantBroken(f"{venue.features.title} says that it takes pairs, and has no way to")
    return venue
