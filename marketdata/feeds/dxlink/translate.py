"""DXLink's event data to our events: no I/O, no clock; vendor words, units and oddities end here."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from engine.bars.builder import NEVER
from engine.model.event import Event
from engine.model.market import NAN, FeedGap, Quote, Tick, TickCorrected
from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.feeds.dxlink.candles import CandleRow
from marketdata.feeds.dxlink.values import amount, fact, number
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.volume import VolumeLedger

logger = logging.getLogger(__name__)

# What we ask for of each type. A server may answer with other fields or another order: `Layout` follows it.
FIELDS: dict[str, tuple[str, ...]] = {
    "TimeAndSale": (
        "eventSymbol", "time", "timeNanoPart", "index", "price", "size", "bidPrice", "askPrice", "validTick", "type",
    ),
    "Trade": ("eventSymbol", "time", "timeNanoPart", "price", "size", "dayVolume"),
    "TradeETH": ("eventSymbol", "time", "timeNanoPart", "price", "size", "dayVolume"),
    "Quote": ("eventSymbol", "bidTime", "askTime", "bidPrice", "askPrice", "bidSize", "askSize"),
    "Summary": (
        "eventSymbol", "dayId", "dayOpenPrice", "dayHighPrice", "dayLowPrice", "dayClosePrice", "prevDayClosePrice",
        "prevDayVolume", "openInterest",
    ),
    "Profile": (
        "eventSymbol", "description", "shortSaleRestriction", "tradingStatus", "statusReason", "high52WeekPrice",
        "low52WeekPrice", "beta", "shares",
    ),
    "Greeks": ("eventSymbol", "time", "price", "volatility", "delta", "gamma", "theta", "rho", "vega"),
    "Candle": (
        "eventSymbol", "eventFlags", "index", "time", "sequence", "count", "open", "high", "low", "close", "volume",
        "VWAP",
    ),
}  # fmt: skip

_ALIASES = {"VWAP": "vwap"}
_LAST_VALUES = ("Trade", "TradeETH")  # what the venue repeats of after a subscription
_RECENT = 512  # sale indexes remembered per symbol: duplicates come close together


class Layout:
    """Where the fields we read stand among the values of one event type."""

    def __init__(self, fields: Sequence[str], wanted: Sequence[str]) -> None:
        self.fields = list(fields)
        self.stride = len(fields)
        places = {name: place for place, name in enumerate(fields)}
        self._places = [places.get(name, places.get(_ALIASES.get(name, ""))) for name in wanted]
        if self._places[0] is None:
            raise FeedProtocolError(f"eventFields with eventSymbol were expected, found {list(fields)}")

    def rows(self, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The wanted values, event by event; None for a field that the server does not send."""
        stride = self.stride
        if len(values) % stride:
            raise FeedProtocolError(f"a multiple of {stride} values was expected, found {len(values)}")
        columns = [repeat(None) if place is None else values[place::stride] for place in self._places]
        return zip(*columns)  # noqa: B905  # repeat() has no end

    def flatten(self, events: Iterable[Mapping[str, Any]]) -> list[Any]:
        """FULL format as the values COMPACT would have had; what was left out is None."""
        return [event.get(name) for event in events for name in self.fields]


