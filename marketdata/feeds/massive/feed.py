"""The Massive feed: login by key, subscriptions, and what each of the venue's statuses means for us."""

import re
from collections.abc import Iterable

import msgspec

from engine.errors import InvalidInput
from engine.model.conditions import NOT_PRICED
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.massive import messages
from marketdata.feeds.massive.history import MassiveHistory
from marketdata.feeds.massive.limits import limits
from marketdata.feeds.massive.options import MassiveOptions
from marketdata.feeds.massive.symbols import massive_symbol
from marketdata.feeds.massive.translate import Translator
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.streaming.feed import StreamFeed
from marketdata.feeds.streaming.line import StreamLine
from marketdata.feeds.streaming.pace import RestClient

_FINE = frozenset(("connected", "auth_success", "success"))
_LOGIN = frozenset(("auth_failed", "auth_required", "not_authorized"))  # only a person can change these
_ENDS = frozenset(("auth_failed", "auth_timeout", "max_connections", "slow_consumer", "force_disconnect"))
_SUBSCRIPTION = re.compile(r"\b(?P<channel>[A-Z]+)\.(?P<name>[A-Z0-9.:]+)")


class MassiveFeed(StreamFeed):
    """A `Feed` of one of Massive's markets. `history` needs no connection."""

    has_own_history = True
    has_contracts = True
    volume_tolerance = 1.0  # minutes may be rounded to whole shares
    request_ns = 366 * NS_PER_DAY

    def __init__(self, name: str, key: str, options: MassiveOptions | None = None) -> None:
        self.options = chosen = options or MassiveOptions()
        super().__init__(
            name, chosen, resolve=lambda symbol: massive_symbol(symbol, chosen.market), limits=limits(chosen)
        )
        self.has_adjusted_history = chosen.is_adjusted
        self.not_priced = int(NOT_PRICED) if chosen.priced == "tape" else 0
        self._key = key
        self._translator = Translator(self.tracks, self.counts, source=name, has_prints=chosen.prints == "trades")
        self._http = RestClient(
            chosen.data_url,
            headers={"Authorization": f"Bearer {key}"},
            requests_per_minute=chosen.requests_per_minute,
        )
        self._past = MassiveHistory(self._http, is_adjusted=chosen.is_adjusted, source=name)

    def native_timeframes(self, symbol: str) -> frozenset[str]:
        """Timeframes of which the venue sends bars of its own."""
        return frozenset({"minute_bars": ("1",), "second_bars": ("1s",)}.get(self.options.prints, ()))

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """The venue's closed bars with start < ts ≤ end, oldest first; none of what is not in this market."""
        venue_name = massive_symbol(symbol, self.options.market)
        if venue_name is None:
            return []
        return await self._past.fetch(symbol, venue_name, timeframe, start=start, end=end)

    # ---- the parts that are Massive's own ------------------------------------------------------------------------

    async def _open(self) -> StreamLine:
        options = self.options
        line = await StreamLine.open(f"{options.stream_url}/{options.market}", timeout_s=options.answer_timeout_s)
        try:
            await self._expect(line, "connected")
            await line.send([messages.auth(self._key)])
            await self._expect(line, "auth_success")
        except BaseException:
            await line.close()
            raise
        return line

    async def _expect(self, line: StreamLine, word: str) -> None:
        frame = await line.answer(word, timeout_s=self.options.answer_timeout_s)
        try:
            said = messages.decode(frame)[0]
        except (msgspec.DecodeError, IndexError) as error:
            raise FeedProtocolError(f"{word!r} was expected, found a frame that cannot be read") from error
        if not isinstance(said, messages.Status):
            raise FeedProtocolError(f"{word!r} was expected, found {said}")
        if said.status != word:
            raise self._problem(said)

    def _subscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        return messages.ask("subscribe", self.options.channels(), venue_names, batch=self.options.batch)

    def _unsubscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        return messages.ask("unsubscribe", self.options.channels(), venue_names, batch=self.options.batch)

    def _translate(self, frame: bytes, ts_recv: int) -> Frame:
        try:
            found = self._decode(frame)
            events = self._translator.translate(found, ts_recv)
        except (msgspec.DecodeError, ValueError, UnicodeDecodeError) as error:
            raise FeedProtocolError(f"Massive sent what cannot be read: {error}") from error
        for message in found:
            if isinstance(message, messages.Status) and message.status not in _FINE:
                self._said(message)
        return events

    # ---- inside -----------------------------------------------------------------------------------------------

    def _decode(self, frame: bytes) -> list[messages.Message]:
        try:
            return messages.decode(frame)
        except msgspec.ValidationError:
            found, others = messages.decode_known(frame)
            for kind in others:
                self._leave_out(f"message of kind {kind}")
            return found

    def _said(self, status: messages.Status) -> None:
        """A status that is not all well: of one subscription, or of the line."""
        if status.status in _ENDS:
            raise self._problem(status)
        named = _SUBSCRIPTION.search(status.message)
        track = self.tracks.get(named["name"]) if named else None
        if named and track is not None and named["channel"] == self.options.channels()[0]:
            self._room.refuse(track.name, f"Massive says: {status.message}")
        else:
            self._leave_out(f"status {status.status}: {status.message}")

    def _problem(self, status: messages.Status) -> FeedError:
        """What a status that ends the line means for the next try."""
        text = f"Massive says {status.status}: {status.message}"
        if status.status == "max_connections":
            wait_s = self.options.busy_wait_s
            return FeedUnavailable(f"{text}; another process uses this key", retry_after_s=wait_s)
        if status.status in _LOGIN:
            return FeedUnauthorized(f"{text}; check the key and the plan")
        return FeedUnavailable(text)

    async def _close_more(self) -> None:
        await self._http.close()


def make(setup: FeedSetup) -> MassiveFeed:
    """The feed of one configuration; its token is the API key."""
    options = msgspec.convert(setup.options, type=MassiveOptions)
    if setup.api_url:
        options = msgspec.structs.replace(options, data_url=setup.api_url)
    if not setup.token:
        raise InvalidInput(
            f"feed {setup.name}: the token: an API key was expected, found none; MASSIVE_API_KEY is not set either",
            field="token",
        )
    return MassiveFeed(setup.name, setup.token, options)


FEEDS.add(
    "massive",
    FeedKind(make, MassiveOptions, "stocks, options, indexes and futures from Massive, formerly Polygon", limits),
    aliases=("polygon",),
)
