"""The socket of the bell: each notice as it is told, on every page."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from infra.redis import keys
from infra.web.sockets import refusal_of


class NoticesConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/notices`: what is told to this person from now on; what came before is asked for by HTTP."""

    async def connect(self) -> None:
        self._group = ""
        refused = await refusal_of(self.scope["user"])
        if refused is not None:
            await self.close(code=refused)
            return
        self._group = keys.user_group(self.scope["user"].pk)
        await self.channel_layer.group_add(self._group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self._group:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def book_event(self, message: dict[str, Any]) -> None:
        """Progress and logins travel in the same group and are for other listeners."""
        if message["payload"].get("kind") == "Notice":
            await self.send_json(message["payload"])
