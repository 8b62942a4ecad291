"""The gate: every order passes it, and only what it approves can be sent."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from engine.errors import InvariantBroken
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderIntent
from engine.model.orders import ApprovedOrder, Order, OrderDenied
from engine.risk.config import RiskConfig

ADDS_EXPOSURE = frozenset({OrderIntent.ENTRY, OrderIntent.REVERSAL})


class Denial(msgspec.Struct, frozen=True):
    """Which rule said no, to which value, by which limit, in words."""

    rule: str
    value: str
    limit: str
    reason: str


class Facts(msgspec.Struct):
    """What the rules may look at for one order."""

    now: int
    price: float  # the symbol's last price
    instrument: Instrument


Rule = Callable[[Order, Facts], Denial | None]


class RiskGate:
    """Approves or denies. Orders that only make a position smaller always pass."""

    def __init__(self, config: RiskConfig) -> None:
        self._rules: list[Rule] = _rules(config)
        self.halt_reason = ""

    @property
    def is_halted(self) -> bool:
        return bool(self.halt_reason)

    def check(self, order: Order, facts: Facts) -> ApprovedOrder | OrderDenied:
        """The verdict on an order that adds exposure."""
        denial = self._deny(order, facts)
        if denial is not None:
            return OrderDenied(facts.now, order, denial.rule, denial.value, denial.limit, denial.reason)
        return ApprovedOrder(facts.now, order)

    def release(self, order: Order, now: int) -> ApprovedOrder:
        """The verdict on an order that only makes a position smaller: yes. Another one is a broken invariant."""
        if order.intent in ADDS_EXPOSURE:
            raise InvariantBroken(f"{order.client_id} adds exposure and must be checked")
        return ApprovedOrder(now, order)

    def _deny(self, order: Order, facts: Facts) -> Denial | None:
        if self.halt_reason:
            return Denial("kill_switch", "halted", "not halted", f"the book is halted: {self.halt_reason}")
        for rule in self._rules:
            denial = rule(order, facts)
            if denial is not None:
                return denial
        return None


def _rules(config: RiskConfig) -> list[Rule]:
    rules: list[Rule] = []
    if config.max_order_quantity is not None:
        rules.append(_quantity(config.max_order_quantity))
    if config.max_order_notional is not None:
        rules.append(_notional(config.max_order_notional))
    return rules


def _quantity(limit: Decimal) -> Rule:
    def check(order: Order, facts: Facts) -> Denial | None:
        if order.quantity <= limit:
            return None
        return Denial("max_order_quantity", str(order.quantity), str(limit), "the order is larger than one may be")

    return check


def _notional(limit: Decimal) -> Rule:
    def check(order: Order, facts: Facts) -> Denial | None:
        price = order.limit_price or facts.instrument.price(facts.price)
        value = facts.instrument.notional(price=price, quantity=order.quantity)
        if value <= limit:
            return None
        return Denial("max_order_notional", str(value), str(limit), "the order is worth more than one may be")

    return check
