"""Measures `step`: an EMA crossover with risk, ledger and exits on, against nautilus_trader and backtesting.py.

The peers run the same bars by the same rules (9/21, always in the market, ten shares, no costs) without exits and
limits, and must make the same trades. Each bar opens at the close before, so that nautilus, which fills an order on
the close of the bar that decided it, gets the price of the next open.
"""

import random
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from benchmarks import peers
from engine.bars.expand import Expander
from engine.core import Engine, EngineConfig, ExitPlacement
from engine.exits.config import Distance, ExitConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.event import Event
from engine.model.market import Bar, Tick
from engine.model.positions import TradeClosed
from engine.risk.config import RiskConfig
from engine.simulation import step
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from strategies.registry import STRATEGIES

Row = dict[str, Any]
BARS, TICKS, PEER_BARS, ROUNDS = 1_000_000, 500_000, 100_000, 3
START, SEED, MINUTE = 1_700_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000, 7, 60_000_000_000
INSTRUMENTS = {"XYZ": Instrument("XYZ", AssetClass.EQUITY)}
EXITS = ExitConfig(stop=Distance(0.5))  # armed for every position, too far away to change the trades
RISK = RiskConfig(max_order_quantity=Decimal(1_000), max_order_notional=Decimal(10_000_000))


def run() -> list[Row]:
    """One million bars and half a million ticks by ourselves; a tenth of the bars against each peer, in turns.

    Exits are watched by the engine (`held`), or wait at the venue as orders that a reversal cancels and places anew.
    """
    bars, ticks = made_bars(BARS), made_ticks(TICKS)
    held, venue = ExitPlacement.HELD, ExitPlacement.VENUE
    found = {"bars_per_s": 0.0, "bars_per_s_exits_at_venue": 0.0, "ticks_per_s": 0.0}
    for _ in range(ROUNDS):
        found["bars_per_s"] = max(found["bars_per_s"], per_second(bars, BARS, held))
        found["bars_per_s_exits_at_venue"] = max(found["bars_per_s_exits_at_venue"], per_second(bars, BARS, venue))
        found["ticks_per_s"] = max(found["ticks_per_s"], per_second(ticks, TICKS, venue))
    rows = [row(name, value, "1/s", 300_000 if name.startswith("bars") else None) for name, value in found.items()]
    sample = bars[:PEER_BARS]
    for name, code, target in (("nautilus", _NAUTILUS, 5.0), ("backtestingpy", _BACKTESTING, 1.0)):
        rows += against(name, code, sample, target)
    return rows


def row(name: str, value: float | None, unit: str, target: float | None = None, reason: str = "") -> Row:
    met = None if value is None or target is None else value >= target
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met} | (
        {"reason": reason} if reason else {}
    )


def parts(placement: ExitPlacement = ExitPlacement.VENUE) -> tuple[Engine, SimulatedVenue]:
    slot = SlotConfig("ema", "XYZ", "1", {"period_1": 9, "period_2": 21}, {"sim": Decimal(10)}, EXITS)
    config = EngineConfig("bench", (slot,), INSTRUMENTS, RISK, exit_placement={"sim": placement})
    engine = Engine(config, strategies=STRATEGIES)
    return engine, SimulatedVenue(instruments=INSTRUMENTS)


def per_second(events: Sequence[Event], count: int, placement: ExitPlacement) -> float:
    engine, venue = parts(placement)
    started = time.perf_counter()
    for event in events:
        step(engine, venue, event)
    seconds = time.perf_counter() - started
    if engine.ledger.position("ema", "XYZ", "sim").trades < count // 5_000:
        raise RuntimeError("a run that does not trade measures nothing")
    return count / seconds


def made_bars(count: int) -> list[Bar]:
    """A random walk on the cent grid around 5,000; each bar opens where the last one closed."""
    rng, cents, out = random.Random(SEED), 500_000, []
    for number in range(count):
        path = [cents, cents + rng.randrange(-6, 7), cents + rng.randrange(-6, 7), cents + rng.randrange(-6, 7)]
        ts = START + number * MINUTE
        open_, high, low, close = path[0] / 100, max(path) / 100, min(path) / 100, path[-1] / 100
        out.append(Bar(ts + MINUTE, "XYZ", "1", ts, open_, high, low, close, 1_000.0))
        cents = path[-1]
    return out


def made_ticks(count: int) -> list[Event]:
    """Ticks with the minute bars they complete, as the expander orders them: about fifty prints a minute."""
    rng, ts, cents = random.Random(SEED), START, 500_000
    expander, out = Expander("XYZ", ("1",)), list[Event]()
    for _ in range(count):
        ts += rng.randrange(1, 2_400_000_000)
        cents += rng.randrange(-2, 3)
        tick = Tick(ts, "XYZ", cents / 100, float(rng.randrange(1, 500)))
        out += expander.on_tick(tick)
        out.append(tick)
    return out


def trades_of(bars: Sequence[Bar]) -> list[tuple[int, int, str, str]]:
    """(entry bar, exit bar, entry price, exit price), bars counted by their opens."""
    engine, venue = parts()
    closed = [event for bar in bars for event in step(engine, venue, bar) if isinstance(event, TradeClosed)]
    return [
        (number_of(t.entry_ts), number_of(t.exit_ts), f"{t.entry_price:.2f}", f"{t.exit_price:.2f}") for t in closed
    ]


