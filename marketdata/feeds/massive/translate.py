"""Massive's events as ours: words, units and oddities end here."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.model.event import Event
from engine.model.market import NAN, Bar, Quote, Tick
from engine.model.time import NS_PER_DAY, NS_PER_MS
from marketdata.feeds.massive import messages
from marketdata.feeds.massive.conditions import OFFICIAL, bits
from marketdata.feeds.streaming.track import SymbolTrack


class Translator:
    """One feed's translation; `tracks` are its symbols by the venue's names. `counts` says what was left out and why.

    Times are milliseconds on this stream. A print is known by its exchange and id, without an id by its number; both
    begin anew each day.
    """

    def __init__(
        self, tracks: Mapping[str, SymbolTrack], counts: Counter[str], *, source: str, has_prints: bool = True
    ) -> None:
        """`has_prints`: the venue's minutes are there to be compared with, and not given out."""
        self._tracks = tracks
        self._counts = counts
        self._source = f"vendor:{source}"
        self._readers: dict[type, Callable[[Any, SymbolTrack, int], Event | None]] = {
            messages.Trade: self._trade,
            messages.Quote: self._quote,
            messages.Minute: self._check if has_prints else self._bar,
            messages.Second: self._bar,
            messages.IndexValue: self._value,
        }

    def translate(self, found: Sequence[messages.Message], ts_recv: int) -> list[Event]:
        """Prints and quotes in their order, then bars."""
        out: list[Event] = []
        bars: list[Event] = []
        tracks, readers = self._tracks, self._readers
        for message in found:
            read = readers.get(type(message))
            if read is None:
                continue
            track = tracks.get(message.sym)  # type: ignore[union-attr]  # all that have a reader name a symbol
            if track is None:
                self._counts["unknown symbol"] += 1
                continue
            event = read(message, track, ts_recv)
            if event is not None:
                track.last_recv = ts_recv
                (bars if type(event) is Bar else out).append(event)
        return out + bars if bars else out

    def _trade(self, trade: messages.Trade, track: SymbolTrack, ts_recv: int) -> Tick | None:
        ts = trade.t * NS_PER_MS
        key = (trade.x, trade.i or trade.q, ts // NS_PER_DAY)
        if key[1] and not track.is_new(key, ts):
            self._counts["duplicate print"] += 1
            return None
        if trade.c and not OFFICIAL.isdisjoint(trade.c):
            self._counts["official open or close of an exchange, no print"] += 1
            return None
        track.last_ts = ts
        size = float(trade.ds) if trade.ds else trade.s
        track.ledger.took(ts, size)
        return Tick(
            ts, track.name, trade.p, size, track.bid, track.ask, bits(trade.c) if trade.c else 0, ts_recv
        )  # fmt: skip

    def _check(self, bar: messages.Minute, track: SymbolTrack, ts_recv: int) -> None:
        track.ledger.told(bar.s * NS_PER_MS, 0, float(bar.dv) if bar.dv else bar.v, ts_recv)

    def _value(self, value: messages.IndexValue, track: SymbolTrack, ts_recv: int) -> Tick | None:
        """An index is calculated, not traded: a print without size."""
        ts = value.t * NS_PER_MS
        if not track.is_new((ts, value.val), ts):
            self._counts["duplicate print"] += 1
            return None
        track.last_ts = ts
        return Tick(ts, track.name, value.val, 0.0, ts_recv=ts_recv)

    def _quote(self, quote: messages.Quote, track: SymbolTrack, ts_recv: int) -> Quote:
        track.bid, track.ask = quote.bp or NAN, quote.ap or NAN
        return Quote(quote.t * NS_PER_MS, track.name, track.bid, track.ask, quote.bs, quote.as_, ts_recv)

    def _bar(self, bar: messages.Minute, track: SymbolTrack, ts_recv: int) -> Bar:
        """A window, sent again where late prints changed it."""
        close = bar.e * NS_PER_MS
        track.last_ts = max(track.last_ts, close)
        return Bar(
            ts=close, symbol=track.name, timeframe="1" if type(bar) is messages.Minute else "1s",
            ts_open=bar.s * NS_PER_MS, open=bar.o, high=bar.h, low=bar.l, close=bar.c, volume=bar.v,
            trade_count=round(bar.v / bar.z) if bar.z else 0, vwap=NAN if bar.vw is None else bar.vw,
            source=self._source, quality="vendor", ts_recv=ts_recv,
        )  # fmt: skip
