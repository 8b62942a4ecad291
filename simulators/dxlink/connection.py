"""One DXLink connection: the protocol's order of steps, strictly kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from simulators.dxlink import messages
from simulators.dxlink.channel import CONTRACTS, MAX_PENDING, FeedChannel
from simulators.dxlink.events import FIELDS
from simulators.dxlink.hub import Hub
from simulators.faults import FaultBoard

SERVER_VERSION = "1.0-1.2.1-20240722-153442"
_WRITE_HIGH_WATER = 4 << 20
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class QuoteTokens(Protocol):
    """Who issued the tokens that AUTH brings."""

    def quote_token_is_valid(self, token: str) -> bool: ...

    def expire_all(self) -> None: ...


class LinkSettings(msgspec.Struct, frozen=True):
    """Timeouts in seconds. Without `require_auth` the server authorizes at once, as dxFeed's demo does."""

    keepalive_timeout_s: float = 60.0
    require_auth: bool = True
    max_frame: int = 65_536


class ProtocolViolation(Exception):
    """What is told to the client in an ERROR; `fatal` closes the connection after it."""

    def __init__(self, error: str, message: str, *, channel: int = 0, fatal: bool = False) -> None:
        super().__init__(message)
        self.error, self.message, self.channel, self.fatal = error, message, channel, fatal


