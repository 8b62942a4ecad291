"""The truth gate: may a symbol's data be believed at this moment, and if not, why."""

from collections.abc import Iterable
from typing import NamedTuple

from engine.model.market import FeedStateChanged
from engine.model.time import NS_PER_S

FRESH, STALE, GAPPED, SUSPECT = "fresh", "stale", "gapped", "suspect"


class Verdict(NamedTuple):
    """The state of one symbol's data, the reason in words, and since when (UTC ns by our clock)."""

    state: str
    reason: str
    since: int


class TruthGate:
    """Judges each symbol about once a second, on what was *received* and when.

    `stale`: nothing came for `stale_after_s`, or the line is down. `gapped`: prints were lost, and no whole bar has
    been built since. `suspect`: the venue says that trading is halted. Anything but `fresh` blocks entries.
    """

    def __init__(self, *, stale_after_s: float = 15.0) -> None:
        self._stale_after_ns = int(stale_after_s * NS_PER_S)
        self._verdicts: dict[str, Verdict] = {}
        self._gaps: dict[str, tuple[int, str]] = {}  # when, by the venue's clock, and why
        self._halts: dict[str, str] = {}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        return dict(self._verdicts)

    def lost(self, symbol: str, reason: str, ts: int) -> None:
        """Prints of `symbol` after `ts` were lost."""
        self._gaps[symbol] = (ts, reason)

    def whole_bar(self, symbol: str, ts_open: int) -> None:
        """A complete bar of `symbol`, begun at `ts_open`: what was lost before that is behind us."""
        if symbol in self._gaps and self._gaps[symbol][0] <= ts_open:
            del self._gaps[symbol]

    def halted(self, symbol: str, reason: str | None) -> None:
        """The venue's word on trading in `symbol`; None: it trades."""
        if reason is None:
            self._halts.pop(symbol, None)
        else:
            self._halts[symbol] = reason

    def forget(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._verdicts.pop(symbol, None)
            self._gaps.pop(symbol, None)
            self._halts.pop(symbol, None)

    def judge(
        self, symbol: str, *, now: int, ts: int, last_recv: int, is_connected: bool, line_error: str = ""
    ) -> FeedStateChanged | None:
        """The change since the last look, stamped `ts` (the venue's clock); None where there is none.

        `last_recv`: when something last came for the symbol, by our clock like `now`; 0 if nothing has yet.
        """
        state, reason = self._state(symbol, now, last_recv, is_connected=is_connected, line_error=line_error)
        known = self._verdicts.get(symbol)
        if known is not None and known.state == state:
            return None
        self._verdicts[symbol] = Verdict(state, reason, now)
        return FeedStateChanged(ts, symbol, state, reason)

    def _state(self, symbol: str, now: int, last_recv: int, *, is_connected: bool, line_error: str) -> tuple[str, str]:
        if not is_connected:
            return STALE, f"not connected: {line_error}" if line_error else "not connected yet"
        if not last_recv:
            return STALE, "nothing has been received yet"
        if now - last_recv > self._stale_after_ns:
            return STALE, f"nothing was received for {(now - last_recv) / NS_PER_S:.0f} s"
        if symbol in self._gaps:
            return GAPPED, self._gaps[symbol][1]
        if symbol in self._halts:
            return SUSPECT, self._halts[symbol]
        return FRESH, ""
