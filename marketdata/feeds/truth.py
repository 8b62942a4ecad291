"""The truth gate: may a symbol's data be believed at this moment, and if not, why."""

from collections.abc import Callable, Iterable
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from engine.instruments.sessions import SessionOf
from engine.model.market import FeedStateChanged
from engine.model.time import NS_PER_S

TRUTH = "truth"  # where the gate's options are among a feed's
FRESH, STALE, GAPPED, SUSPECT = "fresh", "stale", "gapped", "suspect"

Seconds = Annotated[float, Meta(gt=0)]


class TruthOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one may choose of the truth gate, under "truth" among a feed's options.

    `stale_after_s`: so long may nothing at all come for a symbol. `prints_after_s`: the same for its prints alone, by
    symbol ("*" is every other one), and `quotes_after_s` for its quotes; what is not named is not judged. `sessions`:
    "calendar" expects data in the market's regular hours only, "always" at any time (simulators). `late_prints`:
    "revise" gives out a bar again when a print of it came late, "count" only counts it. `check_against`: another
    configured feed, whose prices must agree within `check_tolerance` (a fraction) for `check_for_s`. `clock_warn_s`: so
    far may our clock and the venue's be apart, measured over `clock_measured_over_s`, before it is told, and
    `clock_stop_s` before the data are suspect.
    """

    stale_after_s: Seconds = 15.0
    prints_after_s: dict[str, Seconds] = {}
    quotes_after_s: dict[str, Seconds] = {}
    sessions: Literal["calendar", "always"] = "calendar"
    late_prints: Literal["revise", "count"] = "revise"
    check_against: str = ""
    check_tolerance: Annotated[float, Meta(gt=0, lt=1)] = 0.002
    check_for_s: Seconds = 3.0
    clock_warn_s: Seconds = 1.0
    clock_stop_s: Seconds = 5.0
    clock_measured_over_s: Seconds = 60.0


class Verdict(NamedTuple):
    """The state of one symbol's data, the reason in words, and since when (UTC ns by our clock)."""

    state: str
    reason: str
    since: int


class Receipts(NamedTuple):
    """When something, a print, a quote of a symbol last came, by our clock; 0 if never."""

    last: int
    tick: int = 0
    quote: int = 0


