"""Schwab's streamer data to our events: no I/O, no clock; field numbers, lots and oddities end here."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from brokers.schwab.wire import Data
from engine.model.event import Event
from engine.model.market import NAN, Bar, Quote, Tick
from engine.model.time import NS_PER_MINUTE, NS_PER_MS
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.facts import SymbolFacts, Value
from marketdata.feeds.schwab.fields import CHART_EQUITY, CHART_FUTURES, LEVEL_ONE, Layout
from marketdata.feeds.streaming.track import SymbolTrack

_NEW_SUBSCRIPTION = "assetMainType"  # only the first content of a subscription says what the symbol is


class LevelOneTrack(SymbolTrack):
    """`view` is everything Schwab has said of the symbol since the subscription: it sends only what changed.

    `is_whole` is False until the first, complete content of a subscription has come: changes mean nothing before.
    """

    __slots__ = ("is_whole", "service", "told_ms", "told_volume", "view")

    def __init__(self, name: str, service: str) -> None:
        super().__init__(name)
        self.service = service
        self.view: dict[str, Any] = {}
        self.is_whole = False
        self.told_ms = 0
        self.told_volume = NAN

    def forget(self) -> None:
        """What was known is not to be built on: a new subscription, or a frame that was lost."""
        self.view.clear()
        self.is_whole = False
        self.told_ms = 0
        self.told_volume = NAN


class Translator:
    """One feed's translation. `tracks` maps Schwab's names to what we remember of each.

    Level one is sampled: Schwab sends last values, several trades in one. A print of ours is a change of the last
    trade; its size is what the day's volume grew by, so that no volume is lost with the trades in between.
    """

    def __init__(self, name: str, tracks: dict[str, LevelOneTrack], counts: Counter[str]) -> None:
        self._source = f"vendor:{name}"
        self._tracks = tracks
        self._counts = counts
        self._readers: dict[str, Callable[[dict[str, Any], int, str], list[Event | SymbolFacts]]] = {
            **dict.fromkeys(LEVEL_ONE, self._level_one),
            CHART_EQUITY: self._chart,
            CHART_FUTURES: self._chart,
        }

    def translate(self, data: list[Data], ts_recv: int) -> list[Event | SymbolFacts]:
        """The events of one frame, in its order, then its facts: a frame that ends with a print holds no facts.
        `FeedProtocolError` where it cannot be read."""
        out: list[Event | SymbolFacts] = []
        for each in data:
            reader = self._readers.get(each.service)
            if reader is None:
                self._counts[f"service {each.service}"] += 1
                continue
            try:
                for content in each.content:
                    out += reader(content, ts_recv, each.service)
            except (TypeError, ValueError, KeyError) as error:
                raise FeedProtocolError(f"{each.service}: unreadable values: {error!r}") from error
        out.sort(key=_is_fact)
        return out

    # ---- level one --------------------------------------------------------------------------------------------

    def _level_one(self, content: dict[str, Any], ts_recv: int, service: str) -> list[Event | SymbolFacts]:
        track = self._tracks.get(content["key"])
        if track is None:
            self._counts["unknown symbol"] += 1
            return []
        layout = LEVEL_ONE[service]
        is_first = _NEW_SUBSCRIPTION in content
        if is_first and not track.is_whole:
            track.view.clear()
        elif not track.is_whole:
            self._counts["change before its subscription"] += 1
            return []
        track.view |= content
        track.last_recv = ts_recv
        out: list[Event | SymbolFacts] = []
        if not layout.quote.isdisjoint(content):
            out.append(_quote(track, layout, ts_recv))
        if not layout.fact_fields.isdisjoint(content):
            out += _facts(track, layout, content, ts_recv)
        if not track.is_whole:
            self._begin(track, layout)
        elif not layout.trade.isdisjoint(content):
            out += self._trade(track, layout, ts_recv)
        return out

    def _begin(self, track: LevelOneTrack, layout: Layout) -> None:
        """The first content repeats a trade that was before us: it is where we begin, and no print."""
        _number(track.view.get(layout.last))  # readable it must be all the same
        track.is_whole = True
        track.told_ms = int(track.view.get(layout.trade_ms) or 0)
        track.told_volume = _number(track.view.get(layout.volume))
        track.last_ts = max(track.last_ts, track.told_ms * NS_PER_MS)

    def _trade(self, track: LevelOneTrack, layout: Layout, ts_recv: int) -> list[Event | SymbolFacts]:
        price = _number(track.view.get(layout.last))
        trade_ms = int(track.view.get(layout.trade_ms) or 0)
        volume = _number(track.view.get(layout.volume))
        if price != price or not trade_ms:
            self._counts["trade without price or time"] += 1
            return []
        if trade_ms < track.told_ms or (trade_ms == track.told_ms and volume < track.told_volume):
            self._counts["overtaken trade"] += 1
            return []
        size = self._size(track, layout, volume)
        if size == 0.0 and trade_ms == track.told_ms:
            self._counts["repeated trade"] += 1
            return []
        track.told_ms, track.told_volume = trade_ms, volume
        ts = track.last_ts = trade_ms * NS_PER_MS
        return [Tick(ts, track.name, price, size, track.bid, track.ask, 0, ts_recv)]

    def _size(self, track: LevelOneTrack, layout: Layout, volume: float) -> float:
        """What the volume grew by. Where it fell, the day began anew or was corrected: then what the trade says."""
        if volume != volume:
            return 0.0  # an index
        grown = volume - track.told_volume
        if grown >= 0:
            return grown
        self._counts["volume fell"] += 1
        own = _number(track.view.get(layout.last_size))
        return min(own, volume) if own == own else 0.0

    # ---- minutes ----------------------------------------------------------------------------------------------

    def _chart(self, content: dict[str, Any], ts_recv: int, service: str) -> list[Event | SymbolFacts]:
        track = self._tracks.get(content["key"])
        if track is None:
            self._counts["unknown symbol"] += 1
            return []
        start = int(content["7" if service == CHART_EQUITY else "1"]) * NS_PER_MS
        opened, high, low, close, volume = (_required(content[field]) for field in ("2", "3", "4", "5", "6"))
        if not low <= min(opened, close) <= max(opened, close) <= high:
            raise ValueError(f"low ≤ open, close ≤ high was expected, found {content}")
        track.last_recv = ts_recv
        bar = Bar(
            ts=start + NS_PER_MINUTE, symbol=track.name, timeframe="1", ts_open=start, open=opened, high=high, low=low,
            close=close, volume=volume, source=self._source, quality="vendor", ts_recv=ts_recv,
        )  # fmt: skip
        return [bar]


def _is_fact(event: Event | SymbolFacts) -> bool:
    return isinstance(event, SymbolFacts)


def _quote(track: LevelOneTrack, layout: Layout, ts_recv: int) -> Quote:
    view = track.view
    track.bid, track.ask = _number(view.get(layout.bid)), _number(view.get(layout.ask))
    ts = int(view.get(layout.quote_ms) or 0) * NS_PER_MS or track.last_ts or ts_recv
    bid_size, ask_size = (_number(view.get(field)) * layout.lot for field in (layout.bid_size, layout.ask_size))
    return Quote(ts, track.name, track.bid, track.ask, bid_size, ask_size, ts_recv)


def _facts(track: LevelOneTrack, layout: Layout, content: dict[str, Any], ts_recv: int) -> list[SymbolFacts]:
    """The day's summary, the trading status and the greeks, each as a whole, where some of it has changed."""
    kinds = {layout.facts[field][0] for field in layout.fact_fields & content.keys()}
    found: dict[str, dict[str, Value]] = {}
    for field, (kind, word, scale) in layout.facts.items():
        value = track.view.get(field)
        if value is None or kind not in kinds:
            continue
        if isinstance(value, str):
            found.setdefault(kind, {})[word] = _STATUS.get(value, value)
        elif _number(value) == _number(value):
            found.setdefault(kind, {})[word] = _number(value) * scale
    return [SymbolFacts(track.name, kind, values, ts_recv) for kind, values in found.items()]


_STATUS = {"Normal": "ACTIVE", "Halted": "HALTED", "Closed": "CLOSED"}


def _number(value: Any) -> float:
    """A number of the wire; nan where there is none. `TypeError` for anything else."""
    if type(value) is float:
        return value
    if value is None:
        return NAN
    if isinstance(value, bool) or not isinstance(value, int | float):
        if value == "NaN":
            return NAN
        raise TypeError(f"a number was expected, found {value!r}")
    return float(value)


def _required(value: Any) -> float:
    found = _number(value)
    if found != found:
        raise ValueError("a number was expected, found none")
    return found
