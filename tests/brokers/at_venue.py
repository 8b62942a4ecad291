"""A book whose account is at a simulated venue: the real loop, gateway, comparison, adapter and sockets."""

import contextlib
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import brokers.asking
import brokers.clock
import brokers.ibkr.broker
import brokers.schwab.broker
import brokers.tastytrade.broker
from brokers.adapters import VENUES
from brokers.registry import FEATURES
from brokers.venue import VenueSetup
from engine.core import ExitPlacement
from engine.model.enums import Side
from engine.model.time import iso
from engine.strategy.slot import SlotConfig
from simulators.brokerage.faults import OrderFaultScript
from simulators.brokerage.orders import Ticket
from simulators.brokerage.updates import Update
from simulators.market import MarketConfig
from tests.contracts.venues import ENTRIES
from tests.contracts.venues.base import Simulated
from tests.engine.scenario import INSTRUMENTS
from tests.trading.runtime.live_stage import OPEN, Stage
from tests.wiretap import WireTap, tapped
from trading.runtime import accounts
from trading.runtime.policy import ExecutionPolicy

MARKET = MarketConfig(seed=5, symbols=("SPY", "/ES"), always_open=True, tick_rate=20.0)
POLICY = ExecutionPolicy(
    answer_s=2.0, never_came_after_s=1.5, confirm_cancel_s=0.2, poll_s=0.3, check_every_s=0.5, recheck_s=0.1
)
_TIMED = (
    brokers.asking, brokers.clock, brokers.ibkr.broker, brokers.schwab.broker, brokers.tastytrade.broker,
)  # fmt: skip


class There:
    """What really happens in the account."""

    def __init__(self, simulated: Simulated, tap: WireTap) -> None:
        self.simulated = simulated
        self.tap = tap
        self.course: list[Decimal] = []  # the position after everything that happened, whatever the symbol
        self.brokerage = simulated.brokerage
        self.brokerage.listen(self._note)

    def _note(self, update: Update) -> None:
        if update.holding is not None:
            self.course.append(update.holding.quantity)

    def held(self, symbol: str = "SPY") -> Decimal:
        return self.brokerage.account(self.simulated.account).quantity(symbol)

    @property
    def orders(self) -> list[Any]:
        return list(self.brokerage.orders(self.simulated.account))

    @property
    def executions(self) -> list[tuple[str, int]]:
        """Side and quantity of each, in order."""
        account = self.brokerage.account(self.simulated.account)
        return [(each.side.value, int(each.quantity)) for each in account.executions]

    @property
    def exposure(self) -> Decimal:
        """The largest position that there ever was, either side."""
        return max((abs(each) for each in self.course), default=Decimal(0))

    def price(self, symbol: str = "SPY") -> float:
        found = self.brokerage.price_of(symbol)
        assert found is not None
        return float(found)

    def fault(self, name: str, **values: Any) -> None:
        self.simulated.order_faults.add(OrderFaultScript(name, **values))

    def trade_by_hand(self, side: Side, quantity: int, symbol: str = "SPY") -> None:
        ticket = Ticket(symbol=symbol, side=side, quantity=Decimal(quantity))
        self.brokerage.place(self.simulated.account, ticket)


@contextlib.asynccontextmanager
async def book_at(
    name: str,
    *slots: SlotConfig,
    monkeypatch: pytest.MonkeyPatch,
    policy: ExecutionPolicy = POLICY,
    options: dict[str, Any] | None = None,
    start: int = OPEN,
    **config: Any,
) -> AsyncIterator[tuple[Stage, There]]:
    """A green book at the venue called `name`, by the simulated venue's wall clock; `config` goes to its engine."""
    (entry,) = (each for each in ENTRIES if each.name == name)
    features = FEATURES[name]
    async with contextlib.AsyncExitStack() as stack:
        simulated: Any = await stack.enter_async_context(entry.start(MARKET, start=iso(start), poll_s=0.01))
        setup = simulated.setup({"settle_s": 0.3, "timeout_s": 1.0, **(options or {})})
        port = int((setup.api_url or setup.options["gateway"]).rpartition(":")[2])
        tap = await stack.enter_async_context(
            tapped(port, look=lambda: simulated.brokerage.account(simulated.account).quantity("SPY"))
        )
        venue: Any = VENUES[name].make(_through(setup, tap.port))
        stage = Stage(
            *slots, venue=venue, policy=policy,
            linked_pairs=frozenset(
                ("sim", each.symbol) for each in INSTRUMENTS.values() if each.asset_class in features.linked_reversal
            ),
            exit_placement={"sim": ExitPlacement.SPLIT},
            venue_exits={"sim": accounts.exits_of(features, INSTRUMENTS.values(), where="venue")},
            **config,
        )  # fmt: skip
        now = simulated.clock.now
        stage.now_ns = now  # type: ignore[method-assign]
        clock = SimpleNamespace(time_ns=now, time=lambda: now() / 1e9, monotonic=time.monotonic)
        for module in _TIMED:
            monkeypatch.setattr(module, "time", clock)
        await venue.open()
        await stage.start(reconciles=True)
        try:
            await stage.until(lambda: stage.gateway.hold is None, "the account is green")
            yield stage, There(simulated, tap)
        finally:
            await stage.close()
            await venue.close()


def _through(setup: VenueSetup, port: int) -> VenueSetup:
    """The same account by way of another port."""
    if setup.api_url:
        return setup._replace(api_url=f"http://127.0.0.1:{port}")
    return setup._replace(options={**setup.options, "gateway": f"127.0.0.1:{port}"})


def patient(**values: Any) -> ExecutionPolicy:
    """Nothing is asked for by itself."""
    return msgspec.structs.replace(POLICY, check_every_s=60.0, poll_s=60.0, **values)
