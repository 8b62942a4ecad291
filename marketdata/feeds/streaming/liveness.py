"""Is a line alive? An open socket proves nothing: only market data does."""

from collections.abc import Iterable

from engine.model.time import NS_PER_S
from marketdata.feeds.streaming.track import SymbolTrack

MUTE_LIMIT_CAP_S = 600.0


class Watchdog:
    """The judgement over one feed's connections; `now` is monotonic seconds.

    A mute line is given up after `mute_after_s`, and each time in a row that brings no data after twice as long: a
    closed market must not become a storm of reconnects.
    """

    def __init__(self, *, mute_after_s: float, symbol_mute_after_s: float) -> None:
        self._mute_after_s = mute_after_s
        self._symbol_mute_after_s = symbol_mute_after_s
        self._limit_s = mute_after_s
        self._last_data = 0.0
        self._woken: dict[str, float] = {}

    def begin(self, now: float) -> None:
        """A new connection, or the first symbol on one: silence counts from here."""
        self._last_data = now

    def data_came(self, now: float) -> None:
        self._last_data = now
        self._limit_s = self._mute_after_s

    def verdict(self, now: float) -> str:
        """Why the line must be given up; empty while it need not be."""
        if now - self._last_data <= self._limit_s:
            return ""
        limit_s, self._limit_s = self._limit_s, min(self._limit_s * 2, MUTE_LIMIT_CAP_S)
        return f"connected but mute: no market data for {limit_s:g} s"

    def silent(self, now: float, wall_ns: int, tracks: Iterable[tuple[str, SymbolTrack]]) -> list[str]:
        """Symbols that spoke and fell silent, to be subscribed again: rarer the longer they stay so."""
        found = []
        for venue_name, track in tracks:
            silent_s = (wall_ns - track.last_recv) / NS_PER_S if track.last_recv else 0.0
            pause_s = max(self._symbol_mute_after_s, silent_s / 2)
            if silent_s >= pause_s and now - self._woken.get(venue_name, -pause_s) >= pause_s:
                self._woken[venue_name] = now
                found.append(venue_name)
        return found
