"""The promises of every strategy, as checks that say at which bar one was broken."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from engine.core import Engine, EngineConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.sessions import calendar
from engine.model.event import Event
from engine.model.market import Bar, Tick
from engine.registry import Registry
from engine.simulation import step
from engine.strategy.base import Strategy, Wish
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue

MINUTE = 60_000_000_000
SPY = Instrument("SPY", AssetClass.EQUITY)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL = DATA / "equity_bars_1m_SPY_2024-03_2025-04.parquet"
NAMES = ("open", "high", "low", "close", "volume", "vwap")
CUTS = (40, 120, 230, 310)

# Parameters for the sample bars, where the defaults would leave a strategy idle or warming up for most of them.
TUNED: dict[str, dict[str, Any]] = {
    "momentum": {"change_bars": 8, "min_change_pct": 0.3, "trend_bars": 20, "volume_slow": 20, "volume_ratio": 1.0},
    "breakout_consolidation": {"box_bars": 8, "max_width": 6.0, "atr_period": 10, "volume_ratio": 1.0},
    "breakout_range": {"range_bars": 12, "stood": 3, "max_adx": 80.0, "volume_ratio": 0.5, "buffer": 0.0},
    "breakout_trend": {"fast": 8, "slow": 20, "volume_ratio": 0.8, "min_adx": 10.0},
    "mean_reversion_support": {"level_bars": 20, "tolerance": 0.8, "oversold": 45.0},
    "mean_reversion_reclaim": {"level_bars": 15, "max_depth": 3.0},
    "pullback": {"fast": 8, "slow": 20},
    "learned": {"period": 10, "learn": 60, "enter": 0.52},
    "opening_range": {"range_minutes": 10.0, "most_entries": 3},
    "zero_dte_squeeze": {"bars": 10, "stood": 2, "atrs": 2.0},
    "vwap_reversion": {"min_bars": 10, "stretch": 1.2},
    "supertrend": {"period": 7, "multiplier": 1.5, "candle": "color"},
}


class Answer(NamedTuple):
    """One call of a strategy: the closed bars it had seen, and its wish."""

    bars: int
    ts: int
    wish: Wish | None


class Run(NamedTuple):
    """What a run put out: every call of the strategy, and the events after each market event."""

    answers: list[Answer]
    out: list[list[Event]]


def sample_bars(*, seed: int = 11) -> list[Bar]:
    """Minutes of a whole and a half trading day: quiet and busy stretches, trends, jumps, ties on the cent."""
    rng, price = random.Random(seed), 100.0
    found: list[Bar] = []
    for day, skip in ((date(2023, 11, 22), 180), (date(2023, 11, 24), 0)):
        session = calendar("XNYS").session_on(day)
        assert session is not None
        for at in range(session.open + skip * MINUTE, session.close, MINUTE):
            wide = 0.0012 if (len(found) // 40) % 3 else 0.0004
            drift = 0.0004 * ((len(found) // 55) % 3 - 1)
            path = [price := price * (1 + drift / 4 + rng.gauss(0, wide / 2)) for _ in range(5)]
            grid = [round(p, 2) for p in path]
            volume = float(rng.randint(100, 900) * (4 if rng.random() < 0.2 else 1))
            mean = round(sum(grid) / 5, 4)
            found.append(Bar(at + MINUTE, "SPY", "1", at, grid[0], max(grid), min(grid), grid[-1], volume, 5, mean))
    return found


def real_bars(count: int = 420) -> list[Bar]:
    """Minutes of SPY as they were."""
    if not REAL.exists():
        pytest.skip("the shared market data are not in this clone")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(REAL)
    rows = table.slice(20_000, count).to_pylist()
    stamp = next(name for name in ("ts_utc", "ts", "time") if name in table.column_names)
    opens = [int(row[stamp].timestamp()) * 1_000_000_000 for row in rows]
    found = []
    for at, row in zip(opens, rows, strict=True):
        first, high, low, last, volume = (float(row[name]) for name in NAMES[:5])
        found.append(Bar(at + MINUTE, "SPY", "1", at, first, high, low, last, volume))
    return found


def with_ticks(bars: Iterable[Bar]) -> list[Event]:
    """Every bar after four prints of its own, as the market shows them."""
    out: list[Event] = []
    for bar in bars:
        quarter = (bar.ts - bar.ts_open) // 4
        for i, price in enumerate((bar.open, bar.low, bar.high, bar.close)):
            out.append(Tick(bar.ts_open + i * quarter + 1, "SPY", price, bar.volume / 4))
        out.append(bar)
    return out


def columns_of(bars: Sequence[Bar]) -> dict[str, np.ndarray]:
    columns = {name: np.array([getattr(bar, name) for bar in bars], dtype=np.float64) for name in NAMES}
    columns["trade_count"] = np.array([float(bar.trade_count) for bar in bars])
    columns["ts"] = np.array([bar.ts for bar in bars], dtype=np.int64)
    return columns


def make_engine(strategy: type[Strategy], params: dict[str, Any]) -> Engine:
    """An engine with one slot of the strategy. Another configuration than this must not change what it answers."""
    registry: Registry[type[Strategy]] = Registry("strategy")
    registry.add("tried", strategy)
    slot = SlotConfig("tried", "SPY", "1", params, {"sim": Decimal(10)})
    return Engine(EngineConfig(run="c", slots=(slot,), instruments={"SPY": SPY}), strategies=registry)


def listening(strategy: type[Strategy], tape: list[Answer]) -> type[Strategy]:
    """The same strategy, with every call written down."""

    def on_bar(self: Strategy, ctx: Any) -> Wish | None:
        wish = strategy.on_bar(self, ctx)
        tape.append(Answer(0, ctx.ts, wish))
        return wish

    def on_tick(self: Strategy, ctx: Any) -> Wish | None:
        wish = strategy.on_tick(self, ctx)
        if wish is not None:
            tape.append(Answer(0, ctx.ts, wish))
        return wish

    methods: dict[str, Any] = {"on_bar": on_bar}
    if strategy.on_tick is not Strategy.on_tick:
        methods["on_tick"] = on_tick
    return type(strategy.__name__, (strategy,), methods)


def run(
    strategy: type[Strategy],
    params: dict[str, Any],
    events: Sequence[Event],
    *,
    between: Callable[[Engine, type[Strategy]], Engine] | None = None,
) -> Run:
    """Run it with orders filled by a simulated venue; `between` may replace the engine after every bar."""
    tape: list[Answer] = []
    listened = listening(strategy, tape)
    engine, venue = make_engine(listened, params), SimulatedVenue(instruments={"SPY": SPY})
    out = []
    bars = 0
    for event in events:
        bars += isinstance(event, Bar)
        known = len(tape)
        out.append(list(step(engine, venue, event)))
        tape[known:] = [answer._replace(bars=bars) for answer in tape[known:]]
        if between is not None and isinstance(event, Bar):
            engine = between(engine, listened)
    return Run(tape, out)


def wishes_of(answers: Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.wish is not None]


def another_future(events: Sequence[Event], known: int) -> list[Event]:
    """The same events up to bar number `known`, then a market that goes elsewhere, and back."""
    out: list[Event] = []
    bars = 0
    for event in events:
        if bars < known:
            out.append(event)
        else:
            out.append(_elsewhere(event, 1.4 if (bars // 7) % 2 else 0.8))
        bars += isinstance(event, Bar)
    return out


def _elsewhere(event: Event, factor: float) -> Event:
    if isinstance(event, Tick):
        return msgspec.structs.replace(event, price=event.price * factor)
    assert isinstance(event, Bar)
    moved = {name: getattr(event, name) * factor for name in ("open", "high", "low", "close", "vwap")}
    return msgspec.structs.replace(event, volume=event.volume + 5000.0, **moved)


def assert_same_answers(promise: str, expected: Sequence[Answer], found: Sequence[Answer]) -> None:
    """The first difference is told with its bar."""
    for a, b in zip(expected, found, strict=False):
        assert a == b, f"{promise}: at bar {a.bars} it answered {_shown(a)}, now at bar {b.bars} {_shown(b)}"
    longer = expected if len(expected) > len(found) else found
    if len(expected) != len(found):
        where = longer[min(len(expected), len(found))]
        raise AssertionError(f"{promise}: {len(expected)} answers became {len(found)}, from bar {where.bars} on")


def _shown(answer: Answer) -> str:
    return "nothing" if answer.wish is None else f"{answer.wish.target} ({answer.wish.reason})"


def check_deterministic(strategy: type[Strategy], params: dict[str, Any], events: Sequence[Event]) -> Run:
    first, second = run(strategy, params, events), run(strategy, params, events)
    assert_same_answers("the same events twice", first.answers, second.answers)
    assert first.out == second.out, "the same events twice: orders or facts differ"
    return first


def check_the_future_changes_nothing_past(
    strategy: type[Strategy], params: dict[str, Any], events: Sequence[Event], cuts: Iterable[int] = CUTS
) -> None:
    whole = run(strategy, params, events)
    for known in cuts:
        other = run(strategy, params, another_future(events, known))
        assert_same_answers(
            f"bars from {known + 1} on were changed",
            [answer for answer in whole.answers if answer.bars <= known and _is_past(answer, events, known)],
            [answer for answer in other.answers if answer.bars <= known and _is_past(answer, events, known)],
        )


def _is_past(answer: Answer, events: Sequence[Event], known: int) -> bool:
    return answer.ts <= [event.ts for event in events if isinstance(event, Bar)][known - 1]


def check_a_longer_history_changes_nothing_past(
    strategy: type[Strategy], params: dict[str, Any], events: Sequence[Event], cuts: Iterable[int] = CUTS
) -> None:
    whole = run(strategy, params, events)
    ends = [i for i, event in enumerate(events, start=1) if isinstance(event, Bar)]
    for known in cuts:
        prefix = run(strategy, params, events[: ends[known - 1]])
        assert_same_answers(f"only {known} bars, then all", prefix.answers, whole.answers[: len(prefix.answers)])
        assert prefix.out == whole.out[: len(prefix.out)], f"only {known} bars, then all: orders or facts differ"


def check_a_restart_at_any_bar_changes_nothing(
    strategy: type[Strategy], params: dict[str, Any], events: Sequence[Event]
) -> None:
    def restarted(engine: Engine, listened: type[Strategy]) -> Engine:
        other = make_engine(listened, params)
        other.restore(engine.snapshot())
        return other

    whole, parts = run(strategy, params, events), run(strategy, params, events, between=restarted)
    assert_same_answers("restarted after every bar", whole.answers, parts.answers)
    assert whole.out == parts.out, "restarted after every bar: orders or facts differ"


def check_warmup_is_exact(strategy: type[Strategy], params: dict[str, Any], events: Sequence[Event]) -> None:
    """Called from the bar on that completes the warm-up, and not before."""
    slot = make_engine(strategy, params).slots["tried", "SPY"]
    need = slot.need["1"]
    answers = run(strategy, params, events).answers
    assert answers, "it was never asked"
    asked = answers[0].bars
    assert asked >= need, f"it was asked at bar {asked}, {need} bars are needed"
    if strategy.on_tick is Strategy.on_tick:
        assert asked == need, f"it was first asked at bar {asked}, {need} bars are needed"
