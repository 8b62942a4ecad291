"""A market to try strategies on: quiet and busy stretches, trends, jumps and ranges; the same for the same seed."""

import random
from collections.abc import Iterable, Sequence
from datetime import date

from engine.instruments.sessions import calendar
from engine.model.event import Event
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_MINUTE

SYMBOL = "SPY"
DAYS = (date(2023, 11, 20), date(2023, 11, 21), date(2023, 11, 22), date(2023, 11, 24))


def sample_bars(seed: int, *, days: Sequence[date] = DAYS) -> list[Bar]:
    """Minutes of whole trading days, the last one short."""
    rng, price = random.Random(seed), 100.0
    found: list[Bar] = []
    for day in days:
        session = calendar("XNYS").session_on(day)
        if session is None:
            continue
        for at in range(session.open, session.close, NS_PER_MINUTE):
            stretch = len(found) // 50
            wide = (0.0004, 0.0012, 0.0020)[stretch % 3]
            drift = 0.0005 * ((len(found) // 70) % 3 - 1)
            if rng.random() < 0.004:
                price *= 1 + rng.choice((-1, 1)) * 0.006
            path = [price := price * (1 + drift / 4 + rng.gauss(0, wide / 2)) for _ in range(5)]
            grid = [round(p, 2) for p in path]
            volume = float(rng.randint(100, 900) * (5 if rng.random() < 0.2 else 1))
            found.append(
                Bar(
                    at + NS_PER_MINUTE, SYMBOL, "1", at, grid[0], max(grid), min(grid), grid[-1], volume, 5,
                    round(sum(grid) / 5, 4), seq=5 * (len(found) + 1),
                )
            )  # fmt: skip
    return found


def with_ticks(bars: Iterable[Bar]) -> list[Event]:
    """Every bar after four prints of its own, as the market shows them."""
    out: list[Event] = []
    for bar in bars:
        quarter = (bar.ts - bar.ts_open) // 4
        for i, price in enumerate((bar.open, bar.low, bar.high, bar.close)):
            at = bar.ts_open + i * quarter + 1
            out.append(Tick(at, bar.symbol, price, bar.volume / 4, seq=bar.seq - 4 + i if bar.seq else 0))
        out.append(bar)
    return out


def another_future(bars: Sequence[Bar], cut: int, seed: int) -> list[Bar]:
    """`bars` up to number `cut`, then other prices: the moves that came, in another order, other way up and larger."""
    rng = random.Random(seed)
    moves = [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars[cut:]]
    rng.shuffle(moves)
    price, found = bars[cut - 1].close, list(bars[:cut])
    for bar, (opened, high, low, close, volume) in zip(bars[cut:], moves, strict=True):
        first = price
        price = round(price * (1 - 1.7 * (close / opened - 1)) * (1 + rng.gauss(0, 0.0005)), 2)
        reach = max(first, price) + round(abs(high - low), 2)
        found.append(
            Bar(bar.ts, bar.symbol, bar.timeframe, bar.ts_open, first, reach, min(first, price), price, 3 * volume + 1,
                bar.trade_count, bar.vwap, seq=bar.seq)
        )  # fmt: skip
    return found
