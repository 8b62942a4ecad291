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
        self._limit_s = mute_after_s
        self._last_data = 0.0
        self._silence = Silence(symbol_mute_after_s)

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
        """Symbols to be subscribed again."""
        return self._silence.over(now, wall_ns, ((name, track.last_recv) for name, track in tracks))


class Silence:
    """Finds symbols that are silent for `after_s`, and those that never spoke since they were first seen here: they are
    to be subscribed again, rarer the longer they stay so."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._since: dict[str, float] = {}
        self._woken: dict[str, float] = {}

    def over(self, now: float, wall_ns: int, receipts: Iterable[tuple[str, int]]) -> list[str]:
        """Of these names, with when something last came (UTC ns, 0: never), the ones whose time has come."""
        last = dict(receipts)
        self._since = {name: self._since.get(name, now) for name in last}
        self._woken = {name: at for name, at in self._woken.items() if name in last}
        found = [name for name in last if self._is_over(name, now, wall_ns, last[name])]
        self._woken.update(dict.fromkeys(found, now))
        return found

    def _is_over(self, name: str, now: float, wall_ns: int, last: int) -> bool:
        silent_s = (wall_ns - last) / NS_PER_S if last else now - self._since[name]
        pause_s = max(self._after_s, silent_s / 2)
        return silent_s >= self._after_s and now - self._woken.get(name, -pause_s) >= pause_s
