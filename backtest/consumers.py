"""The WebSocket of a study: how far it is, then every step."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from backtest.distributed.work import progress_of
from backtest.models import Study
from engine.errors import NotFound
from infra.redis import keys
from infra.web.sockets import UNKNOWN, refusal_of


class ProgressConsumer(AsyncJsonWebsocketConsumer, ABC):
    """Progress of one long work, by its number: at once, then at every step. Who watches needs `permission`."""

    kind: ClassVar[str]
    permission: ClassVar[str] = ""

    @abstractmethod
    def group(self, number: int) -> str:
        """Where its steps are told."""

    @abstractmethod
    def now(self, number: int) -> Mapping[str, Any]:
        """How far it is; `NotFound` where there is none."""

    async def connect(self) -> None:
        self._group = ""
        refused = await refusal_of(self.scope["user"], self.permission)
        if refused is not None:
            await self.close(code=refused)
            return
        await self.accept()
        number = self.scope["url_route"]["kwargs"]["number"]
        try:
            now = await database_sync_to_async(self.now)(number)
        except NotFound as error:
            await self.close(code=UNKNOWN, reason=error.detail)
            return
        self._group = self.group(number)
        await self.channel_layer.group_add(self._group, self.channel_name)
        await self.send_json({"kind": self.kind, **now})

    async def disconnect(self, code: int) -> None:
        if self._group:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def book_event(self, message: dict[str, Any]) -> None:
        """A step: forwarded as it is."""
        await self.send_json(message["payload"])


class StudyConsumer(ProgressConsumer):
    """`/ws/backtests/{study}`: {"kind": "study", "state", "done", "total", "shards"}."""

    kind = "study"
    permission = "backtest.view_study"

    def group(self, number: int) -> str:
        return keys.study_group(number)

    def now(self, number: int) -> Mapping[str, Any]:
        try:
            return progress_of(number)
        except Study.DoesNotExist as error:
            raise NotFound(f"there is no study {number}", field="study") from error
