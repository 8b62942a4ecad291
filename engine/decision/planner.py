"""From "what the position should be" to one net order, or to the first leg of a linked pair."""

from decimal import Decimal

import msgspec

from engine.model.enums import OrderIntent, Side

ZERO = Decimal(0)


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
    crosses = held * target < 0
    if crosses and is_linked:
        return _leg(-held, OrderIntent.EXIT, is_last=False)
    return _leg(gap, _intent(held, target))


def _leg(signed: Decimal, intent: OrderIntent, *, is_last: bool = True) -> Leg:
    return Leg(Side.BUY if signed > 0 else Side.SELL, abs(signed), intent, is_last)


def _intent(held: Decimal, target: Decimal) -> OrderIntent:
    if not held:
        return OrderIntent.ENTRY
    if not target:
        return OrderIntent.EXIT
    if held * target < 0:
        return OrderIntent.REVERSAL
    return OrderIntent.ENTRY if abs(target) > abs(held) else OrderIntent.ADJUST
