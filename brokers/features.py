"""What a venue can do, as data: asked before an order is made, and shown in the admin."""

from decimal import Decimal

import msgspec

from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, TimeInForce

ALL_ORDER_TYPES = frozenset(OrderType)
NO_PAIRS = "{} trades no currency pairs. Set this quantity to 0 and trade the pair at Interactive Brokers."


class Features(msgspec.Struct, frozen=True):
    """The capabilities of one venue.

    `linked_reversal`: the classes in which a reversal must be two orders, the second sent when the first is filled.
    `fractional`: the classes in which a quantity need not be whole. `has_paper`: the venue itself offers practice
    accounts. `orders_per_minute`: the venue's own limit, None where it states none. `reasons`: why a class that
    people ask for is missing, in words for them. `paired_exits`: the classes in which a stop and a target wait as one
    native pair (`brokers.venue.PairsExits`). `moves_stops`: `replace` changes the price of a stop that waits.
    `needs_gateway`: it is reached through a program of the venue, which runs here and has the login.
    """

    title: str
    asset_classes: frozenset[AssetClass]
    order_types: frozenset[OrderType] = ALL_ORDER_TYPES
    time_in_force: frozenset[TimeInForce] = frozenset(TimeInForce)
    has_paper: bool = False
    extended_hours: bool = False
    one_cancels_other: bool = False
    client_order_ids: bool = False
    linked_reversal: frozenset[AssetClass] = frozenset()
    fractional: frozenset[AssetClass] = frozenset()
    fraction_step: Decimal = Decimal("0.000001")
    orders_per_minute: int | None = None
    reasons: dict[AssetClass, str] = {}
    paired_exits: frozenset[AssetClass] = frozenset()
    moves_stops: bool = False
    needs_gateway: bool = False

    def asset_class_problem(self, asset_class: AssetClass) -> str:
        """Why this class cannot be traded here, in a sentence; empty where it can."""
        if asset_class in self.asset_classes:
            return ""
        return self.reasons.get(asset_class, f"{self.title} takes no orders for this asset class ({asset_class}).")

    def quantity_problem(self, asset_class: AssetClass, quantity: Decimal) -> str:
        """Why this quantity cannot be ordered here, in a sentence; empty where it can. Zero means: not here."""
        if quantity < 0:
            return f"a quantity of 0 or more was expected, found {quantity}."
        if quantity == 0:
            return ""
        problem = self.asset_class_problem(asset_class)
        if problem:
            return problem
        step = self.fraction_step if asset_class in self.fractional else Decimal(1)
        if quantity % step:
            return f"{self.title} takes multiples of {step.normalize():f} for this asset class, found {quantity}."
        return ""
