"""The WebSocket of a study: how far it is, then every step."""

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from backtest.distributed.work import progress_of
from backtest.models import Study
from infra.redis import keys

UNAUTHENTICATED = 4401
UNKNOWN_STUDY = 4404


class StudyConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/backtests/{study}`: {"kind": "study", "state", "done", "total", "shards"} at once and at every step."""

    async def connect(self) -> None:
        self._group = ""
        if not self.scope["user"].is_authenticated:
            await self.close(code=UNAUTHENTICATED)
            return
        await self.accept()
        study = self.scope["url_route"]["kwargs"]["study"]
        try:
            now = await database_sync_to_async(progress_of)(study)
        except Study.DoesNotExist:
            await self.close(code=UNKNOWN_STUDY, reason=f"there is no study {study}")
            return
        self._group = keys.study_group(study)
        await self.channel_layer.group_add(self._group, self.channel_name)
        await self.send_json({"kind": "study", **now})

    async def disconnect(self, code: int) -> None:
        if self._group:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def book_event(self, message: dict[str, Any]) -> None:
        """A step: forwarded as it is."""
        await self.send_json(message["payload"])