class SymbolState:
    """What translating one symbol must remember."""

    __slots__ = (
        "ask", "awaited", "bid", "gone", "last_index", "last_recv", "last_ts", "ledger", "name", "prints", "recent",
        "trades", "volume", "volume_kind", "volume_ts",
    )  # fmt: skip

    def __init__(self, name: str, ledger: VolumeLedger | None = None) -> None:
        self.name = name
        self.ledger = ledger or VolumeLedger()
        self.bid = NAN
        self.ask = NAN
        self.last_ts = 0
        self.last_recv = 0
        self.last_index = -1
        self.recent: deque[int] = deque(maxlen=_RECENT)
        self.prints: deque[tuple[Any, Tick]] = deque(maxlen=_RECENT)  # by sale index, for corrections
        self.gone: deque[Any] = deque(maxlen=_RECENT)  # indexes of cancelled sales
        self.trades: deque[tuple[int, float, float]] = deque(maxlen=_RECENT)  # taken while sales are not known yet
        self.volume: Any = None  # of the day, as of the last Trade
        self.volume_ts = 0  # of one that was no print
        self.volume_kind = ""  # Trade or TradeETH
        self.awaited: dict[str, int] = {}  # types whose next event, up to this ts, only repeats what is known

    def print_at(self, index: Any) -> Tick | None:
        """The print that came under this sale index, if that is not long ago."""
        return next((tick for known, tick in reversed(self.prints) if known == index), None)

    def has_seen(self, index: int) -> bool:
        """Whether a sale of this index came before; remembers it. Indexes rise, except for what comes late."""
        if index > self.last_index:
            self.last_index = index
        elif index in self.recent:
            return True
        self.recent.append(index)
        return False

    def repeats(self, kind: str, ts: int) -> bool:
        """Whether the event of `kind` at `ts` only says again what was known when we subscribed."""
        return ts <= self.awaited.get(kind, -1)

    def passes_over(self, kind: str, ts: int, volume: Any) -> bool:
        """The same, for the event that was waited for: what comes after it is new. Its volume is known then."""
        is_known = self.repeats(kind, ts)
        del self.awaited[kind]
        if is_known:
            self.volume = volume
            if ts >= self.volume_ts:
                self.volume_ts, self.volume_kind = ts, kind
        return is_known

    def came_as_trade(self, ts: int, price: float, size: float) -> bool:
        """Whether this sale is a print that came as Trade, before we knew that sales are granted."""
        if ts > self.trades[-1][0]:
            self.trades.clear()
            return False
        return (ts, price, size) in self.trades


