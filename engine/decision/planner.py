"""From "what the position should be" to one net order, or to the first leg of a linked pair."""

from decimal import Decimal

import msgspec

from engine.model.enums import OrderIntent, Side

ZERO = Decimal(0)
# Looking a member up in its enum costs more than the rest of a line; here it is done once.
BUY, SELL = Side.BUY, Side.SELL
ENTRY, EXIT, REVERSAL, ADJUST = OrderIntent.ENTRY, OrderIntent.EXIT, OrderIntent.REVERSAL, OrderIntent.ADJUST


class Leg(msgspec.Struct, frozen=True):
    """The next order towards a target. `is_last` is False for the closing leg of a linked pair: the opening leg
    follows when this one is confirmed filled."""

    side: Side
    quantity: Decimal
    intent: OrderIntent
    is_last: bool = True

    @property
    def adds_exposure(self) -> bool:
        return self.intent in (OrderIntent.ENTRY, OrderIntent.REVERSAL)


def next_leg(*, target: Decimal, position: Decimal, working: Decimal, is_linked: bool) -> Leg | None:
    """target − position − working as one net order; None when the gap is zero.

    All quantities are signed. Where the venue does not allow one order to cross zero (`is_linked`), the position is
    closed first.
    """
    held = position + working
    gap = target - held
    if not gap:
        return None
    intent = _intent(held, target)
    if is_linked and intent is REVERSAL:
        return Leg(SELL if held > 0 else BUY, abs(held), EXIT, is_last=False)
    return Leg(BUY if gap > 0 else SELL, abs(gap), intent)


def _intent(held: Decimal, target: Decimal) -> OrderIntent:
    if not held:
        return ENTRY
    if not target:
        return EXIT
    if held * target < 0:
        return REVERSAL
    return ENTRY if abs(target) > abs(held) else ADJUST
