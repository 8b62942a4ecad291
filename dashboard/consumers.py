"""The WebSockets of a book (what it is now, then every committed fact), of an option chain and of the market."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from dashboard import chain_feed, market, market_feed
from dashboard.book_feed import BookFeed, watch
from dashboard.shared_feed import SharedViewer
from engine.errors import InvalidInput, NotFound
from infra.cancelling import cancel
from infra.redis import keys
from infra.web.sockets import INVALID, UNKNOWN, refusal_of
from trading.book_services import book_of
from trading.options.boards import board_setup


class BookConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/book/{book}`: an overview, then facts as they are committed, and a pulse twice a second."""

    async def connect(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._viewer: SharedViewer[BookFeed] | None = None
        refused = await refusal_of(self.scope["user"], "trading.view_book")
        if refused is not None:
            await self.close(code=refused)  # before accept: the handshake itself is refused
            return
        await self.accept()
        self._book = self.scope["url_route"]["kwargs"]["book"]
        try:
            await database_sync_to_async(book_of)(self._book)
        except NotFound as error:
            await self.close(code=UNKNOWN, reason=error.detail[:120])
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


class FollowingConsumer(AsyncJsonWebsocketConsumer, ABC):
    """Sends what is shared by all who ask for the same, as long as somebody listens."""

    permission = ""  # beside a login

    @abstractmethod
    def chosen(self, asked: Mapping[str, str]) -> AbstractAsyncContextManager[SharedViewer[Any]]:
        """What the address asks for; `InvalidInput` closes the socket with its reason. May read the database."""

    async def connect(self) -> None:
        self._task: asyncio.Task[None] | None = None
        refused = await refusal_of(self.scope["user"], self.permission)
        if refused is not None:
            await self.close(code=refused)
            return
        await self.accept()
        asked = {name: values[0] for name, values in parse_qs(self.scope["query_string"].decode()).items()}
        try:
            watched = await database_sync_to_async(self.chosen)(asked)
        except InvalidInput as error:
            await self.close(code=INVALID, reason=error.detail[:120])
            return
        self._task = asyncio.create_task(self._forward(watched))

    async def disconnect(self, code: int) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def _forward(self, watched: AbstractAsyncContextManager[SharedViewer[Any]]) -> None:
        async with watched as viewer:
            while True:
                for text in await viewer.next():
                    await self.send(text_data=text)


class ChainConsumer(FollowingConsumer):
    """`/ws/chain/{symbol}?source=`: the chain as it is now, twice a second."""

    permission = "trading.view_book"

    def chosen(self, asked: Mapping[str, str]) -> AbstractAsyncContextManager[SharedViewer[Any]]:
        return chain_feed.watch(board_setup(self.scope["url_route"]["kwargs"]["symbol"], asked.get("source", "")))


class MarketConsumer(FollowingConsumer):
    """`/ws/market?symbols=SPY,/MES&feed=&minutes=15`: quotes of these, and what moves, twice a second."""

    def chosen(self, asked: Mapping[str, str]) -> AbstractAsyncContextManager[SharedViewer[Any]]:
        return market_feed.watch(market.watched(asked))
