"""The chart's WebSocket: one viewer of this process's relay per connection."""

import asyncio
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput
from infra.cancelling import cancel
from infra.redis.client import async_client
from infra.web.sockets import INVALID, refusal_of
from marketdata.chart_specs import line_specs
from marketdata.lines import IndicatorLines
from marketdata.relay import ChartRelay

WINDOW = 8  # frames under way to a viewer that acknowledges, before it is waited for

_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, ChartRelay] = WeakKeyDictionary()


def relay() -> ChartRelay:
    """The relay of the running loop: one in a web process."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = ChartRelay(async_client(settings.REDIS_URL), new_lines=IndicatorLines)
    return _relays[loop]


class ChartConsumer(AsyncWebsocketConsumer):
    """`/ws/chart?symbol=&timeframe=`: history first, then frames. With `ack=1` the viewer answers each message with
    any text, and one that falls behind by a window gets what it missed as one message."""

    async def connect(self) -> None:
        self._task: asyncio.Task[None] | None = None
        refused = await refusal_of(self.scope["user"])
        if refused is not None:
            await self.close(code=refused)  # before accept: the handshake itself is refused
            return
        await self.accept()
        try:
            symbol, timeframe, acknowledges = _asked(self.scope["query_string"])
        except InvalidInput as error:
            await self.close(code=INVALID, reason=error.detail[:120])
            return
        self._window = Window(WINDOW if acknowledges else None)
        self._task = asyncio.create_task(self._forward(symbol, timeframe))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._task is not None:
            self._window.acknowledge()

    async def disconnect(self, code: int) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def _forward(self, symbol: str, timeframe: str) -> None:
        specs = await database_sync_to_async(line_specs)(symbol=symbol, timeframe=timeframe)
        async with relay().watch(symbol, timeframe, specs) as viewer:
            while True:
                await self._window.take()
                await self.send(text_data=await viewer.next())


class Window:
    """How many messages may be under way before the viewer has acknowledged one; None: any number."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._sent = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def take(self) -> None:
        """Wait for room for one message, and use it."""
        await self._has_room.wait()
        if self._size is not None:
            self._sent += 1
            if self._sent >= self._size:
                self._has_room.clear()

    def acknowledge(self) -> None:
        self._sent = max(0, self._sent - 1)
        self._has_room.set()


def _asked(query_string: bytes) -> tuple[str, str, bool]:
    query: dict[str, Any] = parse_qs(query_string.decode())
    symbol, timeframe = query.get("symbol", [""])[0], query.get("timeframe", [""])[0]
    if not symbol:
        raise InvalidInput("symbol: one was expected, as in ?symbol=SPY&timeframe=1.", field="symbol")
    return symbol, canonical(timeframe), query.get("ack", ["0"])[0] == "1"
