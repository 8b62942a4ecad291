"""Several strategies, symbols and timeframes in one engine: each does what it does alone."""

from datetime import date
from decimal import Decimal

import msgspec

from engine.core import Engine, EngineConfig
from engine.instruments.catalog import instrument_for
from engine.model.market import Bar
from engine.model.signals import Signal
from engine.strategy.slot import SlotConfig
from strategies.registry import STRATEGIES
from tests.contracts.strategy_checks import TUNED, sample_bars
from tests.strategies.library.test_zero_dte import FAST, day_of_bars


def slot(strategy: str, symbol: str, timeframe: str, **params: object) -> SlotConfig:
    return SlotConfig(strategy, symbol, timeframe, params, {"sim": Decimal(1)})


def of(symbol: str, timeframe: str, seed: int) -> list[Bar]:
    return [msgspec.structs.replace(bar, symbol=symbol, timeframe=timeframe) for bar in sample_bars(seed=seed)]


def signals(slots: list[SlotConfig], events: list[Bar]) -> list[tuple[str, str, int, int, str]]:
    instruments = {each.symbol: instrument_for(each.symbol) for each in slots}
    engine = Engine(EngineConfig("t", tuple(slots), instruments), strategies=STRATEGIES)
    out = [out for event in events for out in engine.process(event) if isinstance(out, Signal)]
    return [(each.strategy, each.symbol, each.ts, each.target, each.reason) for each in out]


def check_each_does_what_it_does_alone(slots: list[SlotConfig], streams: list[list[Bar]]) -> None:
    together = signals(slots, sorted((bar for bars in streams for bar in bars), key=lambda bar: bar.ts))
    for each, bars in zip(slots, streams, strict=True):
        mine = [found for found in together if found[:2] == (each.strategy, each.symbol)]
        assert mine == signals([each], bars)
        assert len(mine) > 3, f"{each.strategy} on {each.symbol} {each.timeframe} was idle"


def test_three_strategies_run_at_the_same_time():
    slots = [
        slot("ema", "/ES", "1", period_1=3, period_2=8),
        slot("supertrend", "SPY", "1", **TUNED["supertrend"]),
        slot("zero_dte", "SPX", "1", **FAST),
    ]
    streams = [of("/ES", "1", 11), of("SPY", "1", 12), day_of_bars(date(2023, 11, 22))]
    check_each_does_what_it_does_alone(slots, streams)


def test_one_strategy_runs_on_several_symbols_and_timeframes_in_parallel():
    pairs = [("/NQ", "144t"), ("/ES", "512t"), ("SPY", "1")]
    slots = [slot("ema", symbol, timeframe, period_1=3, period_2=8) for symbol, timeframe in pairs]
    streams = [of(symbol, timeframe, seed) for seed, (symbol, timeframe) in enumerate(pairs, start=11)]
    check_each_does_what_it_does_alone(slots, streams)
