"""How good the exits of trades were, in five parts between 0 and 1."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.simulation.sweep import records as k
from discovery.health import deepest
from discovery.mining.market import Market, Trades

Floats = NDArray[np.float64]
# What a kind of exit says about it: taken where it was meant to be, followed, run out of time, or stopped.
TARGET, TRAILED, EVEN, TIMED, STOPPED = 1.0, 0.8, 0.6, 0.5, 0.0


class ExitQuality(msgspec.Struct, frozen=True):
    """Each from 0 to 1, more is better; 0 without trades.

    `pnl`: of all that was won and lost, what was won. `drawdown`: 1 − deepest fall / all that was won. `hold`: of the
    bars held, those until the best price. `exit_type`: how trades ended (target 1, trailing stop 0.8, stop at the entry
    0.6, time 0.5, stop 0), in the mean. `giveback`: of the best open profit, what was kept.
    """

    pnl: float = 0.0
    drawdown: float = 0.0
    hold: float = 0.0
    exit_type: float = 0.0
    giveback: float = 0.0

    @property
    def score(self) -> float:
        """The mean of the five."""
        return (self.pnl + self.drawdown + self.hold + self.exit_type + self.giveback) / 5.0


def exit_quality(trades: Trades, market: Market) -> ExitQuality:
    """Of these trades. The best price of a trade is looked for in the bars before the one it was closed in, and at the
    exit itself: when in its last bar a price was reached is not known."""
    if not len(trades):
        return ExitQuality()
    won, lost = trades.pnl[trades.pnl > 0].sum(), -trades.pnl[trades.pnl < 0].sum()
    gained, until_best = _paths(trades, market)
    kept = (trades.exit - trades.entry) * trades.sign
    held = np.maximum(trades.exit_bar - trades.entry_bar, 1)
    has_gain = gained > 0
    return ExitQuality(
        pnl=float(won / (won + lost)) if won + lost > 0 else 0.0,
        drawdown=float(max(0.0, 1.0 - deepest_fall(trades.pnl) / won)) if won > 0 else 0.0,
        hold=float((until_best / held).mean()),
        exit_type=float(np.select(_kinds(trades.code), (STOPPED, TRAILED, EVEN, TIMED), TARGET).mean()),
        giveback=float(np.clip(kept[has_gain] / gained[has_gain], 0.0, 1.0).mean()) if has_gain.any() else 0.0,
    )


def deepest_fall(pnl: Floats) -> float:
    """Of the cumulated P&L from its peak so far, which starts at 0."""
    return float(deepest(pnl[np.newaxis])[0])


def _kinds(code: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    timed = (code >= k.BY_DEADLINE) | (
        code < k.BY_STOP
    )  # the other side's rule is none of the exits, as little as time
    return [code == k.BY_STOP, code == k.BY_TRAIL, code == k.BY_BREAK_EVEN, timed]


def _paths(trades: Trades, market: Market) -> tuple[Floats, Floats]:
    """Per trade the best open profit in points, and the bars until it."""
    high, low = market.bars.high, market.bars.low
    gained, bars = np.empty(len(trades)), np.empty(len(trades))
    rows = zip(*(column.tolist() for column in (trades.entry_bar, trades.exit_bar, trades.sign)), strict=True)
    kept = (trades.exit - trades.entry) * trades.sign
    for at, (first, last, sign) in enumerate(rows):
        path = (high if sign > 0 else low)[first:last] * sign
        best = int(path.argmax()) if len(path) else 0
        peak = float(path[best]) - sign * trades.entry[at] if len(path) else -np.inf
        gained[at], bars[at] = (peak, best) if peak > kept[at] else (kept[at], max(last - first, 1))
    return gained, bars
