"""A future rolls: from here on our symbol is another contract, with prices of its own."""

import time

from engine.bars.builder import NEVER
from engine.model.market import FeedGap


def roll_of(symbol: str, before: str, now: str, *, ts: int) -> FeedGap:
    """What is told before the first print of the contract `now`; `ts` is that of the last one of `before`, 0 if none
    came. No bar that was given out is in doubt, but nothing goes on from it."""
    return FeedGap(ts or time.time_ns(), symbol, f"{symbol} rolled from {before} to {now}", since=NEVER, is_roll=True)