class Connection:
    """Reads what the client says in order, so that pipelined messages work exactly as awaited ones."""

    def __init__(
        self, socket: ServerConnection, hub: Hub, tokens: QuoteTokens, faults: FaultBoard, settings: LinkSettings
    ) -> None:
        self._socket = socket
        self._hub = hub
        self._tokens = tokens
        self._faults = faults
        self._settings = settings
        self._channels: dict[int, FeedChannel] = {}
        self._is_set_up = False
        self._token: str | None = None
        self._is_authorized = False
        self._client_timeout_s = 60.0
        now = asyncio.get_running_loop().time()
        self._received_at = self._sent_at = now
        self._closing: asyncio.Task[None] | None = None
        self._handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            messages.Setup: self._setup,
            messages.Auth: self._auth,
            messages.ChannelRequest: self._channel_request,
            messages.ChannelCancel: self._channel_cancel,
            messages.FeedSetup: self._feed_setup,
            messages.FeedSubscription: self._feed_subscription,
        }

    async def run(self) -> None:
        """Until the client or a violation ends it."""
        try:
            async for raw in self._socket:
                self._received_at = asyncio.get_running_loop().time()
                try:
                    await self._handle(raw)
                except ProtocolViolation as violation:
                    self._send_error(violation)
        except ConnectionClosed as error:  # a client that vanishes without a close frame is no fault of ours
            _log.info("connection lost: %s", error)
        finally:
            for channel in self._channels.values():
                channel.clear()
            if self._closing:
                await self._closing

    def tick(self, now: float) -> None:
        """Send what is due: data, KEEPALIVE; notice a silent client and an expired token."""
        if now - self._received_at > self._settings.keepalive_timeout_s:
            silent = round(now - self._received_at)
            text = f"The timeout has been reached. The message was last received {silent} seconds ago."
            self._send_error(ProtocolViolation("TIMEOUT", text, fatal=True))
            return
        if now - self._sent_at > self._client_timeout_s / 2:
            self._send({"type": "KEEPALIVE", "channel": 0})
        if self._token is not None and not self._tokens.quote_token_is_valid(self._token):
            self.revoke()
        self._flush(now)

    def revoke(self) -> None:
        """The token is no longer worth anything: say so and hang up."""
        if self._is_authorized:
            self._is_authorized = False
            self._send({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})
            self.close()

    def close(self, code: int = 1000) -> None:
        """Hang up with a WebSocket close code."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._socket.close(code))

    def abort(self) -> None:
        """Break off without a close frame, as a cut cable does."""
        self._socket.transport.abort()

    def _flush(self, now: float) -> None:
        if self._faults.drops_line:
            for channel in self._channels.values():
                list(channel.flush(now))
            return
        if self._socket.transport.get_write_buffer_size() > _WRITE_HIGH_WATER:
            if sum(channel.pending for channel in self._channels.values()) > MAX_PENDING:
                self._send_error(ProtocolViolation("UNKNOWN", "The client does not read fast enough.", fatal=True))
            return
        for channel in self._channels.values():
            for frame in channel.flush(now, interval=self._faults.frame_interval_s):
                self._send_data(frame)

    def _send_data(self, frame: bytes) -> None:
        if self._faults.active:
            frame = self._faults.frame(frame)
        self._send_bytes(frame)

    def _send(self, document: dict[str, Any]) -> None:
        self._send_bytes(_encode(document))

    def _send_bytes(self, frame: bytes) -> None:
        if self._closing is None and not self._faults.drops_line:
            self._sent_at = asyncio.get_running_loop().time()
            broadcast([self._socket], frame, text=True)

    def _send_error(self, violation: ProtocolViolation) -> None:
        document = {"type": "ERROR", "channel": violation.channel}
        self._send({**document, "error": violation.error, "message": violation.message})
        if violation.fatal:
            self.close()

    async def _handle(self, raw: str | bytes) -> None:
        try:
            message = messages.decoder.decode(raw)
        except msgspec.DecodeError as error:
            raise ProtocolViolation("INVALID_MESSAGE", str(error)) from error
        handler = self._handlers.get(type(message))
        if handler is None:  # KEEPALIVE, ERROR
            return
        if not self._is_set_up and not isinstance(message, messages.Setup):
            raise ProtocolViolation("BAD_ACTION", "SETUP was expected as the first message.")
        await handler(message)

    async def _setup(self, message: messages.Setup) -> None:
        if not message.version.startswith("0.1"):
            text = f"Protocol 0.1 was expected, found {message.version}."
            raise ProtocolViolation("UNSUPPORTED_PROTOCOL", text, fatal=True)
        self._client_timeout_s = max(message.keepalive_timeout, 0.1)
        timeout = self._settings.keepalive_timeout_s
        self._send(
            {
                "type": "SETUP",
                "channel": 0,
                "keepaliveTimeout": _number(timeout),
                "acceptKeepaliveTimeout": _number(message.keepalive_timeout),
                "version": SERVER_VERSION,
            }
        )
        if not self._is_set_up:
            self._is_set_up = True
            self._is_authorized = not self._settings.require_auth
            state = "AUTHORIZED" if self._is_authorized else "UNAUTHORIZED"
            self._send({"type": "AUTH_STATE", "channel": 0, "state": state})

    async def _auth(self, message: messages.Auth) -> None:
        if self._settings.require_auth and not self._tokens.quote_token_is_valid(message.token):
            self._send({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})
            self.close()
            return
        self._token = message.token if self._settings.require_auth else None
        self._is_authorized = True
        self._send({"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED", "userId": "simulated-user"})

    async def _channel_request(self, message: messages.ChannelRequest) -> None:
        self._require_authorized(message.channel)
        if message.channel in self._channels:
            raise ProtocolViolation("BAD_ACTION", f"Channel {message.channel} is open already.")
        contract = message.parameters.get("contract", "AUTO")
        if message.service != "FEED" or contract not in CONTRACTS:
            text = f"Service FEED with contract {', '.join(CONTRACTS)} was expected."
            raise ProtocolViolation("BAD_ACTION", text, channel=message.channel)
        self._channels[message.channel] = FeedChannel(message.channel, contract, self._hub, self._send_data)
        parameters = {"contract": contract, "subFormat": "LIST"}
        opened = {"type": "CHANNEL_OPENED", "channel": message.channel, "service": "FEED"}
        self._send({**opened, "parameters": parameters})

    async def _channel_cancel(self, message: messages.ChannelCancel) -> None:
        self._channel(message.channel).clear()
        del self._channels[message.channel]
        self._send({"type": "CHANNEL_CLOSED", "channel": message.channel})

    async def _feed_setup(self, message: messages.FeedSetup) -> None:
        channel = self._channel(message.channel)
        if message.accept_data_format not in ("COMPACT", "FULL"):
            raise ProtocolViolation(
                "BAD_ACTION", "acceptDataFormat COMPACT or FULL was expected.", channel=channel.number
            )
        channel.set_up(message)
        self._send_config(channel)

    async def _feed_subscription(self, message: messages.FeedSubscription) -> None:
        channel = self._channel(message.channel)
        if not channel.is_set_up:
            raise ProtocolViolation("BAD_ACTION", "FEED_SETUP was expected first.", channel=channel.number)
        if message.reset:
            channel.clear()
        for unwanted in message.remove:
            channel.remove(unwanted)
        known = [wanted for wanted in message.add if wanted.type in FIELDS]
        fields = channel.unannounced([wanted.type for wanted in known])
        if fields:
            self._send_config(channel, fields)
        for wanted in known:
            channel.add(wanted)
            if wanted.type == "Candle":
                await asyncio.sleep(0)  # a snapshot takes milliseconds: let the others have their turn
        if len(known) < len(message.add):
            odd = sorted({wanted.type for wanted in message.add} - set(FIELDS))
            raise ProtocolViolation(
                "BAD_ACTION", f"There are no events of type {', '.join(odd)}.", channel=channel.number
            )

    def _send_config(self, channel: FeedChannel, fields: dict[str, list[str]] | None = None) -> None:
        config = {
            "type": "FEED_CONFIG",
            "channel": channel.number,
            "dataFormat": "COMPACT" if channel.compact else "FULL",
            "aggregationPeriod": channel.period,
        }
        self._send({**config, "eventFields": fields} if fields else config)

    def _channel(self, number: int) -> FeedChannel:
        self._require_authorized(number)
        channel = self._channels.get(number)
        if channel is None:
            raise ProtocolViolation("BAD_ACTION", f"Channel {number} is not open.", channel=number)
        return channel

    def _require_authorized(self, channel: int) -> None:
        if channel <= 0 or channel % 2 == 0:
            raise ProtocolViolation("BAD_ACTION", "Protocol violation with an even channel usage.")
        if not self._is_authorized:
            raise ProtocolViolation("UNAUTHORIZED", "AUTH was expected before any channel is used.")


def _number(seconds: float) -> int | float:
    return int(seconds) if seconds == int(seconds) else seconds
