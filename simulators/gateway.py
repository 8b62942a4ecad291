"""A simulated venue that programs reach over a bare socket: its gateway, beside HTTP."""

from typing import Any

from simulators.listening import SocketListener
from simulators.service import Service, ServiceConfig


class GatewayConfig(ServiceConfig, frozen=True, kw_only=True):
    """`gateway_port` None is `port` + 1 (0: a free one)."""

    gateway_port: int | None = None


class GatewaySimulator(Service):
    """The part that is the same at all of them; each makes its `gateway`."""

    config: GatewayConfig
    gateway: SocketListener[Any]
    gateway_port = 0

    @property
    def gateway_address(self) -> str:
        return f"{self.config.host}:{self.gateway_port}"

    @property
    def attempts(self) -> int:
        """How often a program came: requests and connections, granted or refused."""
        return self._requests + self.gateway.attempts

    async def _start_streams(self) -> None:
        self.gateway_port = await self.gateway.start(self.config.host, self._port(self.config.gateway_port))

    async def _close_streams(self) -> None:
        await self.gateway.close()
