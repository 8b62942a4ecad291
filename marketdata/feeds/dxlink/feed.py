"""The DXLink feed: keeps what is wanted subscribed through every reconnect, and gives up a line that went dead."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec

from engine.errors import InvalidInput
from engine.model.market import Bar, FeedGap, Tick
from infra.backoff import Backoff
from marketdata.feeds.dxlink import messages
from marketdata.feeds.dxlink.connection import DXLinkConnection
from marketdata.feeds.dxlink.contracts import CONTRACTS, DXLinkContracts
from marketdata.feeds.dxlink.histories import Histories
from marketdata.feeds.dxlink.limits import limits
from marketdata.feeds.dxlink.liveness import Liveness
from marketdata.feeds.dxlink.messages import Channel, Received, Subscription
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import Login, QuoteToken, TokenSource
from marketdata.feeds.dxlink.translate import FIELDS, Translator
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.limits import Room
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.rolling import roll_of
from marketdata.feeds.twins import Twins, give_up

logger = logging.getLogger(__name__)

PRINTS, VALUES, HISTORY = 1, 3, 5  # our channels; DXLink wants odd numbers
_UNAUTHORIZED_WAIT_S = 60.0  # asking again quickly gets an address blocked for hours
_BAD_FRAMES = 3  # so many unreadable frames, and the connection itself is not to be trusted
_EXPECTED = frozenset({"KEEPALIVE", "SETUP", "AUTH_STATE", "CHANNEL_OPENED", "FEED_CONFIG"})

FetchToken = Callable[[], Awaitable[QuoteToken]]


class DXLinkFeed:
    """A `Feed` over DXLink. One upstream subscription a symbol, whatever is made of it.

    `frames` connects, and connects again for as long as it is iterated. `history` works while it is.
    """

    is_resumable, has_contracts = False, True
    position: str | None = None

    def __init__(
        self,
        name: str,
        *,
        token: FetchToken,
        options: DXLinkOptions | None = None,
        resolve: Callable[[str], str] = lambda symbol: symbol,
        backoff: Backoff | None = None,
    ) -> None:
        """`token` is asked before every connection; `resolve` names our symbol as the venue does now."""
        self.name = name
        self.options = options or DXLinkOptions()
        self.speed = self.options.speed
        self.is_connected = False
        self.connects = 0
        self.last_error = ""
        self.translator = Translator(
            prints=self.options.prints,
            volume_check=self.options.volume_check,
            loss_grace_s=self.options.loss_grace_s,
        )
        self._fetch_token = token
        self._resolve = resolve
        self._backoff = backoff or Backoff(base_s=self.options.reconnect_base_s, cap_s=self.options.reconnect_cap_s)
        self._wanted: dict[str, str] = {}  # our symbol → the venue's
        self._room = Room(name, limits(self.options))
        self.refused = self._room.refused  # our symbols that find no place, and why
        self._twins = Twins()
        self._rolls: list[FeedGap] = []  # to be told before the next print
        self._connection: DXLinkConnection | None = None
        self._histories = Histories(name, HISTORY, self._say)
        self.contracts = DXLinkContracts(self._say)
        self._liveness = Liveness(self.options)
        self._bad_frames = 0
        self._is_closed = False

    # ---- what is wanted -----------------------------------------------------------------------------------

    @property
    def symbols(self) -> dict[str, str]:
        """Our symbols and what they are called at the venue now: "/NQ" → "/NQZ26:XCME"."""
        return dict(self._wanted)

    @property
    def counts(self) -> Counter[str]:
        """What was left out, by reason."""
        return self.translator.counts

    def resume(self, position: str) -> None:
        """Nothing to resume: the venue does not repeat prints."""

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """Carry these too. One that is carried already is looked up again: a future may have rolled."""
        added: list[str] = []
        for symbol in symbols:
            venue_name = self._resolve(symbol)
            present = self._wanted.get(symbol)
            if present == venue_name:
                continue
            if present is not None:
                self._roll(symbol, present, venue_name)
                await self.unsubscribe([symbol])
            if self._room.take(symbol, venue_name) and venue_name not in self._wanted.values():
                added.append(venue_name)
            self._wanted[symbol] = venue_name
        self._twins.learn(self._wanted)
        await self._ask_for(added)

    async def _ask_for(self, added: list[str]) -> None:
        if added and self._connection is not None:
            await self._say(self._subscriptions(added))

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        dropped = [name for symbol in symbols if symbol in self._wanted and (name := self._drop(symbol))]
        self._twins.learn(self._wanted)
        await self._say(self._requests(messages.unsubscribe, dropped))
        for venue_name in dropped:
            self.translator.remove(venue_name)
            self._room.leave(venue_name)
        waiting = [(symbol, self._wanted[symbol]) for symbol in self._room.waiting]
        await self._ask_for([name for symbol, name in waiting if self._room.take(symbol, name)])

    def _roll(self, symbol: str, before: str, now: str) -> None:
        """What we call `symbol` is another contract from here on."""
        if not self._twins.of(symbol):
            self._room.rename(before, now)  # nobody who waits takes its place meanwhile
        logger.info("%s: %s rolls from %s to %s", self.name, symbol, before, now)
        state = self.translator.symbols.get(before)
        self._rolls.append(roll_of(symbol, before, now, ts=state.last_ts if state else 0))

    def _drop(self, symbol: str) -> str | None:
        """Want `symbol` no more; the venue's name for it, None where another of our symbols is called so."""
        venue_name, heir = give_up(self._wanted, symbol)
        self._room.forget(symbol)
        if heir is None:
            return venue_name
        if venue_name in self.translator.symbols:
            self.translator.symbols[venue_name].name = heir
        return None

    def last_received(self, symbol: str) -> int:
        """When something last came for `symbol` (UTC ns by our clock); 0 if nothing has."""
        state = self.translator.symbols.get(self._wanted.get(symbol, ""))
        return state.last_recv if state else 0

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int, timeout_s: float = 30.0) -> list[Bar]:
        """The venue's closed bars with start < ts ≤ end, oldest first. `FeedUnavailable` while disconnected."""
        if self._connection is None:
            raise FeedUnavailable(f"{self.name} is not connected: no history of {symbol}")
        venue_name = self._wanted.get(symbol) or self._resolve(symbol)
        return await self._histories.fetch(symbol, venue_name, timeframe, start=start, end=end, timeout_s=timeout_s)

    async def close(self) -> None:
        self._is_closed = True
        if self._connection is not None:
            await self._connection.close()

    # ---- the stream ---------------------------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[Frame]:
        """What comes, frame by frame, for as long as it is iterated."""
        while not self._is_closed:
            connects = self.connects
            try:
                async for frame in self._connected_frames():
                    rolls, self._rolls = self._rolls, []
                    yield self._twins.spread([*rolls, *frame] if rolls else frame)
            except FeedError as error:
                if self._is_closed:
                    return
                if self.connects > connects:  # at once, so that no bar of the time that follows passes for whole
                    yield self._twins.spread(self._gaps(f"{self.name}: {error.detail}"))
                await self._rest(error)

    async def _connected_frames(self) -> AsyncIterator[Frame]:
        token = await self._fetch_token()
        connection = await self._connect(token)
        watchdog = asyncio.create_task(self._watch(connection, token))
        try:
            await self._say(self._subscriptions(filter(self._room.has, self._wanted.values())))
            await self._say(self.contracts.subscriptions())
            if self.connects > 1:
                yield self._gaps(f"{self.name} was disconnected: {self.last_error}")
            while True:
                message, received_at = await connection.receive()
                if message is not None and message.type == "FEED_DATA":
                    frame = self._data(message, received_at)
                else:
                    frame = self._other(message)
                lost = self.translator.lost(received_at)
                if frame or lost:
                    yield [*frame, *lost] if lost else frame
        finally:
            self._connection, self.is_connected = None, False
            watchdog.cancel()
            self._histories.fail("the connection ended while history was coming")
            with suppress(asyncio.CancelledError):
                await watchdog
            await connection.close()

    async def _connect(self, token: QuoteToken) -> DXLinkConnection:
        options = self.options
        connection = await DXLinkConnection.open(
            token.url,
            token.token,
            self._channels(),
            data_format=options.data_format,
            keepalive_s=options.keepalive_s,
            timeout_s=options.answer_timeout_s,
        )
        for symbol, before in self._wanted.items():
            now = self._wanted[symbol] = self._resolve(symbol)
            if now != before:
                self._roll(symbol, before, now)
                self._room.take(symbol, now)
                if before not in self._wanted.values():
                    self._room.leave(before)
                    self.translator.remove(before)
        self._twins.learn(self._wanted)
        self.translator.configure(FIELDS)
        self._bad_frames = 0
        self._liveness.connected(time.monotonic())
        self._connection, self.is_connected = connection, True
        self.connects += 1
        kinds = "/".join(options.kinds()[0])
        logger.info("%s: Connected to DXLink; Using %s subscription, %d symbols", self.name, kinds, len(self._wanted))
        return connection

    def _data(self, message: Received, received_at: int) -> Frame:
        try:
            if message.channel == CONTRACTS:
                self.contracts.received(message.data, received_at)
                return ()
            frame = self.translator.translate(message.data, received_at)
        except FeedProtocolError as error:
            return self._unreadable(error.detail)
        if self.translator.candles:
            rows, self.translator.candles = self.translator.candles, []
            self._histories.route(rows)
        if frame:
            if self._backoff.attempt:
                self._backoff.reset()  # data, and only data, proves that the connection is good
            self._liveness.data_came(time.monotonic(), has_print=type(frame[-1]) is Tick)
        return frame

    def _other(self, message: Received | None) -> Frame:
        """Everything but data. What the connection cannot survive is raised."""
        if message is None:
            return self._unreadable("a frame is no JSON message")
        if message.type == "FEED_CONFIG":
            try:
                of = self.contracts if message.channel == CONTRACTS else self.translator
                of.configure(message.event_fields or {})
            except FeedProtocolError as error:
                return self._unreadable(error.detail)
        elif message.type == "ERROR":
            raise FeedUnavailable(f"the DXLink server says {message.error}: {message.message}")
        elif message.type == "AUTH_STATE" and message.state != "AUTHORIZED":
            raise FeedUnavailable("the DXLink server withdrew our authorization")
        elif message.type == "CHANNEL_CLOSED":
            raise FeedUnavailable(f"the DXLink server closed channel {message.channel}")
        elif message.type not in _EXPECTED:
            kind = f"message {message.type}"
            if not self.counts[kind]:
                logger.warning("%s: messages of type %r are unknown; counted from now on", self.name, message.type)
            self.counts[kind] += 1
        return ()

    def _unreadable(self, reason: str) -> Frame:
        """A frame was lost: nobody can say which symbols were in it, so all have a gap."""
        self.counts["unreadable frame"] += 1
        self._bad_frames += 1
        logger.warning("%s: %s", self.name, reason)
        if self._bad_frames >= _BAD_FRAMES:
            raise FeedProtocolError(f"{self._bad_frames} frames of one connection could not be read; last: {reason}")
        return self._gaps(f"a frame could not be read: {reason}")

    def _gaps(self, reason: str) -> Frame:
        now = time.time_ns()
        gaps: list[FeedGap] = []
        for venue_name, symbol in self._by_venue_name().items():
            state = self.translator.symbols.get(venue_name)
            last = state.last_ts if state else 0
            certain = state.ledger.open_since if state else None  # a loss may have been about to show
            gaps.append(FeedGap(last or now, symbol, reason, since=last if certain is None else min(certain, last)))
        return gaps

    async def _rest(self, error: FeedError) -> None:
        """Between two connections."""
        self.last_error = error.detail
        at_least_s = getattr(error, "retry_after_s", 0.0)
        if isinstance(error, FeedUnauthorized):
            at_least_s = min(_UNAUTHORIZED_WAIT_S, self.options.reconnect_cap_s * 2)
        delay_s = self._backoff.next_delay(at_least_s=at_least_s)
        logger.warning("%s: %s; connecting again in %.1f s", self.name, error.detail, delay_s)
        await asyncio.sleep(delay_s)

    # ---- subscriptions ------------------------------------------------------------------------------------

    def _channels(self) -> list[Channel]:
        prints, values = self.options.kinds()
        return [
            Channel(PRINTS, {kind: list(FIELDS[kind]) for kind in prints}, 0.0),
            Channel(VALUES, {kind: list(FIELDS[kind]) for kind in values}, self.options.quote_aggregation_s),
            Channel(HISTORY, {"Candle": list(FIELDS["Candle"])}, 0.0),
            self.contracts.channel,
        ]

    def _subscriptions(self, venue_names: Iterable[str]) -> list[bytes]:
        names = list(dict.fromkeys(venue_names))
        ours = self._by_venue_name()
        for venue_name in names:
            self.translator.add(venue_name, ours[venue_name])
        self._liveness.asked(time.monotonic())
        return self._requests(messages.subscribe, names)

    def _requests(self, ask: Callable[[int, list[Subscription]], Iterable[bytes]], names: list[str]) -> list[bytes]:
        return [
            frame
            for channel, kinds in zip((PRINTS, VALUES), self.options.kinds(), strict=True)
            for frame in ask(channel, [Subscription(kind, each) for each in names for kind in kinds])
        ]

    def _by_venue_name(self) -> dict[str, str]:
        """The venue's names, and of our symbols that are called so there the first, whose name its events carry."""
        return {venue_name: symbol for symbol, venue_name in reversed(self._wanted.items())}

    async def _say(self, frames: Iterable[bytes]) -> None:
        """Send; a broken line is no error here: reconnecting says it all again."""
        if self._connection is not None:
            with suppress(FeedUnavailable):
                await self._connection.send(frames)

    async def _watch(self, connection: DXLinkConnection, token: QuoteToken) -> None:
        """Give up a line that is silent although it looks alive; renew the token before it ends."""
        authorized_at = time.monotonic()
        pause_s = min(1.0, self.options.mute_after_s / 4, self.options.token_life_s / 4)
        while True:
            await asyncio.sleep(pause_s)
            now = time.monotonic()
            verdict = self._liveness.verdict(now, last_frame=connection.last_frame_at, expects_data=bool(self._wanted))
            if verdict:
                connection.give_up(verdict)
                return
            if now - authorized_at > self.options.token_life_s:
                authorized_at = now
                await self._renew(connection, token)
            silent = self._liveness.silent(now, time.time_ns(), list(self.translator.symbols.items()))
            if silent:
                logger.info("%s: silent, subscribed again: %s", self.name, ", ".join(silent))
                self.translator.wake(silent)
                self._liveness.asked(now)
                await self._say(self._requests(messages.subscribe, silent))

    async def _renew(self, connection: DXLinkConnection, token: QuoteToken) -> None:
        try:
            fresh = await self._fetch_token()
        except FeedError as error:
            connection.give_up(f"the token could not be renewed: {error.detail}")
            return
        if fresh.url != token.url:
            connection.give_up("the venue moved us to another address")
            return
        await self._say([messages.auth(fresh.token)])


def make(setup: FeedSetup) -> DXLinkFeed:
    """The feed of one configuration. With the option `url` it is connected to directly."""
    options = msgspec.convert(setup.options, type=DXLinkOptions)

    async def direct() -> QuoteToken:
        return QuoteToken(options.url, setup.token)

    if options.url:
        return DXLinkFeed(setup.name, token=direct, options=options, resolve=setup.resolve)
    if not setup.api_url:
        raise InvalidInput(f"feed {setup.name}: api_url, or the option url, is required", field="api_url")
    source = TokenSource(setup.api_url, setup.token, login=_login_of_accounts(options.login))
    return DXLinkFeed(setup.name, token=source.fetch, options=options, resolve=setup.resolve)


def _login_of_accounts(name: str) -> Login | None:
    if not name:
        return None
    # Accounts are kept by Django, which those who never take an account's login need not have.
    from brokers import tokens

    return tokens.TokenSource("tastytrade", name)


FEEDS.add("dxlink", FeedKind(make, DXLinkOptions, "tastytrade's real-time data, or dxFeed directly", limits))
