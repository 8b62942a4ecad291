"""The Alpaca feed: login, subscriptions within the plan, and what each of the venue's refusals means for us."""

from collections.abc import Iterable

import msgspec

from engine.errors import InvalidInput
from engine.model.conditions import NOT_PRICED
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from marketdata.feeds.alpaca import messages
from marketdata.feeds.alpaca.asking import Asking
from marketdata.feeds.alpaca.history import AlpacaHistory
from marketdata.feeds.alpaca.limits import limits
from marketdata.feeds.alpaca.options import AlpacaOptions
from marketdata.feeds.alpaca.symbols import alpaca_symbol
from marketdata.feeds.alpaca.translate import Translator
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.streaming.feed import StreamFeed
from marketdata.feeds.streaming.line import StreamLine
from marketdata.feeds.streaming.pace import RestClient

SYMBOL_LIMIT, CONNECTION_LIMIT, ALREADY_IN = 405, 406, 403
_LOGIN = frozenset({402, 408, 409})  # only a person can change these: key, plan
_OF_A_REQUEST = frozenset({SYMBOL_LIMIT, 409, 410})  # the line stays good


class AlpacaKey(msgspec.Struct, frozen=True):
    """An API key: the pair as Alpaca shows it."""

    key: str
    secret: str


class AlpacaFeed(StreamFeed):
    """A `Feed` of Alpaca's stocks. `history` needs no connection."""

    has_own_history = True
    request_ns = 366 * NS_PER_DAY

    def __init__(self, name: str, key: AlpacaKey, options: AlpacaOptions | None = None) -> None:
        self.options = options or AlpacaOptions()
        super().__init__(name, self.options, resolve=alpaca_symbol, limits=limits(self.options))
        self.has_adjusted_history = self.options.adjustment != "raw"
        self.not_priced = int(NOT_PRICED) if self.options.priced == "tape" else 0
        self._key = key
        self._codec = messages.Codec(self.options.codec)
        self._translator = Translator(
            self.tracks, self.counts, source=name, has_prints=self.options.prints == "trades"
        )  # fmt: skip
        self._asking = Asking(self._build, batch=self.options.batch)
        self._http = RestClient(
            self.options.data_url,
            headers={"APCA-API-KEY-ID": key.key, "APCA-API-SECRET-KEY": key.secret},
            requests_per_minute=self.options.requests_per_minute,
        )
        self._past = AlpacaHistory(
            self._http, feed=self.options.feed, adjustment=self.options.adjustment, source=name
        )  # fmt: skip

    def native_timeframes(self, symbol: str) -> frozenset[str]:
        """Timeframes of which the venue sends bars of its own."""
        return frozenset({"1"} if self.options.prints == "minute_bars" else ())

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """The venue's closed bars with start < ts ≤ end, oldest first; none of what it does not list."""
        venue_name = alpaca_symbol(symbol)
        if venue_name is None:
            return []
        return await self._past.fetch(symbol, venue_name, timeframe, start=start, end=end)

    # ---- the parts that are Alpaca's own -------------------------------------------------------------------------

    async def _open(self) -> StreamLine:
        options = self.options
        url = f"{options.stream_url}/v2/{options.feed}"
        line = await StreamLine.open(
            url, timeout_s=options.answer_timeout_s, is_text=self._codec.is_text, headers=self._codec.headers
        )
        try:
            await self._expect(line, "connected")
            await line.send([messages.auth(self._codec, self._key.key, self._key.secret)])
            await self._expect(line, "authenticated")
        except BaseException:
            await line.close()
            raise
        self._asking.reset()
        return line

    async def _expect(self, line: StreamLine, word: str) -> None:
        frame = await line.answer(word, timeout_s=self.options.answer_timeout_s)
        try:
            (said,) = self._codec.decode(frame)
        except (msgspec.DecodeError, ValueError) as error:
            raise FeedProtocolError(f"{word!r} was expected, found a frame that cannot be read") from error
        if isinstance(said, messages.Error):
            raise self._problem(said)
        if not isinstance(said, messages.Success) or said.msg != word:
            raise FeedProtocolError(f"{word!r} was expected, found {said}")

    def _subscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        return self._asking.ask("subscribe", venue_names) if self._line else ()

    def _unsubscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        if not self._line:
            return ()
        frames = list(self._asking.ask("unsubscribe", venue_names))
        waiting = [name for name, track in self.tracks.items() if track.name in self.refused]
        return [*frames, *self._asking.ask("subscribe", [name for name in waiting if name not in venue_names])]

    def _translate(self, frame: bytes, ts_recv: int) -> Frame:
        try:
            found = self._decode(frame)
            events = self._translator.translate(found, ts_recv)
        except (msgspec.DecodeError, ValueError, UnicodeDecodeError) as error:
            raise FeedProtocolError(f"Alpaca sent what cannot be read: {error}") from error
        for message in found:
            if isinstance(message, messages.Subscription):
                self._said_yes()
            elif isinstance(message, messages.Error):
                self._said_no(message)
        return events

    # ---- inside -----------------------------------------------------------------------------------------------

    def _build(self, action: str, symbols: list[str]) -> bytes:
        return messages.ask(self._codec, action, self.options.channels(), symbols)

    def _decode(self, frame: bytes) -> list[messages.Message]:
        try:
            return self._codec.decode(frame)
        except msgspec.ValidationError:
            found, others = self._codec.decode_known(frame)
            for kind in others:
                self._leave_out(f"message of kind {kind}")
            return found

    def _said_yes(self) -> None:
        """The last request was granted: what was refused before may be had now."""
        names, frames = self._asking.granted()
        for name in names:
            if name in self.tracks:
                self.refused.pop(self.tracks[name].name, None)
        self._say_later(frames)

    def _said_no(self, error: messages.Error) -> None:
        """An error after the login: of one request, or of the line."""
        if error.code == ALREADY_IN:
            self._leave_out(f"error {error.code}: {error.msg}")
        elif error.code in _OF_A_REQUEST:
            lost, frames = self._asking.refused()
            for name in lost:
                if name in self.tracks:
                    self._room.refuse(self.tracks[name].name, f"Alpaca says {error.code}: {error.msg}")
            self._say_later(frames)
        else:
            raise self._problem(error)

    def _problem(self, error: messages.Error) -> FeedError:
        """What an error that ends the line means for the next try."""
        text = f"Alpaca says {error.code}: {error.msg}"
        if error.code in _LOGIN:
            return FeedUnauthorized(f"{text}; check key and plan")
        if error.code == CONNECTION_LIMIT:
            wait_s = self.options.busy_wait_s
            return FeedUnavailable(f"{text}; another process uses this account's connection", retry_after_s=wait_s)
        return FeedUnavailable(text)

    async def _close_more(self) -> None:
        await self._http.close()


def make(setup: FeedSetup) -> AlpacaFeed:
    """The feed of one configuration; its token is a JSON object with `key` and `secret`."""
    options = msgspec.convert(setup.options, type=AlpacaOptions)
    if setup.api_url:
        options = msgspec.structs.replace(options, data_url=setup.api_url)
    try:
        key = msgspec.json.decode(setup.token, type=AlpacaKey)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"feed {setup.name}: the token: a JSON object with key and secret was expected: {error}", field="token"
        ) from None
    return AlpacaFeed(setup.name, key, options)


FEEDS.add(
    "alpaca", FeedKind(make, AlpacaOptions, "US stocks from Alpaca: IEX for free, or the consolidated tape", limits)
)
