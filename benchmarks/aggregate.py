"""Measures prints into bars of two timeframes: one by one with partials, from columns, and against nautilus_trader."""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import peers
from engine.bars.columns import TickColumns, build_columns
from engine.bars.expand import Expander
from engine.model.market import Tick

Row = dict[str, Any]
TIMEFRAMES = ("1", "144t")
OBJECTS, COLUMNS, FRAME, ROUNDS = 200_000, 2_000_000, 50, 5
START, SEED = 1_700_000_000_000_000_000, 7
EXCLUDE = 0x20


def run() -> list[Row]:
    """What is compared runs in turns in one process, the best round counts; the peer has a process of its own."""
    ticks = made_ticks(OBJECTS)
    columns = made_columns(COLUMNS)
    assert_same_bars(ticks)
    tasks: dict[str, Callable[[], float]] = {
        "object_ticks_per_s": partial(per_second, OBJECTS, by_frames, ticks),
        "object_partial_each_print_ticks_per_s": partial(per_second, OBJECTS, by_prints, ticks),
        "object_batch_ticks_per_s": partial(per_second, OBJECTS, by_batch, ticks),
        "columnar_excluding_ticks_per_s": partial(per_second, COLUMNS, build_columns, columns, "1", exclude=EXCLUDE),
    }
    for timeframe in TIMEFRAMES:
        name = f"columnar_{timeframe}_ticks_per_s"
        tasks[name] = partial(per_second, COLUMNS, build_columns, columns, timeframe)
    found = best(tasks)
    columnar = min(found[f"columnar_{timeframe}_ticks_per_s"] for timeframe in TIMEFRAMES)
    rows = [
        row("object_ticks_per_s", found.pop("object_ticks_per_s"), "1/s", 1e6),
        row("columnar_ticks_per_s", columnar, "1/s", 1e8),
    ]
    rows += against_nautilus(rows[0]["value"])
    return rows + [row(name, value, "1/s") for name, value in found.items()]


def row(name: str, value: float | None, unit: str, target: float | None = None, reason: str = "") -> Row:
    met = None if value is None or target is None else value >= target
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met} | (
        {"reason": reason} if reason else {}
    )


def best(tasks: dict[str, Callable[[], float]]) -> dict[str, float]:
    found = dict.fromkeys(tasks, 0.0)
    for name, task in list(tasks.items()) * ROUNDS:
        found[name] = max(found[name], task())
    return found


def per_second(count: int, task: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    started = time.perf_counter()
    task(*arguments, **options)
    return count / (time.perf_counter() - started)


# ---- the object path --------------------------------------------------------------------------------------


def by_frames(ticks: list[Tick]) -> None:
    """As a feed does it: print by print, and partials once per frame."""
    expander = Expander("XYZ", TIMEFRAMES)
    on_tick = expander.on_tick
    for at in range(0, len(ticks), FRAME):
        for tick in ticks[at : at + FRAME]:
            on_tick(tick)
        expander.partials()


def by_prints(ticks: list[Tick]) -> None:
    expander = Expander("XYZ", TIMEFRAMES)
    for tick in ticks:
        expander.on_tick(tick)
        expander.partials()


def by_batch(ticks: list[Tick]) -> None:
    Expander("XYZ", TIMEFRAMES).feed(ticks)


def made_ticks(count: int) -> list[Tick]:
    """A random walk on the cent grid; the peer makes the same from the same seed."""
    rng, ts, cents, out = random.Random(SEED), START, 20_000, []
    for _ in range(count):
        ts += rng.randrange(1, 40_000_000)
        cents += rng.randrange(-1, 2)
        out.append(Tick(ts, "XYZ", cents / 100, float(rng.randrange(1, 500))))
    return out


def made_columns(count: int) -> TickColumns:
    rng = np.random.default_rng(SEED)
    return TickColumns(
        "XYZ",
        START + np.cumsum(rng.integers(1, 40_000_000, count)),
        (20_000 + np.cumsum(rng.integers(-1, 2, count))) / 100,
        rng.integers(1, 500, count).astype(np.float64),
        rng.choice(np.array([0, EXCLUDE], np.int64), count),
    )


def assert_same_bars(ticks: list[Tick]) -> None:
    """A figure for bars that are wrong would be worth nothing."""
    columns = TickColumns(
        "XYZ",
        np.array([tick.ts for tick in ticks]),
        np.array([tick.price for tick in ticks]),
        np.array([tick.size for tick in ticks]),
    )
    expander = Expander("XYZ", TIMEFRAMES)
    bars = expander.feed(ticks) + expander.flush()
    for timeframe in TIMEFRAMES:
        objects = [(b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap) for b in bars if b.timeframe == timeframe]
        scanned = build_columns(columns, timeframe).bars()
        if objects != [(b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap) for b in scanned]:
            raise RuntimeError(f"the two paths make different bars of {timeframe}")


# ---- the peer ---------------------------------------------------------------------------------------------


def against_nautilus(ours: float) -> list[Row]:
    answer, reason = peers.run(_NAUTILUS, {"seed": SEED, "count": OBJECTS, "rounds": 3, "start": START})
    if answer is None:
        return [
            row("ratio_to_nautilus", None, "x", 3.0, reason),
            row("nautilus_ticks_per_s", None, "1/s", reason=reason),
        ]
    speed = answer["ticks_per_s"]
    return [row("ratio_to_nautilus", ours / speed, "x", 3.0), row("nautilus_ticks_per_s", speed, "1/s")]


_NAUTILUS = """
import json, random, sys, time
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType
from nautilus_trader.model.identifiers import TradeId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

given = json.load(sys.stdin)
instrument = TestInstrumentProvider.equity(symbol="XYZ", venue="SIM")

class Bars(Strategy):
    def on_start(self):
        self.seen = 0
        for kind in ("1-MINUTE", "144-TICK"):
            self.subscribe_bars(BarType.from_str(f"{instrument.id}-{kind}-LAST-INTERNAL"))

    def on_bar(self, bar):
        self.seen += 1

rng, ts, cents, data = random.Random(given["seed"]), given["start"], 20_000, []
for number in range(given["count"]):
    ts += rng.randrange(1, 40_000_000)
    cents += rng.randrange(-1, 2)
    size = Quantity.from_int(rng.randrange(1, 500))
    data.append(
        TradeTick(instrument.id, Price(cents / 100, 2), size, AggressorSide.BUYER, TradeId(str(number)), ts, ts)
    )
best = 0.0
for _ in range(given["rounds"]):
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(Venue("SIM"), OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USD)], base_currency=USD)
    engine.add_instrument(instrument)
    engine.add_data(data)
    strategy = Bars(StrategyConfig())
    engine.add_strategy(strategy)
    started = time.perf_counter()
    engine.run()
    best = max(best, len(data) / (time.perf_counter() - started))
    assert strategy.seen > len(data) // 144
    engine.dispose()
print(json.dumps({"ticks_per_s": best}))
"""
