"""A brokerage on a market whose time the test moves."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from engine.model.time import NS_PER_S, from_datetime, to_datetime
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.brokerage.updates import Update
from simulators.market import Market, MarketConfig


class Desk:
    """The brokerage, what it told, and its clock."""

    account = "A1"

    def __init__(self, *, start: str, always_open: bool, cash: Decimal, is_margin: bool) -> None:
        self.time = from_datetime(datetime.fromisoformat(start))
        self.began = self.time
        self.market = Market(
            MarketConfig(seed=5, tick_rate=8.0, always_open=always_open), today=to_datetime(self.time).date()
        )
        self.faults = OrderFaults(seed=5, clock=self.clock)
        setup = BrokerageSetup(accounts=(AccountSetup(self.account, cash=cash, is_margin=is_margin),))
        self.brokerage = Brokerage(
            self.market, setup, market_now=lambda: self.time, faults=self.faults, clock=self.clock
        )
        self.updates: list[Update] = []
        self.brokerage.listen(self.updates.append)

    def clock(self) -> float:
        return (self.time - self.began) / NS_PER_S

    def pass_s(self, seconds: float, *, step_s: float = 0.5) -> None:
        for _ in range(round(seconds / step_s)):
            self.time += int(step_s * NS_PER_S)
            self.brokerage.advance()

    def fault(self, name: str, **values) -> None:
        self.faults.add(OrderFaultScript(name, **values))

    def told(self, order_id: int) -> list[str]:
        """The states in which the order was told, fills as they came."""
        return [f"{u.kind}:{u.order.state}" for u in self.updates if u.order is not None and u.order.id == order_id]


@pytest.fixture
def open_desk() -> Callable[..., Desk]:
    def make(
        *,
        start: str = "2026-11-20T15:00:20+00:00",
        always_open: bool = True,
        cash: int = 100_000,
        is_margin: bool = True,
    ) -> Desk:
        return Desk(start=start, always_open=always_open, cash=Decimal(cash), is_margin=is_margin)

    return make


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
