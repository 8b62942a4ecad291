"""The Databento feed: what was missed while the line was away is asked for again, and comes before anything newer."""

import logging
import time
from collections.abc import Callable, Iterable

import msgspec

from engine.errors import InvalidInput
from engine.model.event import Event
from engine.model.market import Bar, Quote
from infra.backoff import Backoff
from marketdata.feeds.databento.history import URL, DatabentoHistory
from marketdata.feeds.databento.limits import SYMBOLS_A_LINE, limits
from marketdata.feeds.databento.line import GatewayLine, line_of
from marketdata.feeds.databento.options import MINUTE_BARS_MUTE_S, DatabentoOptions
from marketdata.feeds.databento.symbols import stype_of, venue_name_of
from marketdata.feeds.databento.translate import Told, Translator
from marketdata.feeds.errors import FeedUnauthorized, FeedUnavailable
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.streaming.feed import StreamFeed

logger = logging.getLogger(__name__)

_HELD_LIMIT = 1_000_000  # events of a replay; more, and what is held is given out with a gap before it
_CATCH_UP_S = 60.0
_REFUSED_FOR_S = 600.0  # a symbol that the venue could not resolve is asked for again after so long
_START = b"start_session=0\n"

Events = list[Event | SymbolFacts]


class DatabentoFeed(StreamFeed):
    """A `Feed` over the live gateway. One dataset, one connection, one subscription a symbol and schema.

    A line that was away no longer than `replay_missed_s` is no gap: the gateway sends from where we were, what we had
    already is left out, and all of it is given out as one frame. Only where that fails is a gap told.
    """

    has_own_history = True
    request_ns: int | None = None

    def __init__(
        self,
        name: str,
        key: str,
        *,
        options: DatabentoOptions | None = None,
        resolve: Callable[[str], str] = lambda symbol: symbol,
        history_url: str = "",
        backoff: Backoff | None = None,
    ) -> None:
        """`resolve` names a future as dxFeed does, and so knows which contract is the active one."""
        self.options = options or DatabentoOptions()
        super().__init__(
            name,
            _patient(self.options),
            resolve=lambda symbol: venue_name_of(symbol, self.options, resolve),
            limits=limits(self.options),
            backoff=backoff,
        )
        self._key = key
        self.has_contracts = self.options.contract == "calendar"  # else the vendor joins them by its own rule
        self._translator = Translator(f"vendor:{name}", self.tracks)
        self.counts = self._translator.counts
        self._history = DatabentoHistory(
            name,
            key,
            dataset=self.options.dataset,
            url=history_url,
            max_cost_usd=self.options.max_cost_usd,
            requests_per_minute=self.options.requests_per_minute,
        )
        self._is_started = False
        self._complete_at = 0.0  # when we last had everything, monotonic
        self._held: Events | None = None  # of a replay that has not caught up yet
        self._held_until = 0.0
        self._awaited = 0  # replays that have not caught up yet
        self._salvaged: Events = []  # read before the stream broke
        self._may_replay = True
        self._unresolved: dict[str, float] = {}  # the vendor's names → not before (monotonic)

    # ---- what is wanted ---------------------------------------------------------------------------------------

    @property
    def symbols(self) -> dict[str, str]:
        """Our symbols and the exchange's own names: "/NQ" → "NQZ6"."""
        told = self._translator.names
        return {symbol: told.get(name, name) for symbol, name in super().symbols.items()}

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """Carry these too. One that is carried already is looked up again: a future may have rolled."""
        wanted = list(symbols)
        for symbol in wanted:
            present = self._wanted.get(symbol)
            now = self._resolve(symbol) if present is not None else None
            if present is not None and now is not None and now != present:
                await self._roll(symbol, present, now)
        await super().subscribe(wanted)

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        dropped = list(symbols)
        for symbol in dropped:
            track = self.tracks.get(self._wanted.get(symbol, ""))
            stays = next((each for each in self._twins.of(symbol) if each not in dropped), None)
            if track is not None:
                self._translator.forget(track, heir=self.tracks.get(self._wanted[stays]) if stays else None)
        await super().unsubscribe(dropped)

    def native_timeframes(self, symbol: str) -> frozenset[str]:
        """Timeframes of which the venue sends bars of its own, and then nothing else."""
        return frozenset({"ohlcv-1m": ("1",), "ohlcv-1s": ("1s",)}.get(self.options.prints, ()))

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """The venue's closed bars with start < ts ≤ end, oldest first; no connected stream is needed."""
        venue_name = self._wanted.get(symbol) or self._resolve(symbol)
        if venue_name is None:
            return []
        return await self._history.bars(symbol, venue_name, timeframe, start=start, end=end)

    async def _close_more(self) -> None:
        await self._history.close()

    # ---- the stream -------------------------------------------------------------------------------------------

    async def _open(self) -> GatewayLine:
        line = await GatewayLine.log_in(self._key, self.options)
        self._translator.connected()
        self._is_started = False
        return line

    def _subscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        """On a new connection everything at once, and the word to begin; later only what is new."""
        names = [name for name in venue_names if self._is_due(name)]
        if self._is_started:
            return self._requests(names, start=None)
        self._is_started = True
        return [*self._requests(names, start=self._replay_start() if names else None), _START]

    def _unsubscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        """The gateway knows none; what still comes is passed over, and not asked for on the next connection."""
        return []

    def _requests(self, names: list[str], *, start: int | None) -> list[bytes]:
        found = []
        for kind in ("raw_symbol", "continuous"):
            chosen = [name for name in names if stype_of(name) == kind]
            for number, schema in enumerate(self.options.schemas if chosen else ()):
                since = start if schema == self.options.prints else None
                self._awaited += since is not None
                found += subscription(schema, kind, chosen, number=number, start=since)
        return found

    def _is_due(self, name: str) -> bool:
        return self._unresolved.get(name, 0.0) <= time.monotonic()

    def _replay_start(self) -> int | None:
        """From when on to ask again; None where nothing was missed, or too much."""
        away_s = (time.monotonic() - self._complete_at) * self.speed
        if not self._can_replay or away_s > self.options.replay_missed_s:
            return None
        self._held, self._held_until, self._awaited = [], time.monotonic() + _CATCH_UP_S, 0
        return self._translator.expect_repeats()

    @property
    def _can_replay(self) -> bool:
        return self._may_replay and self.options.replay_missed_s > 0 and self._translator.last_ts > 0

    # ---- records ----------------------------------------------------------------------------------------------

    def _translate(self, frame: bytes, ts_recv: int) -> Frame:
        told = Told()
        found, broken = self._translator.translate(frame, ts_recv, told)
        events: Events = [*told.facts, *found]
        if broken:
            self._salvaged = events
            self.counts["unreadable stream"] += 1
            raise FeedUnavailable(f"the stream could not be read any further: {broken}")
        if told.errors:
            events = self._errors(told, events)
        if "SLOW_READER_WARNING" in told.systems:
            self._leave_out("SLOW_READER_WARNING: we read too slowly")
        if told.has_names:
            self._twins.learn(self.symbols)
        given = events if self._held is None else self._catch_up(events, told)
        if self._held is None:
            self._complete_at = time.monotonic()
        return given

    def _catch_up(self, events: Events, told: Told) -> Frame:
        """Hold everything until the replay has met the present: given out piecemeal it would end bars too early. Quotes
        of the past are of no use to anybody, and by far the most."""
        held = self._held or []
        if told.facts:
            held[:0] = told.facts
            events = events[len(told.facts) :]
        held += [event for event in events if type(event) is not Quote]
        self._awaited -= told.systems.count("REPLAY_COMPLETED")
        if self._awaited <= 0:
            self._held = None
            self._translator.caught_up()
            logger.info("%s: what was missed has come: %d events", self.name, len(held))
            return held
        if time.monotonic() < self._held_until and len(held) < _HELD_LIMIT:
            self._held = held
            return ()
        self._held = None
        self._translator.caught_up()
        return [*super()._gaps("what was missed did not come in time"), *held]

    def _gaps(self, reason: str) -> Frame:
        """A line that was lost is no gap yet where the gateway will send what was missed."""
        if self.is_connected:
            return () if self._held is not None else super()._gaps(reason)
        salvaged, self._salvaged = self._salvaged, []
        if self._held is not None:  # it broke off while it caught up: nothing of it was given out
            self._held = None
            self._translator.forget_repeats()
            salvaged = []
        return salvaged if self._can_replay else [*salvaged, *super()._gaps(reason)]

    def _errors(self, told: Told, events: Events) -> Events:
        """What the gateway refuses ends the connection: it would end it itself."""
        for code, text in told.errors:
            if code == "SKIPPED_RECORDS_AFTER_SLOW_READING":
                self._leave_out(f"{code}: {text}")
                events = [*super()._gaps(f"the gateway skipped records: {text}"), *events]
                continue
            self._salvaged = events
            if code in ("AUTH_FAILED", "API_KEY_DEACTIVATED"):
                raise FeedUnauthorized(f"the gateway withdrew our login: {text} (check the API key)")
            if code == "SYMBOL_RESOLUTION_FAILED":
                self._put_off(text)
            if code == "REPLAY_DATA_AGED_OUT" or (code == "INVALID_SUBSCRIPTION" and self._held is not None):
                self._may_replay = False
            wait_s = _CATCH_UP_S if code == "CONNECTION_LIMIT_EXCEEDED" else 0.0
            raise FeedUnavailable(f"the gateway says {code}: {text}", retry_after_s=wait_s)
        return events

    def _put_off(self, text: str) -> None:
        """The symbols that the gateway could not resolve are left out for a while, so that the others come."""
        words = {word.strip("'\"`.,;:()[]") for word in text.split()} | set(text.replace(",", " ").split())
        for symbol, name in self._wanted.items():
            if name in words:
                self._unresolved[name] = time.monotonic() + _REFUSED_FOR_S
                self._room.refuse(symbol, f"the venue does not know {name}")


