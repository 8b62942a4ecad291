"""tastytrade's account streamer: whoever connects an account is told every change of its orders and holdings."""

import asyncio
import itertools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.updates import Kind, Update
from simulators.tastytrade.documents import balance_document, complex_document, order_document, position_document
from simulators.tastytrade.words import epoch_ms

IDLE_S = 60.0
_SUBSCRIPTIONS = ("public-watchlists-subscribe", "quote-alerts-subscribe", "user-message-subscribe")


class _Client:
    """One connection: which accounts it is told of, and when it was last heard."""

    def __init__(self, socket: ServerConnection, name: str, now: float) -> None:
        self.socket = socket
        self.name = name
        self.accounts: frozenset[str] = frozenset()
        self.heard_at = now

    def send(self, document: dict[str, Any]) -> None:
        broadcast([self.socket], msgspec.json.encode(document), text=True)


class AccountStreamer:
    """`token_is_good` judges an access token; `is_down` refuses connections."""

    def __init__(
        self,
        brokerage: Brokerage,
        *,
        token_is_good: Callable[[str], bool],
        is_down: Callable[[], bool],
        idle_s: float = IDLE_S,
    ) -> None:
        self._brokerage = brokerage
        self._token_is_good = token_is_good
        self._is_down = is_down
        self._idle_s = idle_s
        self._clients: set[_Client] = set()
        self._names = itertools.count(1)
        self._server: Server | None = None
        self._unlisten = brokerage.listen(self._tell)
        self.attempts = 0

    @property
    def connections(self) -> int:
        return len(self._clients)

    async def start(self, host: str, port: int) -> int:
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=1.0,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._unlisten()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut_connections(self) -> None:
        """Fault control: every connection breaks."""
        for client in self._clients:
            client.socket.transport.abort()

    def check(self) -> None:
        """Once a turn: hang up on who has been silent too long."""
        now = asyncio.get_running_loop().time()
        for client in tuple(self._clients):
            if now - client.heard_at > self._idle_s:
                client.socket.transport.abort()

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        if self._is_down():
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The line is down.\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        loop = asyncio.get_running_loop()
        client = _Client(socket, f"sim{next(self._names):06x}", loop.time())
        self._clients.add(client)
        try:
            async for raw in socket:
                client.heard_at = loop.time()
                client.send(self._answer(client, raw))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)

    def _answer(self, client: _Client, raw: str | bytes) -> dict[str, Any]:
        try:
            message = msgspec.json.decode(raw)
            action, asked = message["action"], message.get("value")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return {"status": "error", "web-socket-session-id": client.name, "message": "invalid message"}
        reply = {"action": action, "web-socket-session-id": client.name}
        if "request-id" in message:
            reply["request-id"] = message["request-id"]
        problem = self._problem(client, action, asked, message.get("auth-token", ""))
        if problem:
            return {"status": "error", **reply, "message": problem}
        if action == "connect":
            client.accounts = frozenset(asked)
            reply["value"] = asked
        return {"status": "ok", **reply}

    def _problem(self, client: _Client, action: str, asked: Any, token: str) -> str:
        scheme, _, secret = str(token).partition(" ")
        if scheme != "Bearer" or not self._token_is_good(secret):
            return "failed"
        if action == "connect":
            is_ours = isinstance(asked, list) and asked and all(each in self._brokerage.accounts for each in asked)
            return "" if is_ours else "failed"
        if action == "heartbeat":
            return "" if client.accounts else "not implemented"
        if action in _SUBSCRIPTIONS:
            return "" if client.accounts else "connect-not-completed"
        return "not implemented"

    def _tell(self, update: Update) -> None:
        listening = [client for client in self._clients if update.account.number in client.accounts]
        if not listening:
            return
        for kind, data in self._documents(update):
            for client in listening:
                client.send({"type": kind, "data": data, "timestamp": epoch_ms(update.ts)})

    def _documents(self, update: Update) -> list[tuple[str, dict[str, Any]]]:
        """Full objects, never differences."""
        if update.order is not None:
            found = [("Order", order_document(update.order))]
            if update.order.group:
                orders = self._brokerage.group(update.account.number, update.order.group)
                found.append(("ComplexOrder", complex_document(orders)))
            return found
        if update.kind is Kind.POSITION and update.holding is not None:
            return [("CurrentPosition", position_document(update.account, update.holding))]
        return [("AccountBalance", balance_document(update.account, self._brokerage.price_of, update.ts))]
