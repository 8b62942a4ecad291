from backtest.simulation.events import expand_ticks
from engine.bars.expand import Expander
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_S


def ticks(*seconds: float) -> list[Tick]:
    return [Tick(ts=int(s * NS_PER_S), symbol="SPY", price=100.0 + n, size=1.0) for n, s in enumerate(seconds)]


def order_of(events: list[Bar | Tick]) -> list[str]:
    return [f"bar {e.timeframe}" if isinstance(e, Bar) else f"tick {e.price:g}" for e in events]


def test_a_time_bar_comes_before_the_tick_that_ends_it():
    events = list(expand_ticks(ticks(0, 30, 60, 90), Expander("SPY", ["1"])))
    assert order_of(events) == ["tick 100", "tick 101", "bar 1", "tick 102", "tick 103", "bar 1"]


def test_a_tick_bar_comes_after_the_tick_that_fills_it():
    events = list(expand_ticks(ticks(0, 1, 2, 3), Expander("SPY", ["2t"])))
    assert order_of(events) == ["tick 100", "tick 101", "bar 2t", "tick 102", "tick 103", "bar 2t"]
