"""tastytrade's order side as one thing to start and stop: broker, REST, account streamer, faults."""

import asyncio
import logging
import time

import msgspec

from infra.cancelling import cancel
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.brokerage.gate import Gate
from simulators.clock import MarketClock
from simulators.dxlink.quote_tokens import TokenDesk
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.tastytrade.rest import RestDesk
from simulators.tastytrade.streamer import IDLE_S, AccountStreamer
from simulators.tastytrade.words import error

_log = logging.getLogger(__name__)


class TastytradeSetup(msgspec.Struct, frozen=True):
    """Accounts, and what goes wrong from the start. Port 0 takes a free one, None the third after the first."""

    accounts: tuple[AccountSetup, ...] = (AccountSetup("5WT00001"),)
    streamer_port: int | None = None
    idle_s: float = IDLE_S
    faults: tuple[OrderFaultScript, ...] = ()


class TastytradeVenue:
    """Moved forward by its own loop every `poll_s`."""

    def __init__(
        self, market: Market, clock: MarketClock, tokens: TokenDesk, setup: TastytradeSetup, *, poll_s: float
    ) -> None:
        self.setup = setup
        self.faults = OrderFaults(seed=market.config.seed, clock=time.monotonic)
        self.brokerage = Brokerage(
            market, BrokerageSetup(accounts=setup.accounts), market_now=clock.now, faults=self.faults
        )
        self.rest = RestDesk(self.brokerage, market, tokens, Gate(self.faults, error))
        self.streamer = AccountStreamer(
            self.brokerage, token_is_good=tokens.access_token_is_valid, is_down=self._is_down, idle_s=setup.idle_s
        )
        self._poll_s = poll_s
        self._task: asyncio.Task[None] | None = None

    def handle(self, request: HttpRequest) -> HttpResponse | None:
        return self.rest.handle(request)

    async def start(self, host: str, port: int) -> int:
        """Listen for account streams; returns the port."""
        for script in self.setup.faults:
            self.faults.add(script)
        found = await self.streamer.start(host, port)
        self._task = asyncio.create_task(self._run())
        return found

    async def close(self) -> None:
        if self._task is not None:
            await cancel(self._task)
        await self.streamer.close()

    async def _run(self) -> None:
        while True:
            try:
                self.faults.advance(self.streamer)
                self.brokerage.advance()
                self.streamer.check()
            except Exception:
                _log.exception("the simulated broker failed")
                raise
            await asyncio.sleep(self._poll_s)

    def _is_down(self) -> bool:
        return bool(self.faults.active("restart") or self.faults.active("cut_stream"))