def number_of(ts: int) -> int:
    return (ts - START) // MINUTE


# ---- the peers --------------------------------------------------------------------------------------------


def against(name: str, code: str, bars: Sequence[Bar], target: float) -> list[Row]:
    """Ours and theirs in turns; no ratio when the trades differ."""
    payload = {"bars": [[b.open, b.high, b.low, b.close] for b in bars], "start": START}
    ours = theirs = 0.0
    answer: dict[str, Any] = {}
    for _ in range(ROUNDS):
        found, reason = peers.run(code, payload)
        if found is None:
            return [row(f"ratio_to_{name}", None, "x", target, reason)]
        answer, theirs = found, max(theirs, found["bars_per_s"])
        ours = max(ours, per_second(bars, len(bars), ExitPlacement.HELD))
    problem = difference(trades_of(bars), [tuple(trade) for trade in answer["trades"]])
    if problem:
        return [row(f"ratio_to_{name}", None, "x", target, f"the trades differ: {problem}")]
    count = row(f"{name}_equal_trades", len(answer["trades"]), "trades")
    return [row(f"ratio_to_{name}", ours / theirs, "x", target), row(f"{name}_bars_per_s", theirs, "1/s"), count]


def difference(ours: Sequence[tuple[Any, ...]], theirs: Sequence[tuple[Any, ...]]) -> str:
    """The first trade that is not the same; empty when all are. A trade the peer forces shut at the end is not one."""
    if len(theirs) - len(ours) not in (0, 1):
        return f"{len(ours)} of ours, {len(theirs)} of theirs"
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        if mine != other:
            return f"number {number} is {mine} here and {other} there"
    return ""


_BACKTESTING = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from backtesting import Backtest, Strategy

given = json.load(sys.stdin)
frame = pd.DataFrame(given["bars"], columns=["Open", "High", "Low", "Close"], dtype=float)

def ema(values, period):
    return pd.Series(values).ewm(span=period, adjust=False).mean()

class Cross(Strategy):
    def init(self):
        self.a, self.b = self.I(ema, self.data.Close, 9), self.I(ema, self.data.Close, 21)

    def next(self):
        if len(self.data) < 22:
            return
        a, b, a1, b1 = self.a[-1], self.b[-1], self.a[-2], self.b[-2]
        if a > b and a1 <= b1 and not self.position.is_long:
            self.buy(size=20 if self.position.is_short else 10)
        elif a < b and a1 >= b1 and not self.position.is_short:
            self.sell(size=20 if self.position.is_long else 10)

test = Backtest(frame, Cross, cash=1e9, commission=0.0, exclusive_orders=False, finalize_trades=False)
started = time.perf_counter()
stats = test.run()
seconds = time.perf_counter() - started
closed = stats["_trades"].sort_values(["EntryBar", "ExitBar"])
trades = [
    [int(t.EntryBar), int(t.ExitBar), f"{t.EntryPrice:.2f}", f"{t.ExitPrice:.2f}"] for t in closed.itertuples()
]
print(json.dumps({"bars_per_s": len(frame) / seconds, "trades": trades}))
"""

_NAUTILUS = """
import json, sys, time
from decimal import Decimal
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

given = json.load(sys.stdin)
MINUTE = 60_000_000_000
instrument = TestInstrumentProvider.equity(symbol="XYZ", venue="SIM")
bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")

class Cross(Strategy):
    def on_start(self):
        self.a, self.b, self.before, self.held = ExponentialMovingAverage(9), ExponentialMovingAverage(21), None, 0
        self.seen, self.fills = 0, []
        self.subscribe_bars(bar_type)

    def on_bar(self, bar):
        self.a.update_raw(bar.close.as_double())
        self.b.update_raw(bar.close.as_double())
        self.seen += 1
        gap, before = self.a.value - self.b.value, self.before
        self.before = gap
        if self.seen < 22:
            return
        target = 1 if gap > 0 and before <= 0 else -1 if gap < 0 and before >= 0 else self.held
        if target != self.held:
            size = Quantity.from_int(20 if self.held else 10)
            self.held = target
            side = OrderSide.BUY if target > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(instrument.id, side, size))

    def on_order_filled(self, event):
        number = (event.ts_event - given["start"]) // MINUTE
        price = event.last_px.as_decimal()
        if self.fills and self.fills[-1][0] == number:
            if self.fills[-1][1] != price:
                raise RuntimeError("one order filled at two prices")
            return
        self.fills.append((number, price))

data = [
    Bar(bar_type, Price(o, 2), Price(h, 2), Price(l, 2), Price(c, 2), Quantity.from_int(1_000_000),
        given["start"] + (n + 1) * MINUTE, given["start"] + (n + 1) * MINUTE)
    for n, (o, h, l, c) in enumerate(given["bars"])
]
engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
engine.add_venue(
    Venue("SIM"), OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000_000, USD)], base_currency=USD,
    default_leverage=Decimal(1), leverages={}, modules=None,
)
engine.add_instrument(instrument)
engine.add_data(data)
strategy = Cross(StrategyConfig())
engine.add_strategy(strategy)
started = time.perf_counter()
engine.run()
seconds = time.perf_counter() - started
fills = strategy.fills
trades = [[a[0], b[0], f"{a[1]:.2f}", f"{b[1]:.2f}"] for a, b in zip(fills, fills[1:])]
print(json.dumps({"bars_per_s": len(data) / seconds, "trades": trades}))
"""