class TruthGate:
    """Judges each symbol about once a second, on what was *received* and when.

    `stale`: nothing came for too long while the market was open, or the line is down. `gapped`: prints were lost, and
    no whole bar has been built since. `suspect`: the venue says that trading is halted, another source contradicts,
    nobody vouches for prints that may be missing, or our clock and the venue's are too far apart.
    Anything but `fresh` blocks entries.

    A gap is told by timeframe too: it lasts until that timeframe has a whole bar again. So it does for the traders,
    who see the bars themselves: each timeframe waits for its own.
    """

    def __init__(
        self,
        options: TruthOptions | None = None,
        *,
        stale_after_s: float | None = None,
        hours_of: Callable[[str], SessionOf | None] = lambda symbol: None,
    ) -> None:
        """`hours_of` gives the hours in which data of a symbol is expected; None: always."""
        self.options = options or TruthOptions()
        self._stale_after_s = stale_after_s if stale_after_s is not None else self.options.stale_after_s
        self._hours_of = hours_of
        self._verdicts: dict[str, Verdict] = {}
        self._gaps: dict[str, tuple[int, str]] = {}  # when, by the venue's clock, and why
        self._gapped: dict[tuple[str, str], tuple[int, str]] = {}  # the same by timeframe
        self._doubts: dict[tuple[str, str], str] = {}  # symbol and who doubts → why

    @property
    def verdicts(self) -> dict[str, Verdict]:
        return dict(self._verdicts)

    def lost(self, symbol: str, reason: str, ts: int, *, timeframes: Iterable[str] = ()) -> None:
        """Prints of `symbol` after `ts` were lost."""
        self._gaps[symbol] = (ts, reason)
        for timeframe in timeframes:
            self._gapped[symbol, timeframe] = (ts, reason)

    def whole_bar(self, symbol: str, ts_open: int, timeframe: str = "") -> None:
        """A complete bar of `symbol`, begun at `ts_open`: what was lost before that is behind us."""
        if symbol in self._gaps and self._gaps[symbol][0] <= ts_open:
            del self._gaps[symbol]
        held = self._gapped.get((symbol, timeframe))
        if held is not None and held[0] <= ts_open:
            del self._gapped[symbol, timeframe]

    def halted(self, symbol: str, reason: str | None) -> None:
        """The venue's word on trading in `symbol`; None: it trades."""
        self.doubted(symbol, "venue", reason or "")

    def doubted(self, symbol: str, by: str, reason: str) -> None:
        """What `by` holds against the data of `symbol`; empty: nothing any more."""
        if reason:
            self._doubts[symbol, by] = reason
        else:
            self._doubts.pop((symbol, by), None)

    def forget(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._verdicts.pop(symbol, None)
            self._gaps.pop(symbol, None)
            self._gapped = {pair: gap for pair, gap in self._gapped.items() if pair[0] != symbol}
            self._doubts = {key: reason for key, reason in self._doubts.items() if key[0] != symbol}

    def by_timeframe(self, symbol: str, timeframes: Iterable[str]) -> dict[str, tuple[str, str]]:
        """State and reason of each timeframe: the symbol's, or its own gap."""
        verdict = self._verdicts.get(symbol, Verdict(STALE, "not judged yet", 0))
        whole = (FRESH, "") if verdict.state == GAPPED else (verdict.state, verdict.reason)
        found: dict[str, tuple[str, str]] = {}
        for timeframe in timeframes:
            gap = self._gapped.get((symbol, timeframe))
            found[timeframe] = (GAPPED, gap[1]) if gap is not None and whole[0] == FRESH else whole
        return found

    def judge(
        self,
        symbol: str,
        *,
        now: int,
        ts: int,
        last_recv: int | Receipts,
        is_connected: bool,
        line_error: str = "",
        refused: str = "",
        market_now: int | None = None,
    ) -> FeedStateChanged | None:
        """The change since the last look, stamped `ts` (the venue's clock); None where there is none.

        `refused`: why the feed does not get this symbol, where it does not. `last_recv` is by our clock, like `now`.
        The market's hours are looked up at `market_now`, by our clock too unless the market is a recorded or simulated
        one.
        """
        receipts = last_recv if isinstance(last_recv, Receipts) else Receipts(last_recv, last_recv, last_recv)
        if refused:
            state, reason = STALE, refused
        elif is_connected:
            state, reason = self._state(symbol, now, receipts, market_now=now if market_now is None else market_now)
        else:
            state, reason = STALE, f"not connected: {line_error}" if line_error else "not connected yet"
        known = self._verdicts.get(symbol)
        if known is not None and known.state == state:
            self._verdicts[symbol] = known._replace(reason=reason)
            return None
        self._verdicts[symbol] = Verdict(state, reason, now)
        return FeedStateChanged(ts, symbol, state, reason)

    def _state(self, symbol: str, now: int, receipts: Receipts, *, market_now: int) -> tuple[str, str]:
        silence = self._silence(symbol, now, receipts, market_now)
        if silence:
            return STALE, silence
        if symbol in self._gaps:
            return GAPPED, self._gaps[symbol][1]
        doubt = next((reason for (name, _), reason in self._doubts.items() if name == symbol), "")
        return (SUSPECT, doubt) if doubt else (FRESH, "")

    def _silence(self, symbol: str, now: int, receipts: Receipts, market_now: int) -> str:
        """What has been missing for too long; empty while nothing is, or while the market is closed."""
        opened_ago = self._open_for(symbol, market_now)
        if opened_ago is None:
            return ""
        opened = now - opened_ago
        if not receipts.last and opened_ago > self._stale_after_s * NS_PER_S:
            return "nothing has been received yet"
        limits = (
            ("nothing", self._stale_after_s, receipts.last),
            ("no print", _limit(self.options.prints_after_s, symbol), receipts.tick),
            ("no quote", _limit(self.options.quotes_after_s, symbol), receipts.quote),
        )
        for what, limit_s, last in limits:
            silent_s = (now - max(last, opened)) / NS_PER_S
            if limit_s is not None and silent_s > limit_s:
                return f"{what} was received for {silent_s:.0f} s" if last else f"{what} has been received yet"
        return ""

    def _open_for(self, symbol: str, market_now: int) -> int | None:
        """Nanoseconds since the market opened (for ever where it never closes); None while it is closed."""
        hours = self._hours_of(symbol) if self.options.sessions == "calendar" else None
        if hours is None:
            return market_now
        opened = hours(market_now).open
        return market_now - opened if opened <= market_now else None


def _limit(limits: dict[str, float], symbol: str) -> float | None:
    return limits.get(symbol, limits.get("*"))
