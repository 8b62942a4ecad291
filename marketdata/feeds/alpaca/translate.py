"""Alpaca's events as ours: words, units and oddities end here."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.model.event import Event
from engine.model.market import NAN, Bar, Quote, Tick, TickCorrected
from engine.model.time import NS_PER_MINUTE
from marketdata.feeds.alpaca import messages
from marketdata.feeds.alpaca.conditions import OFFICIAL, bits
from marketdata.feeds.alpaca.messages import nanoseconds
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.streaming.track import SymbolTrack

# Status codes of the tapes. Anything else (imbalances, price indications) says nothing about whether it trades.
_HALTED = {"A": ("2",), "B": ("2",), "C": ("H", "P"), "O": ("H", "P")}
_TRADES = {"A": ("3",), "B": ("3",), "C": ("T",), "O": ("T",)}


class Translator:
    """One feed's translation; `tracks` are its symbols by the venue's names. `counts` says what was left out and why.

    A print is known by exchange and id: one that comes again is dropped, one that is corrected is found. An exchange
    numbers its prints anew each day, so the day is part of it.
    """

    def __init__(
        self, tracks: Mapping[str, SymbolTrack], counts: Counter[str], *, source: str, has_prints: bool = True
    ) -> None:
        """`has_prints`: the venue's bars are there to be compared with, and not given out."""
        self._tracks = tracks
        self._counts = counts
        self._source = f"vendor:{source}"
        self._readers: dict[type, Callable[[Any, SymbolTrack, int], Event | SymbolFacts | None]] = {
            messages.Trade: self._trade,
            messages.Quote: self._quote,
            messages.Bar: self._check if has_prints else self._bar,
            messages.UpdatedBar: self._updated_bar,
            messages.Correction: self._correction,
            messages.CancelError: self._cancel,
            messages.Status: self._status,
        }

    def translate(self, found: Sequence[messages.Message], ts_recv: int) -> list[Event | SymbolFacts]:
        """Prints and quotes in their order, then what was said beside them. `ValueError` for an unreadable time."""
        out: list[Event | SymbolFacts] = []
        beside: list[Event | SymbolFacts] = []
        tracks, readers = self._tracks, self._readers
        for message in found:
            kind = type(message)
            read = readers.get(kind)
            if read is None:
                continue
            track = tracks.get(message.S)  # type: ignore[union-attr]  # all that have a reader name a symbol
            if track is None:
                self._counts["unknown symbol"] += 1
                continue
            event = read(message, track, ts_recv)
            if event is None:
                continue
            track.last_recv = ts_recv
            (out if kind is messages.Trade or kind is messages.Quote else beside).append(event)
        return out + beside if beside else out

    # ---- one message each ---------------------------------------------------------------------------------------

    def _trade(self, trade: messages.Trade, track: SymbolTrack, ts_recv: int) -> Tick | None:
        ts = nanoseconds(trade.t)
        if trade.i and not track.is_new(_key(trade.x, trade.i, ts), ts):
            self._counts["duplicate print"] += 1
            return None
        if not OFFICIAL.isdisjoint(trade.c):
            self._counts["official open or close of an exchange, no print"] += 1
            return None
        track.last_ts = ts
        track.ledger.took(ts, trade.s)
        return Tick(
            ts, track.name, trade.p, trade.s, track.bid, track.ask, bits(trade.c, trade.z) if trade.c else 0, ts_recv
        )

    def _quote(self, quote: messages.Quote, track: SymbolTrack, ts_recv: int) -> Quote:
        # A side without a price is sent as 0.
        track.bid, track.ask = quote.bp or NAN, quote.ap or NAN
        return Quote(nanoseconds(quote.t), track.name, track.bid, track.ask, quote.bs, quote.as_, ts_recv)

    def _bar(self, bar: messages.Bar, track: SymbolTrack, ts_recv: int) -> Bar:
        made = minute_bar(bar, symbol=track.name, source=self._source, ts_recv=ts_recv)
        track.last_ts = made.ts
        return made

    def _check(self, bar: messages.Bar, track: SymbolTrack, ts_recv: int) -> None:
        track.ledger.told(nanoseconds(bar.t), bar.n, bar.v, ts_recv)

    def _updated_bar(self, bar: messages.UpdatedBar, track: SymbolTrack, ts_recv: int) -> Bar:
        return minute_bar(bar, symbol=track.name, source=self._source, ts_recv=ts_recv)

    def _correction(self, said: messages.Correction, track: SymbolTrack, ts_recv: int) -> TickCorrected:
        ts = self._time_of(track, said.x, said.oi, said.t)
        original = Tick(ts or 0, track.name, said.op, said.os, conditions=bits(said.oc, said.z))
        replacement = Tick(ts or 0, track.name, said.cp, said.cs, conditions=bits(said.cc, said.z))
        return TickCorrected(
            nanoseconds(said.t), track.name, original, replacement, ts_recv, is_known=ts is not None
        )  # fmt: skip

    def _cancel(self, said: messages.CancelError, track: SymbolTrack, ts_recv: int) -> TickCorrected:
        ts = self._time_of(track, said.x, said.i, said.t)
        original = Tick(ts or 0, track.name, said.p, said.s)
        return TickCorrected(nanoseconds(said.t), track.name, original, None, ts_recv, is_known=ts is not None)

    def _status(self, said: messages.Status, track: SymbolTrack, ts_recv: int) -> SymbolFacts | None:
        if said.sc in _HALTED.get(said.z, ()):
            state = "HALTED"
        elif said.sc in _TRADES.get(said.z, ()):
            state = "ACTIVE"
        else:
            self._counts[f"status {said.sc} of tape {said.z}"] += 1
            return None
        reason = " ".join(part for part in (said.sm, said.rc, said.rm) if part)
        return SymbolFacts(track.name, "profile", {"tradingStatus": state, "statusReason": reason}, ts_recv)

    def _time_of(self, track: SymbolTrack, exchange: str, number: int, said_at: messages.Moment) -> int | None:
        """When the print was that is taken back; None where we never had it, or too long ago: the venue does not say
        it, so only its price and size tell it from others then."""
        ts = track.time_of(_key(exchange, number, nanoseconds(said_at)))
        if ts is None:
            self._counts["correction of a print that is not remembered"] += 1
        return ts


def minute_bar(bar: messages.Bar, *, symbol: str, source: str, ts_recv: int = 0) -> Bar:
    """The venue's own minute; its `t` is the beginning."""
    opened = nanoseconds(bar.t)
    return Bar(
        ts=opened + NS_PER_MINUTE, symbol=symbol, timeframe="1", ts_open=opened, open=bar.o, high=bar.h, low=bar.l,
        close=bar.c, volume=bar.v, trade_count=bar.n, vwap=NAN if bar.vw is None else bar.vw, source=source,
        quality="vendor", ts_recv=ts_recv,
    )  # fmt: skip


_DAY_NS = 86_400_000_000_000


def _key(exchange: str, number: int, ts: int) -> tuple[str, int, int]:
    return exchange, number, ts // _DAY_NS