def subscription(schema: str, kind: str, names: list[str], *, number: int, start: int | None) -> list[bytes]:
    """The lines of one request; the gateway takes a long list in parts."""
    parts = [names[at : at + SYMBOLS_A_LINE] for at in range(0, len(names), SYMBOLS_A_LINE)]
    since = {} if start is None else {"start": str(start)}
    return [
        line_of(
            {
                "schema": schema,
                "stype_in": kind,
                "symbols": ",".join(part),
                **since,
                "snapshot": "0",
                "id": str(number),
                "is_last": str(int(part is parts[-1])),
            }
        )
        for part in parts
    ]


def _patient(options: DatabentoOptions) -> DatabentoOptions:
    """Where only a bar a minute comes, silence must be longer to say anything."""
    if options.prints != "ohlcv-1m" or options.mute_after_s >= MINUTE_BARS_MUTE_S:
        return options
    return msgspec.structs.replace(options, mute_after_s=MINUTE_BARS_MUTE_S)


def make(setup: FeedSetup) -> DatabentoFeed:
    """The feed of one configuration: the API key as its token."""
    options = msgspec.convert(setup.options, type=DatabentoOptions)
    key = setup.token.strip()
    if not key:
        raise InvalidInput(f"feed {setup.name}: the API key is required as token", field="token")
    url = setup.api_url or URL
    return DatabentoFeed(setup.name, key, options=options, resolve=setup.resolve, history_url=url)


FEEDS.add(
    "databento", FeedKind(make, DatabentoOptions, "Databento (legacy): exchange data, live and historical", limits)
)