class Translator:
    """One feed's translation. `symbols` maps the venue's names to what we remember of each.

    Prints come from TimeAndSale where the venue grants it (every print, once, by index), else from Trade and
    TradeETH, whose first event after a subscription repeats the last known value and is no print. `counts` says what
    was left out and why.
    """

    def __init__(self, *, prints: str = "auto", volume_check: str = "sales", loss_grace_s: float = 2.0) -> None:
        self.symbols: dict[str, SymbolState] = {}
        self.counts: Counter[str] = Counter()
        self.candles: list[CandleRow] = []  # of the frame just translated, for the feed to route
        self.has_sales = prints == "time_and_sale"
        self._uses_sales = prints != "trade"
        self._volume_check = volume_check
        self._loss_grace_ns = int(loss_grace_s * NS_PER_S)
        self._settle_at = 0
        self._layouts = {kind: Layout(fields, fields) for kind, fields in FIELDS.items()}
        self._readers: dict[str, Callable[[Iterator[tuple[Any, ...]], int, list[Any]], None]] = {
            "TimeAndSale": self._sales,
            "Trade": self._trades,
            "TradeETH": self._extended_trades,
            "Quote": self._quotes,
            "Summary": self._summaries,
            "Profile": self._profiles,
            "Greeks": self._greeks,
            "Candle": self._candles,
        }

    def add(self, venue_name: str, name: str) -> None:
        """Translate `venue_name` as our `name`; said again on each connection, which repeats last values."""
        state = self.symbols.get(venue_name)
        if state is None:
            state = self.symbols[venue_name] = SymbolState(name, VolumeLedger(grace_ns=self._loss_grace_ns))
        state.name = name
        state.ledger.reset()
        state.awaited = dict.fromkeys(_LAST_VALUES, NEVER)

    def wake(self, venue_names: Iterable[str]) -> None:
        """These are subscribed again on a line that is up: last values may come once more, or not. What was lost while
        they were silent still has to show, so their volume is counted on."""
        for state in filter(None, map(self.symbols.get, venue_names)):
            if state.last_ts:
                state.awaited = dict.fromkeys(_LAST_VALUES, state.last_ts)

    def remove(self, venue_name: str) -> None:
        self.symbols.pop(venue_name, None)

    def configure(self, event_fields: Mapping[str, Sequence[str]]) -> None:
        """FEED_CONFIG: the fields, in their order, of the types it names; the others stay."""
        for kind, fields in event_fields.items():
            if kind in FIELDS:
                self._layouts[kind] = Layout(fields, FIELDS[kind])

    def translate(self, data: Any, ts_recv: int) -> list[Event | SymbolFacts]:
        """The events of one FEED_DATA, in its order. `FeedProtocolError` where it cannot be read."""
        if not isinstance(data, list):
            raise FeedProtocolError(f"FEED_DATA with a list was expected, found {type(data).__name__}")
        out: list[Event | SymbolFacts] = []
        if data and isinstance(data[0], dict):
            self._full(data, ts_recv, out)
            return out
        for kind, values in zip(data[::2], data[1::2], strict=False):
            if isinstance(kind, list) and len(kind) == 2:  # an old spelling of the head: [type, [fields]]
                self.configure({kind[0]: kind[1]})
                kind = kind[0]
            self._read(kind, values, ts_recv, out)
        return out

    def lost(self, now: int) -> list[FeedGap]:
        """The symbols whose prints do not add up to the venue's volume; looked at a few times a second at most."""
        if now < self._settle_at:
            return []
        self._settle_at = now + self._loss_grace_ns // 8
        found: list[FeedGap] = []
        for state in self.symbols.values():
            loss = state.ledger.settle(now)
            if loss is not None:
                self.counts["lost volume"] += 1
                found.append(FeedGap(loss.until, state.name, str(loss), since=loss.since))
        return found

    # ---- inside -----------------------------------------------------------------------------------------------

    def _read(self, kind: Any, values: Any, ts_recv: int, out: list[Any]) -> None:
        reader = self._readers.get(kind) if isinstance(kind, str) else None
        if reader is None:
            self._leave_out(f"unknown event type {kind!r}")
            return
        if not isinstance(values, list):
            raise FeedProtocolError(f"{kind}: a list of values was expected, found {type(values).__name__}")
        try:
            reader(self._layouts[kind].rows(values), ts_recv, out)
        except (TypeError, ValueError) as error:
            raise FeedProtocolError(f"{kind}: unreadable values: {error}") from error

    def _full(self, data: list[Any], ts_recv: int, out: list[Any]) -> None:
        for event in data:
            kind = event.get("eventType") if isinstance(event, dict) else None
            layout = self._layouts.get(str(kind))
            self._read(kind, layout.flatten([event]) if layout else [], ts_recv, out)

    def _leave_out(self, reason: str) -> None:
        if reason not in self.counts:
            logger.warning("dxlink: left out: %s (said once, counted on)", reason)
        self.counts[reason] += 1

    def _sales(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        if not self._uses_sales:
            return
        self._begin_with_sales()
        find = self.symbols.get
        for venue_name, time, nanos, index, price, size, bid, ask, is_valid, kind in rows:
            state = find(venue_name)
            if state is None:
                self.counts["unknown symbol"] += 1
                continue
            if (is_valid is False or kind != "NEW") and self._is_void(kind, is_valid):
                self._void(state, (time, nanos, index, price, size, bid, ask, is_valid, kind), ts_recv, out)
                continue
            if index is not None and state.has_seen(index):
                self.counts["duplicate print"] += 1
                continue
            if type(price) is not float or type(size) is not float:
                price, size = number(price), amount(size)
                if price != price:
                    self.counts["print without price"] += 1
                    continue
            ts = time * NS_PER_MS + (nanos or 0)
            if state.trades and state.came_as_trade(ts, price, size):
                continue
            state.last_ts, state.last_recv = ts, ts_recv
            if type(bid) is not float or type(ask) is not float:
                bid, ask = number(bid), number(ask)
            tick = Tick(ts, state.name, price, size, bid, ask, 0, ts_recv)
            out.append(tick)
            state.prints.append((index, tick))
            state.ledger.took(ts, size)

    def _begin_with_sales(self) -> None:
        """The first sale came: prints are counted from the volumes that came as Trade until now."""
        known = [] if self.has_sales or self._volume_check != "sales" else list(self.symbols.values())
        self.has_sales = True
        for state in known:
            if state.volume_kind and state.volume and state.volume != "NaN":
                state.ledger.begin(state.volume_kind, max(state.last_ts, state.volume_ts), float(state.volume))

    def _is_void(self, kind: Any, is_valid: Any) -> bool:
        """Whether a sale is no new, valid print."""
        if is_valid is not False and kind is None:
            return False
        self._leave_out(f"TimeAndSale of type {kind}, validTick {is_valid}")
        return True

    def _void(self, state: SymbolState, row: tuple[Any, ...], ts_recv: int, out: list[Any]) -> None:
        """A print that makes no price counts in the day's volume all the same. One that the venue takes back, or
        changes, is told as a correction; one that we do not remember by its time and what else the venue says of it."""
        time, nanos, index, price, size, bid, ask, is_valid, kind = row
        ts, price, size = time * NS_PER_MS + (nanos or 0), number(price), amount(size)
        original = state.print_at(index) if kind in ("CORRECTION", "CANCEL") else None
        added = size - (original.size if original is not None else 0.0)
        if kind != "CANCEL" and added > 0:
            state.ledger.took(max(ts, state.last_ts), added)
        is_known = original is not None
        if original is None:
            if kind not in ("CORRECTION", "CANCEL") or index in state.gone:
                return
            original = Tick(ts, state.name, *((price, size) if kind == "CANCEL" else (NAN, NAN)))
        if kind == "CANCEL":
            state.gone.append(index)
        replacement = None
        if kind == "CORRECTION" and is_valid is not False and price == price:
            replacement = Tick(original.ts, state.name, price, size, number(bid), number(ask), 0, ts_recv)
        state.last_recv = ts_recv
        state.prints = deque([each for each in state.prints if each[1] is not original], maxlen=_RECENT)
        if replacement is not None:
            state.prints.append((index, replacement))
        told = max(state.last_ts, original.ts)
        out.append(TickCorrected(told, state.name, original, replacement, ts_recv, is_known=is_known))

    def _trades(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any], kind: str = "Trade") -> None:
        find = self.symbols.get
        has_sales, remember = self.has_sales, self._uses_sales
        if self._volume_check == "always" or (has_sales and self._volume_check == "sales"):
            rows = self._counted(rows, kind, ts_recv)
        for venue_name, time, nanos, price, size, volume in rows:
            state = find(venue_name)
            if state is None:
                self.counts["unknown symbol"] += 1
                continue
            if kind in state.awaited and state.passes_over(kind, time * NS_PER_MS + (nanos or 0), volume):
                continue
            if has_sales:
                continue
            if volume is not None and volume == state.volume and volume != "NaN" and volume:
                self.counts["duplicate print"] += 1
                continue
            state.volume = volume
            if type(price) is not float or type(size) is not float:
                price, size = number(price), amount(size)
                if price != price:
                    self.counts["print without price"] += 1
                    continue
            ts = time * NS_PER_MS + nanos if nanos else time * NS_PER_MS
            if remember:
                state.trades.append((ts, price, size))
            state.last_ts, state.last_recv, state.volume_kind = ts, ts_recv, kind
            out.append(Tick(ts, state.name, price, size, state.bid, state.ask, 0, ts_recv))

    def _counted(self, rows: Iterator[tuple[Any, ...]], kind: str, ts_recv: int) -> Iterator[tuple[Any, ...]]:
        """The same rows, after noting the volume of the day that each of them tells."""
        for row in rows:
            venue_name, time, nanos, _, size, volume = row
            state = self.symbols.get(venue_name)
            if state is not None and volume and volume != "NaN":
                ts = time * NS_PER_MS + (nanos or 0)
                state.ledger.told(kind, ts, float(volume), ts_recv)
                if not self.has_sales and not state.repeats(kind, ts) and volume != state.volume:
                    state.ledger.took(ts, amount(size))
            yield row

    def _extended_trades(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        self._trades(rows, ts_recv, out, "TradeETH")

    def _quotes(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        find = self.symbols.get
        for venue_name, bid_time, ask_time, bid, ask, bid_size, ask_size in rows:
            state = find(venue_name)
            if state is None:
                self.counts["unknown symbol"] += 1
                continue
            state.bid, state.ask, state.last_recv = number(bid), number(ask), ts_recv
            # The venue usually leaves the times at 0: then the quote is as old as the last print we know of.
            ts = max(bid_time or 0, ask_time or 0) * NS_PER_MS or state.last_ts or ts_recv
            out.append(Quote(ts, state.name, state.bid, state.ask, number(bid_size), number(ask_size), ts_recv))

    def _summaries(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        self._facts("Summary", rows, ts_recv, out)

    def _profiles(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        self._facts("Profile", rows, ts_recv, out)

    def _greeks(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        self._facts("Greeks", rows, ts_recv, out)

    def _facts(self, kind: str, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        names = FIELDS[kind][1:]
        for venue_name, *values in rows:
            state = self.symbols.get(venue_name)
            if state is None:
                self.counts["unknown symbol"] += 1
                continue
            known = {name: fact(value) for name, value in zip(names, values, strict=True) if value is not None}
            found = {name: value for name, value in known.items() if value == value}
            out.append(SymbolFacts(state.name, kind.lower(), found, ts_recv))

    def _candles(self, rows: Iterator[tuple[Any, ...]], ts_recv: int, out: list[Any]) -> None:
        for name, flags, index, time, sequence, count, *prices in rows:
            self.candles.append(
                CandleRow(
                    name, flags or 0, index, time, sequence or 0, int(amount(count)), *(number(each) for each in prices)
                )
            )
