"""A client of the pages' WebSockets, in the process of the test."""

import asyncio
import json
from typing import Any

from channels.testing import WebsocketCommunicator

from infra.cancelling import cancel
from tests.waiting import DEADLINE_S

GOODBYE_S = 2.0  # one whose cancellation was lost (infra.cancelling) would not end by itself for seconds: ended for it


class Socket(WebsocketCommunicator):
    """One socket, as patient as a slow machine needs; `disconnect` ends it whatever became of it before."""

    is_closed = False  # by the application

    async def connect(self, timeout: float = DEADLINE_S) -> tuple[bool, Any]:
        """Whether it is open, with the code it was closed with if it is not."""
        answer: tuple[bool, Any] = await super().connect(timeout)
        return answer

    async def receive_output(self, timeout: float = DEADLINE_S) -> dict[str, Any]:
        message: dict[str, Any] = await super().receive_output(timeout)
        self.is_closed = self.is_closed or message["type"] == "websocket.close"
        return message

    async def disconnect(self, code: int = 1000, timeout: float = GOODBYE_S) -> None:
        """Say goodbye, and end what does not end by itself; what the application raised is raised here.

        One that closed by itself has nothing to finish, and often just lost the cancellation of its reading.
        """
        self.input_queue.put_nowait({"type": "websocket.disconnect", "code": code})
        await asyncio.wait({self.future}, timeout=0 if self.is_closed else timeout)
        if not self.future.done():
            await cancel(self.future)
        elif not self.future.cancelled():
            self.future.result()

    async def read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.receive_from(timeout=DEADLINE_S))
        return message

    async def read_until(self, wanted) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while not wanted(message := await self.read()):
                pass
            return message
