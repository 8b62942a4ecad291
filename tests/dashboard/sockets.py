"""A client of the pages' WebSockets."""

import asyncio
import json
from typing import Any

from channels.testing import WebsocketCommunicator

DEADLINE_S = 10.0
GOODBYE_S = 0.5  # a socket that ends just after it began loses its first cancellation (infra.cancelling): ended for it


class Socket(WebsocketCommunicator):
    """A client of one socket."""

    async def read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.receive_from(timeout=DEADLINE_S))
        return message

    async def read_until(self, wanted) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while not wanted(message := await self.read()):
                pass
            return message
