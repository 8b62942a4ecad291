"""Schwab's account activity: connected for ever, naming the orders that something happened to.

It repeats nothing after a reconnect: `StreamRestored` asks the reader to look for itself. Schwab allows one streamer
connection per login: where a feed holds it, orders are followed by polling.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from brokers.schwab.client import SchwabClient
from brokers.schwab.wire import (
    CLOSE_CONNECTION,
    LOGIN_DENIED,
    PREFERENCE_PATH,
    SUCCESS,
    Message,
    Requests,
    Response,
    login_answer,
    read_message,
    read_preference,
)
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, StreamLost, StreamRestored, VenueSetup
from infra.backoff import Backoff
from infra.websocket import BAD_ADDRESS, LINE_ERRORS, ClientConnection, abort, open_websocket

logger = logging.getLogger(__name__)

SERVICE = "ACCT_ACTIVITY"
_ANSWER_S = 10.0
_DRAIN_S = 0.02  # messages of one event come together: one question answers them all
_RARELY = 7  # attempts of the backoff after which a try comes about once a minute


class _Refused(Exception):
    """The streamer does not take us. `is_final` until something else changes: tried again rarely."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class _Activity(msgspec.Struct):
    SchwabOrderID: str = ""
    AccountNumber: str = ""


class ActivityStream:
    """What happens in one account. A line that is silent for `silence_s` is dead: the venue speaks every ten."""

    def __init__(self, setup: VenueSetup, client: SchwabClient, account: str, *, silence_s: float = 35.0) -> None:
        self._setup = setup
        self._client = client
        self._account = account
        self._silence_s = silence_s
        self._connection: ClientConnection | None = None
        self._given_up = ""
        self._told: set[str] = set()  # kinds of message that were logged as not understood

    async def news(self) -> AsyncGenerator[StreamRestored | StreamLost | tuple[str, ...], None]:
        """Names of orders as something happens to them, between `StreamRestored` and `StreamLost`."""
        backoff = Backoff(base_s=0.3, cap_s=60.0)
        is_down_told = False
        while True:
            self._given_up = reason = ""
            try:
                self._connection = await self._open()
                is_down_told = False
                yield StreamRestored()
                async for names in self._read(self._connection):
                    backoff.reset()
                    if names:
                        yield names
            except _Refused as error:
                reason = str(error)
                backoff.attempt = max(backoff.attempt, _RARELY) if error.is_final else backoff.attempt
            except (OrderRefused, OutcomeUnknown) as error:  # no token, or no preference, to be had
                reason = error.detail
                backoff.attempt = max(backoff.attempt, _RARELY if isinstance(error, NotAuthorized) else 0)
            except (*LINE_ERRORS, BAD_ADDRESS) as error:
                reason = f"the line broke ({error or type(error).__name__})"
            except msgspec.DecodeError as error:
                reason = f"a frame cannot be read ({error})"
            finally:
                if self._connection is not None:
                    abort(self._connection)
                self._connection = None
            if not is_down_told:
                is_down_told = True
                yield StreamLost(self._given_up or reason)
            await asyncio.sleep(backoff.next_delay())

    def give_up(self, reason: str) -> None:
        """Drop the line: it is told as lost, and begun anew."""
        self._given_up = reason
        if self._connection is not None:
            abort(self._connection)

    async def _open(self) -> ClientConnection:
        """Connected, logged in, and subscribed."""
        info = read_preference((await self._client.send("GET", PREFERENCE_PATH)).content)
        token = await self._setup.access_token()
        connection = await open_websocket(self._setup.stream_url or info.streamer_socket_url)
        try:
            requests = Requests(info)
            await connection.send(requests.login(token), text=True)
            answer = await self._answer(connection, "ADMIN")
            if answer.content.code == LOGIN_DENIED:
                await self._setup.token_refused(token)
            _check(answer)
            subscription = requests.request(SERVICE, "SUBS", keys="fortified", fields="0,1,2,3")
            await connection.send(subscription, text=True)
            _check(await self._answer(connection, SERVICE))
        except BaseException:
            abort(connection)
            raise
        return connection

    async def _answer(self, connection: ClientConnection, service: str) -> Response:
        async with asyncio.timeout(_ANSWER_S):
            while True:
                message = read_message(await connection.recv(decode=False))
                answer = login_answer(message) if service == "ADMIN" else _answer_of(message, service)
                if answer is not None:
                    return answer

    async def _read(self, connection: ClientConnection) -> AsyncIterator[tuple[str, ...]]:
        """The orders named in what comes together; an empty one for a sign of life."""
        while True:
            async with asyncio.timeout(self._silence_s):
                names = self._names(read_message(await connection.recv(decode=False)))
            while names:
                try:
                    async with asyncio.timeout(_DRAIN_S):
                        frame = await connection.recv(decode=False)
                except TimeoutError:
                    break
                names |= self._names(read_message(frame))
            yield tuple(names)

    def _names(self, message: Message) -> dict[str, None]:
        for response in message.response:
            _check(response)
        found: dict[str, None] = {}
        for data in message.data:
            for content in data.content if data.service == SERVICE else ():
                name = self._name(str(content.get("2", "")), str(content.get("3", "")))
                if name:
                    found[name] = None
        return found

    def _name(self, kind: str, text: str) -> str:
        """The order that a message is about; empty where it is about none, or another account's."""
        try:
            activity = msgspec.json.decode(text, type=_Activity, strict=False) if text else _Activity()
        except msgspec.DecodeError:
            activity = _Activity()
        if not activity.SchwabOrderID and kind not in ("SUBSCRIBED", *self._told):
            self._told.add(kind)
            logger.warning("Schwab's account activity of type %r names no order: %s", kind, text[:200])
        return activity.SchwabOrderID if activity.AccountNumber in ("", self._account) else ""


def _answer_of(message: Message, service: str) -> Response | None:
    return next((each for each in message.response if each.service == service), None)


def _check(answer: Response) -> None:
    code, text = answer.content.code, answer.content.msg
    if code in SUCCESS:
        return
    if code == CLOSE_CONNECTION:
        why = "another connection of this login holds Schwab's streamer, so orders are followed by polling"
        raise _Refused(f"{why} ({text})", is_final=True)
    raise _Refused(f"Schwab's streamer says {text!r} (code {code})")
