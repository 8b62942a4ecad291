"""The gate: every order passes it, and only what it approves can be sent."""

from datetime import date

import msgspec

from engine.errors import InvariantBroken
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderIntent
from engine.model.orders import ApprovedOrder, Order, OrderDenied
from engine.model.positions import TradeClosed
from engine.risk.config import RiskConfig
from engine.risk.day_trading import counts, trading_date
from engine.risk.rules import DayTrading, Denial, Facts, OrderRate, build_rules

ENTRY, REVERSAL = OrderIntent.ENTRY, OrderIntent.REVERSAL


def adds_exposure(order: Order) -> bool:
    """Whether the order opens, turns or enlarges a position."""
    intent = order.intent
    return intent is ENTRY or intent is REVERSAL


class Hold(msgspec.Struct, frozen=True):
    """Why nothing is entered at a broker for now; in some symbols only, where any are named."""

    reason: str
    symbols: frozenset[str] = frozenset()

    def concerns(self, symbol: str) -> bool:
        return not self.symbols or symbol in self.symbols


class GateState(msgspec.Struct):
    """The gate in a snapshot."""

    halt_reason: str = ""
    order_times: list[int] = []
    day_trades: dict[str, list[date]] = {}


class RiskGate:
    """Approves or denies. Orders that only make a position smaller always pass."""

    def __init__(self, config: RiskConfig) -> None:
        self.halt_reason = ""
        self.require_exits = config.require_exits
        self.holds: dict[str, Hold] = {}  # by broker; not part of the state: accounts are compared anew at every start
        self._rules = build_rules(config)
        self.rate = next((rule for rule in self._rules if isinstance(rule, OrderRate)), None)
        self.day_trading = next((rule for rule in self._rules if isinstance(rule, DayTrading)), None)

    @property
    def is_halted(self) -> bool:
        return bool(self.halt_reason)

    def check(self, order: Order, facts: Facts) -> ApprovedOrder | OrderDenied:
        """The verdict on an order that adds exposure: the first rule that objects decides."""
        denial = self._deny(order, facts)
        if denial is not None:
            return OrderDenied(facts.now, order, denial.rule, denial.value, denial.limit, denial.reason)
        if self.rate is not None:
            self.rate.times.append(facts.now)
        return ApprovedOrder(facts.now, order)

    def release(self, order: Order, now: int) -> ApprovedOrder:
        """The verdict on an order that only makes a position smaller: yes. Another one is a broken invariant."""
        if adds_exposure(order):
            raise InvariantBroken(f"{order.client_id} adds exposure and must be checked")
        return ApprovedOrder(now, order)

    def note(self, trade: TradeClosed, instrument: Instrument) -> None:
        """A round trip ended; within one day it is a day trade."""
        rule = self.day_trading
        if rule is None or trade.broker not in rule.trades or not counts(instrument):
            return
        day = trading_date(trade.exit_ts)
        if trading_date(trade.entry_ts) == day:
            rule.trades[trade.broker].add(day)

    def state(self) -> GateState:
        """For a snapshot."""
        days = self.day_trading.trades if self.day_trading else {}
        return GateState(
            self.halt_reason,
            list(self.rate.times) if self.rate else [],
            {broker: list(trades.days) for broker, trades in days.items()},
        )

    def load(self, state: GateState) -> None:
        """From a snapshot."""
        self.halt_reason = state.halt_reason
        if self.rate is not None:
            self.rate.times.extend(state.order_times)
        if self.day_trading is not None:
            for broker, days in state.day_trades.items():
                if broker in self.day_trading.trades:
                    self.day_trading.trades[broker].days.clear()
                    self.day_trading.trades[broker].days.extend(days)

    def _deny(self, order: Order, facts: Facts) -> Denial | None:
        if self.halt_reason:
            return Denial("kill_switch", "halted", "not halted", f"the book is halted: {self.halt_reason}")
        hold = self.holds.get(order.broker) if self.holds else None
        if hold is not None and hold.concerns(order.symbol):
            return Denial("reconciliation", order.broker, "an account that agrees with our books", hold.reason)
        for rule in self._rules:
            denial = rule.check(order, facts)
            if denial is not None:
                return denial
        return None
