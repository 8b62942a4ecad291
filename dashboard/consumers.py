"""The book's WebSocket: what the book is now, then every committed fact."""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from dashboard import selectors
from dashboard.book_feed import BookViewer, watch
from engine.errors import NotFound
from infra.cancelling import cancel
from infra.redis import keys

UNAUTHENTICATED = 4401
UNKNOWN_BOOK = 4404


class BookConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/book/{book}`: an overview, then facts as they are committed, and a pulse twice a second."""

    async def connect(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._viewer: BookViewer | None = None
        if not self.scope["user"].is_authenticated:
            await self.close(code=UNAUTHENTICATED)  # before accept: the handshake itself is refused
            return
        await self.accept()
        self._book = self.scope["url_route"]["kwargs"]["book"]
        try:
            await database_sync_to_async(selectors.get_book)(name=self._book)
        except NotFound as error:
            await self.close(code=UNKNOWN_BOOK, reason=error.detail[:120])
            return
        for group in self._groups():
            await self.channel_layer.group_add(group, self.channel_name)
        self._task = asyncio.create_task(self._forward())

    async def disconnect(self, code: int) -> None:
        if self._task is not None:
            await cancel(self._task)
            for group in self._groups():
                await self.channel_layer.group_discard(group, self.channel_name)

    def _groups(self) -> tuple[str, ...]:
        """The book's facts, the feeds' state, and what concerns this person (a login at a broker)."""
        return keys.book_group(self._book), keys.feeds_group(), keys.user_group(self.scope["user"].pk)

    async def book_event(self, message: dict[str, Any]) -> None:
        """A committed fact, or a batch of them: forwarded as it is."""
        if self._viewer is not None:
            self._viewer.feed.touch()
        await self.send_json(message["payload"])

    async def _forward(self) -> None:
        async with watch(self._book) as self._viewer:
            while True:
                for text in await self._viewer.next():
                    await self.send(text_data=text)
