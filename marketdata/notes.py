"""What a symbol's readers are told beside its bars, each with the symbol's next number."""

from collections.abc import Iterator, Sequence

import msgspec

from engine.bars.expand import Expander
from engine.model.event import Event
from engine.model.market import Bar, FeedGap


def repairs(expander: Expander, bars: Sequence[Bar], *, mends_gap: bool) -> Iterator[Event]:
    """History that took the place of other bars of one pair, as their revision, or what is in doubt now. Where it
    `mends_gap`, a `FeedGap` behind it makes the readers warm up again, now without a hole."""
    for bar in bars:
        quality = "gapped" if bar.quality == "gapped" else "revised"
        yield msgspec.structs.replace(bar, quality=quality, seq=_next(expander))
    if mends_gap:
        last = bars[-1]
        reason = f"{len(bars)} bars of {last.timeframe} were repaired from history"
        yield FeedGap(last.ts, last.symbol, reason, seq=_next(expander), mended=last.timeframe)


def restarted(expander: Expander, feed: str, ts: int) -> FeedGap:
    """A predecessor's state was continued, but not its prints: readers learn it with the first new one."""
    return FeedGap(ts, expander.symbol, f"feed {feed} was restarted", seq=_next(expander))


def _next(expander: Expander) -> int:
    expander.seq += 1
    return expander.seq
