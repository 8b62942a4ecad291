"""History before the first decision: recent bars into the slots that are not warm yet."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from engine.model.market import Bar
from engine.model.signals import SlotStateChanged, WarmupProgressed

logger = logging.getLogger(__name__)

MIN_BARS = 500  # enough for a seed to weigh nothing in the usual averages

History = Callable[[str, str, int], Awaitable[Sequence[Bar]]]


class Warmable(Protocol):
    """What warm-up needs of an engine."""

    def warm(self, bar: Bar) -> None: ...

    def begin_rewarm(self, symbol: str) -> None: ...

    def slot_states(self) -> Sequence[SlotStateChanged | WarmupProgressed]: ...


def cold(engine: Warmable) -> list[tuple[str, str, int]]:
    """(symbol, timeframe, bars needed) of what some slot still waits for."""
    waiting = (status for status in engine.slot_states() if isinstance(status, WarmupProgressed))
    return sorted({(status.symbol, status.timeframe, status.need) for status in waiting if status.have < status.need})


async def warm_up(engine: Warmable, history: History, *, symbol: str = "") -> int:
    """Give `engine` the recent bars of what is cold (of `symbol` only, where named); how many bars it got.

    The engine ignores a bar that it has seen, so what is warm already is not disturbed.
    """
    given = 0
    for found, timeframe, need in cold(engine):
        if symbol and found != symbol:
            continue
        bars = await history(found, timeframe, max(need, MIN_BARS))
        for bar in bars:
            engine.warm(bar)
        given += len(bars)
        logger.info("%s %s: warmed up with %d bars (needs %d)", found, timeframe, len(bars), need)
    return given


async def catch_up(engine: Warmable, history: History) -> None:
    """Warm what is still cold once there is enough history: a feed that began with us fetches it meanwhile.

    A symbol that has seen a few bars of its own begins again, as history reaches further back than they do.
    """
    for symbol, timeframe, need in cold(engine):
        if len(await history(symbol, timeframe, need)) >= need:
            engine.begin_rewarm(symbol)
            await warm_up(engine, history, symbol=symbol)
