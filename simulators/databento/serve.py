"""Databento's simulator as one thing to start and stop: the market, the live gateway, the historical interface."""

from typing import Any

from engine.model.time import iso
from simulators.databento.damage import DAMAGES
from simulators.databento.gateway import Gateway
from simulators.databento.historical import Historical
from simulators.gateway import GatewayConfig, GatewaySimulator
from simulators.http_server import HttpRequest, HttpResponse

KEY = "db-simulatedsimulatedsimulated12"


class DatabentoConfig(GatewayConfig, frozen=True, kw_only=True):
    """`history_lag_s`: how far the historical interface, which is on `port`, is behind the market."""

    keys: tuple[str, ...] = (KEY,)
    history_lag_s: float = 0.0


class DatabentoSimulator(GatewaySimulator):
    """A running simulator."""

    damages = DAMAGES
    too_many = {"detail": {"case": "rate_limited", "message": "Too many requests", "status_code": 429}}

    def __init__(self, config: DatabentoConfig) -> None:
        super().__init__(config)
        self.config: DatabentoConfig = config
        self.gateway: Gateway = Gateway(
            self.market, self.clock, self.faults, keys=config.keys, poll_s=config.poll_s, seed=config.market.seed
        )
        self.historical = Historical(
            self.market, self.clock.now, keys=self.gateway.keys, lag_s=config.history_lag_s
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""
        return {
            "venue": "databento",
            "market_time": iso(self.clock.now()),
            "symbols": list(self.market.listings),
            "connections": len(self.gateway.clients),
            "gateway": self.gateway_address,
            "faults": self.faults.names(),
        }

    def _handle(self, request: HttpRequest) -> HttpResponse:
        return self.historical.handle(request)


async def serve(config: DatabentoConfig) -> DatabentoSimulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await DatabentoSimulator(config).start()
