"""One stream of events out of stored ticks: each with the bars that it ends, in the order in which they were known."""

from collections.abc import Iterable, Iterator

from engine.bars.expand import Expander
from engine.model.market import Bar, Tick

COUNTED = ("t", "v")


def expand_ticks(ticks: Iterable[Tick], expander: Expander) -> Iterator[Bar | Tick]:
    """Every tick with the bars it completes, and at the end what was still forming.

    A time bar ends before the tick that shows its time is over; a tick or volume bar contains the tick that fills it,
    so it comes after. An order decided on either meets the next tick, never one that the decision has seen.
    """
    on_tick = expander.on_tick
    for tick in ticks:
        bars = on_tick(tick)
        if not bars:
            yield tick
            continue
        filled = [bar for bar in bars if contains(bar, tick)]
        yield from (bar for bar in bars if bar not in filled)
        yield tick
        yield from filled
    yield from expander.flush()


def contains(bar: Bar, tick: Tick) -> bool:
    """Whether `tick` is part of `bar`, which it ended."""
    return bar.timeframe.endswith(COUNTED) and bar.ts == tick.ts
