from collections.abc import Sequence

from engine.model.market import Bar
from engine.model.signals import SlotStateChanged, WarmupProgressed
from trading.runtime.warmup import catch_up, warm_up


def bars(count: int) -> list[Bar]:
    return [
        Bar(ts=n + 1, symbol="SPY", timeframe="1", ts_open=n, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0)
        for n in range(count)
    ]


class FakeEngine:
    """One slot that needs five bars and has seen `have`."""

    def __init__(self, have: int = 0) -> None:
        self.have = have
        self.began_again = 0

    def slot_states(self) -> Sequence[SlotStateChanged | WarmupProgressed]:
        return [
            SlotStateChanged(ts=0, strategy="ema", symbol="SPY", state="warming"),
            WarmupProgressed(ts=0, strategy="ema", symbol="SPY", timeframe="1", have=self.have, need=5),
        ]

    def warm(self, bar: Bar) -> None:
        self.have += 1

    def begin_rewarm(self, symbol: str) -> None:
        self.have = 0
        self.began_again += 1


def history_of(count: int):
    async def history(symbol: str, timeframe: str, limit: int) -> list[Bar]:
        return bars(count)[-limit:]

    return history


async def test_a_cold_slot_gets_more_than_it_needs_so_that_seeds_weigh_nothing():
    engine = FakeEngine()
    assert await warm_up(engine, history_of(2000)) == 500


async def test_a_warm_slot_gets_nothing():
    assert await warm_up(FakeEngine(have=5), history_of(2000)) == 0


async def test_history_that_comes_late_is_used_from_its_beginning():
    engine = FakeEngine(have=2)
    await catch_up(engine, history_of(0))
    assert (engine.have, engine.began_again) == (2, 0)
    await catch_up(engine, history_of(40))
    assert (engine.have, engine.began_again) == (40, 1)
    await catch_up(engine, history_of(40))
    assert engine.began_again == 1
