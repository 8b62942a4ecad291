"""Markets to mine: random walks over whole trading days, with an edge planted in them, or a leak of the next bar."""

import numpy as np

from engine.bars.columns import BarColumns
from engine.instruments.sessions import calendar
from engine.model.time import NS_PER_MINUTE

FIRST = 1_709_290_800_000_000_000  # 2024-03-01 11:00 UTC, a Friday
MINUTES = 5
Steps = np.ndarray  # cents that each bar moves


def stamps(days: int) -> np.ndarray:
    """Opens of five-minute bars over that many sessions of the stock exchange."""
    sessions = calendar("XNYS").sessions(FIRST, FIRST + 3 * days * 86_400 * 10**9)[:days]
    return np.concatenate([np.arange(s.open, s.close, MINUTES * NS_PER_MINUTE, dtype=np.int64) for s in sessions])


def walk(days: int, *, seed: int, wide: float = 16.0) -> tuple[np.ndarray, Steps, np.random.Generator]:
    """Opens of bars, the cents that each moves, and what to draw more from."""
    rng = np.random.default_rng(seed)
    opened = stamps(days)
    return opened, np.rint(rng.normal(0.0, wide, len(opened))), rng


def bars_from(opened: np.ndarray, steps: Steps, volume: np.ndarray, rng: np.random.Generator) -> BarColumns:
    """Bars on the cent grid whose closes move by `steps`; each opens where the one before closed."""
    close = 50_000.0 + np.cumsum(steps)
    first = np.concatenate(([50_000.0], close[:-1]))
    above, below = np.rint(np.abs(rng.normal(0.0, 4.0, (2, len(steps)))))
    high, low = np.maximum(first, close) + above, np.minimum(first, close) - below
    count = len(steps)
    return BarColumns(
        "SPY", str(MINUTES), opened, opened + MINUTES * NS_PER_MINUTE, first / 100, high / 100, low / 100, close / 100,
        volume, np.zeros(count, np.int64), np.full(count, np.nan), np.ones(count, np.bool_),
    )  # fmt: skip


def noise(days: int, *, seed: int) -> BarColumns:
    """Nothing to find."""
    opened, steps, rng = walk(days, seed=seed)
    return bars_from(opened, steps, np.rint(rng.uniform(500, 1_500, len(opened))), rng)


def planted(days: int, *, seed: int, drift: float = 4.0, gap: int = 3, lasts: int = 10) -> BarColumns:
    """After a burst of volume, and two to `gap` bars later a second one, the price rises for some bars, on average by
    `drift` cents a bar; everything else is chance, and the whole goes nowhere."""
    opened, steps, rng = walk(days, seed=seed)
    volume = np.rint(rng.uniform(500, 1_500, len(opened)))
    at = 30
    while at < len(opened) - 60:
        second = at + int(rng.integers(2, gap + 1))
        volume[[at, second]] = 6_000.0
        steps[second + 1 : second + 1 + lasts] += drift
        volume[second + lasts + 6] = 6_000.0  # one alone means nothing
        at += int(rng.integers(30, 90))
    return bars_from(opened, steps - np.rint(10 * steps.mean()) / 10, volume, rng)


def leaking(days: int, *, seed: int) -> BarColumns:
    """The volume of a bar knows whether the next one rises."""
    opened, steps, rng = walk(days, seed=seed)
    volume = np.rint(rng.uniform(500, 1_500, len(opened)))
    rises = np.concatenate((steps[1:] > 18, [False]))
    volume[rises] *= 8
    return bars_from(opened, steps, volume, rng)
