"""DBN records as our events: no I/O, no clock; the vendor's units, numbers and words end here."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

import databento_dbn

from engine.model.event import Event
from engine.model.market import NAN, Bar, Quote, Tick
from engine.model.time import NS_PER_S, iso
from marketdata.feeds.databento import framing
from marketdata.feeds.databento.framing import Framer, Run
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.facts import SymbolFacts, Value
from marketdata.feeds.streaming.track import SymbolTrack

logger = logging.getLogger(__name__)
dbn: Any = databento_dbn  # its stubs call the members of its enumerations plain text

SCALE = 1e9  # prices are fixed point
_NO_PRICE = 2**63 - 1
_NO_TIME = 2**64 - 1
_LAST = 0x80  # the record ends its event
# What a print's flags say about its quality: a bad time of receipt, a book that may be wrong, the publisher's own bit.
_CONDITIONS = 0x08 | 0x04 | 0x02

# The records that come by the thousand are read by ourselves: as fast as by the vendor's decoder, which panics where a
# length is wrong and makes records of bytes that are none (ADR 0030). All others are the vendor's business.
_TRADES = Struct("<BBHIQqIccBBQiI")
_TOPS = Struct("<BBHIQqIccBBQiIqqIIII")
_BARS = Struct("<BBHIQqqqqQ")
_TIMEFRAMES = {framing.BAR_SECOND: ("1s", NS_PER_S), framing.BAR_MINUTE: ("1", 60 * NS_PER_S)}

_STATISTICS = {  # the day's summary, in the words of the other feeds
    "OPENING_PRICE": "dayOpenPrice",
    "TRADING_SESSION_HIGH_PRICE": "dayHighPrice",
    "TRADING_SESSION_LOW_PRICE": "dayLowPrice",
    "SETTLEMENT_PRICE": "prevDayClosePrice",
    "CLOSE_PRICE": "dayClosePrice",
    "OPEN_INTEREST": "openInterest",
    "CLEARED_VOLUME": "prevDayVolume",
}
_HALTS = frozenset({"HALT", "PAUSE", "SUSPEND"})

_Remembered = tuple[int, Run, dict[int, SymbolTrack | None]]  # the time of the last record, and whose numbers
Key = tuple[str, str, int, int, int, int]  # our symbol, the action, time, number of the packet, price, size


class Told:
    """What one chunk holds beside prints, quotes and bars: facts, and what the gateway says of itself, ErrorMsg as
    (code, text) and the codes of its SystemMsg; and whether it names instruments."""

    def __init__(self) -> None:
        self.facts: list[SymbolFacts] = []
        self.errors: list[tuple[str, str]] = []
        self.systems: list[str] = []
        self.has_names = False


class Translator:
    """One feed's translation over all its connections. `tracks` maps the vendor's names to what we remember of each.

    Instruments come as numbers, which are told after each connection and good for a day. `counts` says what was left
    out and why.
    """

    def __init__(self, source: str, tracks: Mapping[str, SymbolTrack], *, remember_s: float = 5.0) -> None:
        self.counts: Counter[str] = Counter()
        self.last_ts = 0  # the newest time of any print
        self.names: dict[str, str] = {}  # what was asked for → the exchange's own symbol
        self._source = source
        self._tracks = tracks
        self._by_id: dict[int, SymbolTrack | None] = {}
        self._framer = Framer()
        self._remember_ns = int(remember_s * NS_PER_S)
        self._recent: deque[_Remembered] = deque()
        self._known: Counter[Key] = Counter()
        self._known_since: dict[str, int] = {}  # by our symbol: the first print that is remembered
        self._has_repeats = False
        self._before_repeats: tuple[int, list[_Remembered]] = (0, [])
        self._readers: dict[int, Callable[[Run, int, list[Any]], None]] = {
            framing.TRADE: self._trades,
            framing.TOP: self._tops,
            framing.BAR_SECOND: self._bars,
            framing.BAR_MINUTE: self._bars,
        }

    def connected(self) -> None:
        """A new connection: other numbers, and a stream from its beginning."""
        self._framer = Framer()
        self._by_id = {}
        self.caught_up()

    def forget(self, track: SymbolTrack, *, heir: SymbolTrack | None = None) -> None:
        """It is not wanted any more: what still comes of it is its heir's, or passed over."""
        self._by_id.update({number: heir for number, known in self._by_id.items() if known is track})

    def expect_repeats(self) -> int:
        """A replay comes: from when on to ask for it. Prints that were translated already are left out of it, and those
        from before a symbol's first: nobody asked for them then."""
        self._known = Counter(key for _, run, ids in self._recent for key in _keys(run, ids))
        self._known_since = {}
        for name, _, ts, *_ in self._known:
            self._known_since[name] = min(ts, self._known_since.get(name, ts))
        self._has_repeats = True
        self._before_repeats = (self.last_ts, list(self._recent))
        return self.last_ts - self._remember_ns

    def forget_repeats(self) -> None:
        """The replay broke off, and what came of it was not given out: all of it is to come again."""
        self.last_ts, recent = self._before_repeats
        self._recent = deque(recent)
        self.caught_up()

    def caught_up(self) -> None:
        """The replay is over."""
        self._known.clear()
        self._has_repeats = False

    def translate(self, data: bytes, ts_recv: int, told: Told) -> tuple[list[Event], str]:
        """The events of the records that end in `data`, in their order; and why nothing after them can be read."""
        out: list[Event] = []
        try:
            for run in self._framer.runs(data):
                reader = self._readers.get(run.kind)
                if reader is None:
                    self._rare(run, ts_recv, told)
                else:
                    self._read(reader, self._without_known(run) if self._has_repeats else run, ts_recv, out)
        except FeedProtocolError as error:
            return out, error.detail
        return out, self._framer.broken

    def _read(self, reader: Callable[[Run, int, list[Any]], None], run: Run, ts_recv: int, out: list[Any]) -> None:
        """All of a run, or nothing: what is given out is remembered, and nothing else is."""
        mark = len(out)
        try:
            reader(run, ts_recv, out)
        except FeedProtocolError:
            del out[mark:]
            raise
        self._remember(run)

    # ---- prints, quotes, bars -----------------------------------------------------------------------------------

    def _trades(self, run: Run, ts_recv: int, out: list[Any]) -> None:
        find, add = self._by_id.get, out.append
        for _, _, _, number, ts, price, size, action, _, flags, _, _, _, _ in _TRADES.iter_unpack(run.data):
            track = find(number)
            if track is None:
                self._pass_over(number)
                continue
            if action != b"T" or price == _NO_PRICE:
                self._check(action, b"T")
                continue
            track.last_ts, track.last_recv = ts, ts_recv
            add(Tick(ts, track.name, price / SCALE, float(size), NAN, NAN, flags & _CONDITIONS, ts_recv))

    def _tops(self, run: Run, ts_recv: int, out: list[Any]) -> None:
        """tbbo and mbp-1: trades with the best bid and ask; under mbp-1 also each change of these."""
        find, add = self._by_id.get, out.append
        for row in _TOPS.iter_unpack(run.data):
            _, _, _, number, ts, price, size, action, _, flags, _, _, _, _, bid, ask, bid_size, ask_size, _, _ = row
            track = find(number)
            if track is None:
                self._pass_over(number)
                continue
            bid = NAN if bid == _NO_PRICE else bid / SCALE
            ask = NAN if ask == _NO_PRICE else ask / SCALE
            if action == b"T" and price != _NO_PRICE:
                track.last_ts, track.last_recv = ts, ts_recv
                add(Tick(ts, track.name, price / SCALE, float(size), bid, ask, flags & _CONDITIONS, ts_recv))
            elif action != b"T" and flags & _LAST:  # within an event the book is on its way from one state to the next
                self._check(action, b"ACMRFN")
                track.last_recv = ts_recv
                add(Quote(ts, track.name, bid, ask, float(bid_size), float(ask_size), ts_recv))
            else:
                self._check(action, b"TACMRFN")

    def _bars(self, run: Run, ts_recv: int, out: list[Any]) -> None:
        timeframe, span = _TIMEFRAMES[run.kind]
        for _, _, _, number, ts_open, o, h, low, c, volume in _BARS.iter_unpack(run.data):
            track = self._by_id.get(number)
            if track is None:
                self._pass_over(number)
                continue
            track.last_ts, track.last_recv = ts_open + span, ts_recv
            out.append(
                Bar(
                    ts_open + span, track.name, timeframe, ts_open, o / SCALE, h / SCALE, low / SCALE, c / SCALE,
                    float(volume), source=self._source, quality="vendor", ts_recv=ts_recv,
                )
            )  # fmt: skip

    def _pass_over(self, number: int) -> None:
        """Numbers we were told and want no more go on being sent: the gateway knows no unsubscribing."""
        if number not in self._by_id:
            raise FeedProtocolError(f"instrument {number} was never told to us")
        self.counts["of a symbol that is not wanted any more"] += 1

    def _check(self, action: bytes, allowed: bytes) -> None:
        if action not in allowed:
            raise FeedProtocolError(f"an action out of {allowed!r} was expected, found {action!r}")
        if action == b"T":
            self.counts["print without price"] += 1

    # ---- repeats ------------------------------------------------------------------------------------------------

    def _remember(self, run: Run) -> None:
        """Keep what came in the last seconds as it came: nothing is done with it unless there is a replay."""
        if not run.data:
            return
        ts = int.from_bytes(run.data[-run.size + 8 : -run.size + 16], "little")
        self.last_ts = max(self.last_ts, ts)
        recent = self._recent
        recent.append((ts, run, self._by_id))
        while recent[0][0] < self.last_ts - self._remember_ns:
            recent.popleft()

    def _without_known(self, run: Run) -> Run:
        kept = []
        for at, key in zip(range(0, len(run.data), run.size), _keys(run, self._by_id), strict=True):
            if self._known[key] > 0:
                self._known[key] -= 1
            elif key[2] >= self._known_since.get(key[0], 0):
                kept.append(run.data[at : at + run.size])
        return run._replace(data=b"".join(kept))

    # ---- what comes rarely --------------------------------------------------------------------------------------

    def _rare(self, run: Run, ts_recv: int, told: Told) -> None:
        decoder = dbn.DBNDecoder(
            has_metadata=False,
            input_version=self._framer.version,
            upgrade_policy=dbn.VersionUpgradePolicy.UPGRADE_TO_V3,
        )
        try:
            records = decoder.write_and_decode(run.data)
        except dbn.DBNError as error:
            raise FeedProtocolError(f"a record of kind {run.kind:#04x} cannot be read: {error}") from error
        for record in records:
            if run.kind == framing.MAPPING:
                self._map(record)
                told.has_names = True
            elif run.kind == framing.SYSTEM:
                told.systems.append(_word(record.code))
            elif run.kind == framing.ERROR:
                told.errors.append((_word(record.code), record.err))
            else:
                self._fact(run.kind, record, ts_recv, told)

    def _map(self, record: Any) -> None:
        track = self._tracks.get(record.stype_in_symbol)
        self._by_id[record.instrument_id] = track
        self.names[record.stype_in_symbol] = record.stype_out_symbol

    def _fact(self, kind: int, record: Any, ts_recv: int, told: Told) -> None:
        track = self._by_id.get(record.instrument_id)
        if track is None:
            self._pass_over(record.instrument_id)
            return
        track.last_recv = ts_recv
        if kind == framing.STATISTIC:
            name, values = "summary", _statistic(record)
        else:
            name, values = "profile", _status(record) if kind == framing.STATUS else _definition(record)
        if values:
            told.facts.append(SymbolFacts(track.name, name, values, ts_recv))


