"""Schwab's order side: the broker, its requests, its stream of activity, its faults."""

import asyncio
import logging
import time
from collections.abc import Callable

from infra.cancelling import cancel
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.faults import OrderFaults, OrderFaultScript, StreamControls
from simulators.brokerage.gate import Gate
from simulators.brokerage.updates import Update
from simulators.clock import MarketClock
from simulators.http_server import HttpResponse
from simulators.market import Market
from simulators.schwab.activity import message_of
from simulators.schwab.answers import gateway_error, trader_error
from simulators.schwab.trader import TraderDesk

FIRST_ORDER_ID = 1_005_000_001
ACCOUNTS = (AccountSetup("12345678"),)
_log = logging.getLogger(__name__)

Tell = Callable[[str, str, str], None]


class SchwabBroker:
    """Moved forward by its own loop every `poll_s`; `tell` gets account, type and data of each activity."""

    def __init__(
        self, market: Market, clock: MarketClock, accounts: tuple[AccountSetup, ...], *, poll_s: float, tell: Tell
    ) -> None:
        self.faults = OrderFaults(seed=market.config.seed, clock=time.monotonic)
        setup = BrokerageSetup(accounts=accounts, first_order_id=FIRST_ORDER_ID)
        self.brokerage = Brokerage(market, setup, market_now=clock.now, faults=self.faults)
        self.desk = TraderDesk(self.brokerage, Gate(self.faults, _render))
        self._poll_s = poll_s
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self.brokerage.listen(self._told)

    @property
    def is_down(self) -> bool:
        """The stream is refused."""
        return bool(self.faults.active("restart") or self.faults.active("cut_stream"))

    def start(self, controls: StreamControls, scripts: tuple[OrderFaultScript, ...]) -> None:
        for script in scripts:
            self.faults.add(script)
        self._task = asyncio.create_task(self._run(controls))

    async def close(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def _run(self, controls: StreamControls) -> None:
        while True:
            try:
                self.faults.advance(controls)
                self.brokerage.advance()
            except Exception:
                _log.exception("the simulated broker failed")
                raise
            await asyncio.sleep(self._poll_s)

    def _told(self, update: Update) -> None:
        message = message_of(update)
        if message is not None:
            self._tell(update.account.number, *message)


def _render(status: int, code: str, text: str) -> HttpResponse:
    if status in (401, 429):
        return gateway_error(status, "Unauthorized" if status == 401 else "Too Many Requests", text)
    return trader_error(status, text)
