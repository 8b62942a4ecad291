"""A strategy over several timeframes: entries by the minute, exits by bars of 144 prints."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from engine.core import Engine, EngineConfig
from engine.errors import NotFound
from engine.model.market import Bar
from engine.model.signals import Signal, WarmupProgressed
from engine.registry import Registry
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from engine.strategy.slot import SlotConfig
from tests.contracts.strategy_checks import MINUTE, SPY, sample_bars

CROSS = "crosses(ema(close,3),ema(close,8))"
LINE = "ema(close,5)"


class MinuteInTicksOut(Strategy):
    """Long where the fast minute average crosses above the slow one; out where a bar of 144 prints closes below its
    own average."""

    def indicators(self) -> tuple[str, ...]:
        return (CROSS,)

    def other_indicators(self) -> Mapping[str, tuple[str, ...]]:
        return {"144t": (LINE,)}

    def on_bar(self, ctx: Context) -> Wish | None:
        above = ctx.price > ctx.value_of("144t", LINE)
        if ctx.value(CROSS) > 0 and above:
            return Wish(1, "minute_cross", evidence={"line_144t": ctx.value_of("144t", LINE)})
        return None

    def on_other_bar(self, ctx: Context) -> Wish | None:
        if ctx.position and ctx.bar.close < ctx.value_of(ctx.bar.timeframe, LINE):
            return Wish(0, "ticks_below_line", evidence={"close": ctx.bar.close})
        return None


def make_engine(strategy: type[Strategy] = MinuteInTicksOut) -> Engine:
    registry: Registry[type[Strategy]] = Registry("strategy")
    registry.add("mixed", strategy)
    slot = SlotConfig("mixed", "SPY", "1", {}, {"sim": Decimal(1)})
    return Engine(EngineConfig(run="m", slots=(slot,), instruments={"SPY": SPY}), strategies=registry)


def both_streams() -> list[Bar]:
    """Minutes, and between them bars of prints: two a minute, the second one at the minute's close."""
    out = []
    for minute in sample_bars():
        middle = (minute.high + minute.low) / 2
        half = minute.ts - MINUTE // 2
        for ts, ts_open, close in ((half, minute.ts_open, middle), (minute.ts - 1, half, minute.close)):
            prices = minute.open, max(minute.open, close), min(minute.open, close), close
            out.append(Bar(ts, "SPY", "144t", ts_open, *prices, 100.0, 144))
        out.append(minute)
    return out


def signals(engine: Engine, events: list[Bar]) -> list[Signal]:
    return [out for event in events for out in engine.process(event) if isinstance(out, Signal)]


def test_entries_come_from_the_minutes_and_exits_from_the_bars_of_prints():
    found = signals(make_engine(), both_streams())
    assert {(s.target, s.timeframe, s.reason) for s in found} == {
        (1, "1", "minute_cross"),
        (0, "144t", "ticks_below_line"),
    }
    assert len(found) > 6
    assert [s.target for s in found] == [1, 0] * (len(found) // 2) + [1] * (len(found) % 2)


def test_it_decides_when_both_timeframes_are_warm_and_tells_how_far_each_is():
    engine, progress = make_engine(), []
    minutes = [bar for bar in both_streams() if bar.timeframe == "1"]
    for bar in minutes[:30]:
        progress += [out for out in engine.process(bar) if isinstance(out, WarmupProgressed)]
    assert {(p.timeframe, p.need) for p in progress} == {("1", 9), ("144t", 5)}
    assert not signals(engine, minutes[30:]), "not one bar of prints came"


def test_a_restart_between_the_streams_changes_nothing():
    events = both_streams()
    whole = signals(make_engine(), events)
    engine, found = make_engine(), []
    for event in events:
        found += [out for out in engine.process(event) if isinstance(out, Signal)]
        other = make_engine()
        other.restore(engine.snapshot())
        engine = other
    assert found == whole


def test_a_timeframe_that_was_not_asked_for_is_refused_by_name():
    class Curious(MinuteInTicksOut):
        def on_bar(self, ctx: Any) -> Wish | None:
            with pytest.raises(NotFound, match="'5' is not a timeframe of this strategy: 1, 144t"):
                ctx.value_of("5", LINE)
            return Wish(1, "asked")

    assert signals(make_engine(Curious), both_streams())
