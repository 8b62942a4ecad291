"""Alpaca's `trade_updates`: binary frames of JSON text that tell what happens to orders."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

from simulators.alpaca.documents import execution_uuid, number, order_document
from simulators.alpaca.wire import rfc3339
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import SimOrder, State
from simulators.brokerage.updates import Kind, Update
from simulators.faults import FaultBoard
from simulators.streaming import StreamClient
from simulators.tape import News

_encode = msgspec.json.Encoder().encode
_EVENTS = {
    State.RECEIVED: "pending_new",
    State.CONTINGENT: "held",
    State.WORKING: "new",
    State.CANCELLED: "canceled",
    State.REPLACED: "replaced",
    State.REJECTED: "rejected",
    State.EXPIRED: "expired",
    State.FILLED: "fill",
}


class UpdatesDesk:
    """Tells every connection that listens."""

    def __init__(
        self, brokerage: Brokerage, faults: FaultBoard, *, may_enter: Callable[[str, str], bool], account: str
    ) -> None:
        self.faults = faults
        self.may_enter = may_enter
        self.clients: set[UpdatesClient] = set()
        self._account = account
        brokerage.listen(self._tell)

    def cut_connections(self) -> None:
        """Fault control: every connection breaks."""
        for client in self.clients:
            client.abort()

    def _tell(self, update: Update) -> None:
        order = update.order
        if order is None or update.account.number != self._account:
            return
        data: dict[str, Any] = {"event": event_of(order, update.kind), "timestamp": rfc3339(update.ts)}
        if update.execution is not None:
            each = update.execution
            held = update.account.quantity(each.symbol)
            data |= {"price": number(each.price), "qty": number(each.quantity), "position_qty": number(held)}
            data["execution_id"] = execution_uuid(each.id)
        data["order"] = order_document(order)
        frame = _encode({"stream": "trade_updates", "data": data})
        for client in self.clients:
            if client.is_listening:
                client.say(frame)


def event_of(order: SimOrder, kind: Kind) -> str:
    if kind is Kind.FILL:
        return "fill" if order.state is State.FILLED else "partial_fill"
    if not order.state.is_final and order.is_cancelling:
        return "pending_cancel"
    if not order.state.is_final and order.replaced_by:
        return "pending_replace"
    return "pending_new" if _takes_over(order) else _EVENTS[order.state]


def _takes_over(order: SimOrder) -> bool:
    return order.state is State.CONTINGENT and bool(order.replaces)


class UpdatesClient(StreamClient):
    """One connection to `/stream`."""

    is_text = False

    def __init__(self, socket: ServerConnection, desk: UpdatesDesk) -> None:
        super().__init__(socket, desk.faults)
        self.is_listening = False
        self._desk = desk
        self._is_in = False

    @property
    def symbols(self) -> tuple[str, ...]:
        return ()

    def greet(self) -> None:
        self._desk.clients.add(self)

    def hear(self, message: bytes) -> None:
        try:
            said = msgspec.json.decode(message)
            action, data = said["action"], said.get("data") or said
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            self.hang_up(1003)
            return
        if action in ("authenticate", "auth"):
            self._authenticate(data)
        elif action == "listen":
            self._listen(data)

    def events(self, symbol: str, news: News) -> list[Any]:
        return []

    def frame(self, events: Sequence[Any]) -> bytes:
        return _encode(list(events))

    def revoke(self) -> None:
        """Keys do not end by themselves, and the line of the data feed is another one."""
        return

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._desk.clients.discard(self)

    def _authenticate(self, data: dict[str, Any]) -> None:
        key = str(data.get("key_id", data.get("key", "")))
        secret = str(data.get("secret_key", data.get("secret", "")))
        self._is_in = self._desk.may_enter(key, secret)
        status = "authorized" if self._is_in else "unauthorized"
        self._reply("authorization", status=status, action="authenticate")

    def _listen(self, data: dict[str, Any]) -> None:
        if not self._is_in:
            self._reply("authorization", status="unauthorized", action="listen")
            return
        streams = data.get("streams") or []
        self.is_listening = "trade_updates" in streams
        self._reply("listening", streams=["trade_updates"] if self.is_listening else [])

    def _reply(self, stream: str, **data: Any) -> None:
        self.say(_encode({"stream": stream, "data": data}))
