"""The limits of a book; what is None is not limited."""

from decimal import Decimal

import msgspec


class RiskConfig(msgspec.Struct, frozen=True):
    """Limits over the whole book."""

    max_order_quantity: Decimal | None = None
    max_order_notional: Decimal | None = None