def _keys(run: Run, ids: Mapping[int, SymbolTrack | None]) -> list[Key]:
    """What tells the records of a run from others; of a bar its first price and its volume."""
    if run.kind in _TIMEFRAMES:
        bars = _BARS.iter_unpack(run.data)
        return [(_name(ids, row[3]), "", row[4], row[1], row[5], row[9]) for row in bars]
    layout = _TRADES if run.kind == framing.TRADE else _TOPS
    rows = layout.iter_unpack(run.data)
    return [(_name(ids, row[3]), row[7].decode("latin-1"), row[4], row[13], row[5], row[6]) for row in rows]


def _name(ids: Mapping[int, SymbolTrack | None], number: int) -> str:
    track = ids.get(number)
    return track.name if track else ""


def _word(member: Any) -> str:
    """The name of an enumeration's member; a code that is newer than the library keeps its number."""
    return str(getattr(member, "name", member))


def _statistic(record: Any) -> dict[str, Value]:
    name = _STATISTICS.get(_word(record.stat_type))
    if name is None:
        return {}
    if name in ("openInterest", "prevDayVolume"):
        return {name: float(record.quantity)}
    return {} if record.price == _NO_PRICE else {name: record.price / SCALE}


def _status(record: Any) -> dict[str, Value]:
    action = _word(record.action)
    state = "HALTED" if action in _HALTS else "ACTIVE" if action == "TRADING" else action
    return {"tradingStatus": state, "statusReason": _word(record.reason)}


def _definition(record: Any) -> dict[str, Value]:
    values: dict[str, Value] = {"description": record.raw_symbol, "currency": record.currency}
    if record.min_price_increment not in (0, _NO_PRICE):
        values["tickSize"] = record.min_price_increment / SCALE
    if record.unit_of_measure_qty not in (0, _NO_PRICE):
        values["multiplier"] = record.unit_of_measure_qty / SCALE
    if record.expiration not in (0, _NO_TIME):
        values["expiration"] = iso(record.expiration)
    return values
