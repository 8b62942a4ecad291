"""Is a DXLink line alive? An open socket proves nothing: only market data does."""

from collections.abc import Iterable

from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.translate import SymbolState
from marketdata.feeds.streaming.liveness import Silence

MUTE_LIMIT_CAP_S = 600.0


class Liveness:
    """The watchdog's judgement over one feed's connections; `now` is monotonic seconds.

    A mute line is given up after `mute_after_s`, and each time in a row that brings nothing new after twice as long: a
    closed market must not become a storm of reconnects. What follows a subscription at once is nothing new: the venue
    repeats last values, also of a market that is closed.
    """

    def __init__(self, options: DXLinkOptions) -> None:
        self._options = options
        self._last_data = 0.0
        self._repeats_until: float | None = 0.0  # None: asked, and nothing has come yet
        self._mute_limit_s = options.mute_after_s
        self._silence = Silence(options.symbol_mute_after_s)

    def connected(self, now: float) -> None:
        """A new connection: its silence counts from here."""
        self._last_data = now
        self.asked(now)

    def asked(self, now: float) -> None:
        """Something was subscribed: last values follow, as soon as the venue gets to it."""
        self._repeats_until = None

    def data_came(self, now: float, *, has_print: bool) -> None:
        """Data of any kind; a print is never a mere repetition."""
        self._last_data = now
        if self._repeats_until is None:
            self._repeats_until = now + self._options.mute_after_s / 2
        if has_print or now > self._repeats_until:
            self._mute_limit_s = self._options.mute_after_s

    def verdict(self, now: float, *, last_frame: float, expects_data: bool) -> str:
        """Why the line must be given up; empty while it need not be."""
        silent_s = now - last_frame
        if silent_s > self._options.keepalive_s * 1.5:
            return f"nothing at all was received for {silent_s:.0f} s"
        if not expects_data or now - self._last_data <= self._mute_limit_s:
            return ""
        limit_s, self._mute_limit_s = self._mute_limit_s, min(self._mute_limit_s * 2, MUTE_LIMIT_CAP_S)
        return f"connected but mute: no market data for {limit_s:g} s"

    def silent(self, now: float, wall_ns: int, states: Iterable[tuple[str, SymbolState]]) -> list[str]:
        """Symbols to be subscribed again."""
        return self._silence.over(now, wall_ns, ((name, state.last_recv) for name, state in states))
