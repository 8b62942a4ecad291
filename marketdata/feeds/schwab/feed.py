"""The Schwab feed: level one sampled into prints, Schwab's own minutes, history over HTTP."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, cast

import msgspec

from brokers.oauth import TokenUnavailable
from brokers.schwab.client import SchwabClient
from brokers.schwab.symbols import venue_symbol
from brokers.schwab.wire import (
    CLOSE_CONNECTION,
    LOGIN_DENIED,
    PREFERENCE_PATH,
    STOP_STREAMING,
    SUCCESS,
    SYMBOL_LIMIT,
    Requests,
    Response,
    StreamerInfo,
    login_answer,
    read_message,
    read_preference,
)
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, RateLimited, VenueUnreachable
from engine.instruments.catalog import asset_class_of
from engine.instruments.instrument import AssetClass
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from infra.backoff import Backoff
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.schwab import history
from marketdata.feeds.schwab.fields import CHART_EQUITY, EQUITIES, FUTURES, OPTIONS
from marketdata.feeds.schwab.limits import limits
from marketdata.feeds.schwab.login import LoginToken
from marketdata.feeds.schwab.options import SchwabOptions
from marketdata.feeds.schwab.subscriptions import Subscriptions
from marketdata.feeds.schwab.translate import LevelOneTrack, Translator
from marketdata.feeds.streaming.feed import StreamFeed
from marketdata.feeds.streaming.line import StreamLine
from marketdata.feeds.streaming.pace import Turns

logger = logging.getLogger(__name__)

_SERVICES = {
    AssetClass.EQUITY: EQUITIES,
    AssetClass.INDEX: EQUITIES,
    AssetClass.FUTURE: FUTURES,
    AssetClass.OPTION: OPTIONS,
}
_MINUTE = frozenset({"1"})
_BUSY_PAUSE_S = 1.0  # where the venue asks for a pause and does not say how long
_LONGEST_REQUEST_NS = 10 * NS_PER_DAY


def resolve(symbol: str) -> str | None:
    """What Schwab calls our symbol today; None for what its streamer has no service for."""
    return venue_symbol(symbol, datetime.now(tz=UTC).date()) if asset_class_of(symbol) in _SERVICES else None


def following(streamer_symbol: Callable[[str], str]) -> Callable[[str], str | None]:
    """The same, with the contract that people's choice of the roll makes the active one: "/NQZ26" for dxFeed's
    "/NQZ26:XCME"."""

    def resolve_future(symbol: str) -> str | None:
        return streamer_symbol(symbol).partition(":")[0] if symbol.startswith("/") else resolve(symbol)

    return resolve_future


class Token(Protocol):
    """Gives an access token; told that one was refused, it gives another."""

    async def __call__(self) -> str: ...

    async def refused(self, token: str) -> None: ...


class SchwabFeed(StreamFeed):
    """A `Feed` over Schwab's streamer. Bars built from it are `sampled`; minutes of stocks are the vendor's own unless
    the option says otherwise."""

    quality = "sampled"
    has_own_history = True  # over HTTP: no second streamer connection, which Schwab would refuse
    request_ns = 30 * NS_PER_DAY

    def __init__(
        self,
        name: str,
        *,
        token: Token,
        api_url: str = "",
        options: SchwabOptions | None = None,
        resolve: Callable[[str], str | None] = resolve,
        backoff: Backoff | None = None,
    ) -> None:
        self.options = options or SchwabOptions()
        super().__init__(name, self.options, resolve=resolve, limits=limits(self.options), backoff=backoff)
        self._token = token
        self._client = SchwabClient(
            api_url=api_url,
            access_token=token,
            token_refused=token.refused,
            timeout_s=self.options.answer_timeout_s,
        )
        self._turn = Turns(self.options.requests_per_minute)
        self._carried: Subscriptions | None = None
        self._translator = Translator(name, self._level_one_tracks, self.counts)

    @property
    def _level_one_tracks(self) -> dict[str, LevelOneTrack]:
        return cast("dict[str, LevelOneTrack]", self.tracks)

    def native_timeframes(self, symbol: str) -> frozenset[str]:
        """Timeframes of which the venue sends bars of its own for `symbol`."""
        is_charted = self.options.minutes == "vendor" and asset_class_of(symbol) is AssetClass.EQUITY
        return _MINUTE if is_charted else frozenset()

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """Carry these too. A future that is carried already is looked up again: it may have rolled."""
        wanted = list(symbols)
        for symbol in wanted:
            present, now = self._wanted.get(symbol), self._resolve(symbol) or symbol
            if present is not None and present != now:
                await self._roll(symbol, present, now)
        await super().subscribe(wanted)

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        asked = history.wanted(symbol, timeframe)
        if asked is None:
            return []
        venue_name = self._wanted.get(symbol) or self._resolve(symbol) or symbol
        candles: list[dict[str, Any]] = []
        for first, last in _stretches(start, end, None if asked.span is None else _LONGEST_REQUEST_NS):
            params = asked.params(venue_name, start=first, end=last)
            found = await self._get(history.PATH, params)
            known = {each["datetime"] for each in candles}
            candles += [each for each in _candles(found) if each["datetime"] not in known]
        make = partial(history.to_bars, symbol=symbol, timeframe=timeframe, source=self.name, start=start, end=end)
        return await asyncio.to_thread(make, candles)  # a day's session may have to load its calendar

    async def _close_more(self) -> None:
        await self._client.close()

    # ---- the connection ---------------------------------------------------------------------------------------

    async def _open(self) -> StreamLine:
        info = await self._streamer_info()
        token = await self._access_token()
        line = await StreamLine.open(
            self.options.stream_url or info.streamer_socket_url, timeout_s=self.options.answer_timeout_s
        )
        requests = Requests(info)
        try:
            await line.send([requests.login(token)])
            answer = await self._login_answer(line)
            if answer.content.code == LOGIN_DENIED:
                await self._token.refused(token)
            self._judge(answer)
        except BaseException:
            await line.close()
            raise
        self._carried = Subscriptions(requests)
        for track in self._level_one_tracks.values():
            track.forget()
        return line

    async def _login_answer(self, line: StreamLine) -> Response:
        while True:
            frame = await line.answer("LOGIN", timeout_s=self.options.answer_timeout_s)
            try:
                answer = login_answer(read_message(frame))
            except msgspec.DecodeError as error:
                raise FeedUnavailable(f"the answer to LOGIN cannot be read: {error}") from error
            if answer is not None:
                return answer

    async def _streamer_info(self) -> StreamerInfo:
        content = await self._get(PREFERENCE_PATH, {})
        try:
            return read_preference(content)
        except msgspec.DecodeError as error:
            raise FeedProtocolError(f"{PREFERENCE_PATH}: streamerInfo was expected: {error}") from error

    async def _access_token(self) -> str:
        try:
            return await self._token()
        except (OrderRefused, OutcomeUnknown) as error:
            raise _in_words_of_feeds(error) from error

    async def _get(self, path: str, params: dict[str, str]) -> bytes:
        """What is behind `path`."""
        await self._turn()
        try:
            return (await self._client.send("GET", path, params=params)).content
        except (OrderRefused, OutcomeUnknown) as error:
            raise _in_words_of_feeds(error) from error

    # ---- what is said -----------------------------------------------------------------------------------------

    def _take(self, symbol: str) -> str | None:
        venue_name = super()._take(symbol)
        if venue_name is not None:
            self.tracks[venue_name] = LevelOneTrack(symbol, self._part_of(symbol))
        return venue_name

    def _part_of(self, symbol: str) -> str:
        return _SERVICES[asset_class_of(symbol)]

    def _subscriptions(self, venue_names: list[str]) -> Iterator[bytes]:
        subscriptions, tracks = self._carried, self._level_one_tracks
        if subscriptions is None:
            return
        wanted = [(tracks[name].service, name) for name in venue_names if name in tracks]
        charts = [(CHART_EQUITY, name) for _, name in wanted if self.native_timeframes(tracks[name].name)]
        yield from subscriptions.add([*wanted, *charts])
        yield from subscriptions.anchor()

    def _unsubscriptions(self, venue_names: list[str]) -> Iterator[bytes]:
        if self._carried is not None:
            yield from self._carried.remove(venue_names)
            yield from self._carried.anchor()

    # ---- what comes -------------------------------------------------------------------------------------------

    def _translate(self, frame: bytes, ts_recv: int) -> Frame:
        try:
            message = read_message(frame)
        except msgspec.DecodeError as error:
            raise FeedProtocolError(f"a frame of {len(frame)} bytes cannot be read: {error}") from error
        for response in message.response:
            self._judge(response)
        if not message.data:
            return ()
        return self._translator.translate(message.data, ts_recv)

    def _judge(self, response: Response) -> None:
        """What an answer means for the line."""
        code, text = response.content.code, response.content.msg
        if code in SUCCESS:
            return
        if code == LOGIN_DENIED:
            raise FeedUnauthorized(f"Schwab's streamer refuses the login ({text}); log in to Schwab again")
        if code == CLOSE_CONNECTION:
            raise FeedUnavailable(f"another connection of this login holds Schwab's streamer ({text})")
        if code == STOP_STREAMING:
            raise FeedUnavailable(f"Schwab stopped streaming: {text}")
        if code == SYMBOL_LIMIT:
            logger.error("%s: Schwab's limit of symbols is reached: %s", self.name, text)
        self._leave_out(f"{response.service} {response.command}: code {code}, {text}")

    def _unreadable(self, reason: str) -> Frame:
        """Changes were lost, so what was merged is no longer true: everything is asked for anew."""
        frame = super()._unreadable(reason)
        for track in self._level_one_tracks.values():
            track.forget()
        if self._carried is not None:
            self._carried.forget()
        self._say_later(self._subscriptions(list(self.tracks)))
        return frame


class _PriceHistory(msgspec.Struct):
    candles: list[dict[str, Any]]


def _stretches(start: int, end: int, longest: int | None) -> Iterator[tuple[int, int]]:
    """[start, end] in pieces that Schwab serves in one answer."""
    first = start
    while longest is not None and end - first > longest:
        yield first, first + longest
        first += longest
    yield first, end


def _candles(content: bytes) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(content, type=_PriceHistory)
    except msgspec.DecodeError as error:
        raise FeedProtocolError(f"{history.PATH}: candles were expected: {error}") from error
    return found.candles


def _in_words_of_feeds(error: OrderRefused | OutcomeUnknown) -> FeedError:
    match error:
        case NotAuthorized():
            return FeedUnauthorized(f"{error.detail}; log in to Schwab again")
        case RateLimited():
            return FeedUnavailable(error.detail, retry_after_s=error.retry_after_s)
        case TokenUnavailable():
            return FeedUnavailable(error.detail, retry_after_s=_BUSY_PAUSE_S if error.venue_code == "429" else 0.0)
        case OutcomeUnknown() | VenueUnreachable():
            return FeedUnavailable(error.detail)
        case _:
            return FeedProtocolError(error.detail)


def make(setup: FeedSetup) -> SchwabFeed:
    """The feed of one configuration: with a login of its own where it has a secret, else with the one that people
    connected for orders, at the address that the installation has for it."""
    options = msgspec.convert(setup.options, type=SchwabOptions)
    names = following(setup.resolve)
    if setup.token:
        own = LoginToken(setup.api_url, setup.token)
        return SchwabFeed(setup.name, token=own, api_url=setup.api_url, options=options, resolve=names)
    # Logins are kept by Django, which a feed with a secret of its own need not have.
    from brokers.tokens import TokenSource, client_of

    api_url = setup.api_url or client_of("schwab").api_url
    source = TokenSource("schwab", options.login)
    return SchwabFeed(setup.name, token=source, api_url=api_url, options=options, resolve=names)


FEEDS.add("schwab", FeedKind(make, SchwabOptions, "Charles Schwab: level one, sampled, and its own minutes", limits))
