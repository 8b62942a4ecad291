"""How much of a result is luck: the same trades in other orders, and the same trades at other times."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.curve import Curve
from engine.analytics.trades import column
from engine.instruments.instrument import Instrument
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed

Floats = NDArray[np.float64]
PERCENTILES = (5, 25, 50, 75, 95)
CHUNK = 2_000_000  # numbers in memory at a time


def shuffled(trades: Sequence[TradeClosed], *, seed: int, trials: int = 2_000) -> dict[str, Any]:
    """The trades in random orders: the net P&L stays, the drawdown does not. And drawn anew with replacement, as if the
    same strategy had traded another period of the same kind. Cash."""
    pnl = column(trades, lambda trade: trade.pnl)
    if not len(pnl):
        return {"trials": 0}
    rng = np.random.default_rng(seed)
    falls, sums = [], []
    for count in _chunks(trials, len(pnl)):
        orders = rng.permuted(np.broadcast_to(pnl, (count, len(pnl))), axis=1)
        falls.append(deepest_falls(orders))
        sums.append(pnl[rng.integers(0, len(pnl), (count, len(pnl)))].sum(axis=1))
    drawdowns, totals = np.concatenate(falls), np.concatenate(sums)
    actual = float(deepest_falls(pnl[None, :])[0])
    return {
        "trials": trials,
        "seed": seed,
        "drawdown": actual,
        "drawdowns": _percentiles(drawdowns),
        "drawdown_rank": float((drawdowns <= actual).mean()),
        "net_pnl": float(pnl.sum()),
        "net_pnls": _percentiles(totals),
        "chance_of_loss": float((totals < 0).mean()),
    }


def deepest_falls(pnls: Floats) -> Floats:
    """Per row the deepest fall of the running sum from its peak, which starts at 0."""
    totals = np.cumsum(pnls, axis=1)
    peaks = np.maximum(np.maximum.accumulate(totals, axis=1), 0.0)
    found: Floats = (peaks - totals).max(axis=1)
    return found


def random_entries(
    trades: Sequence[TradeClosed], curve: Curve, instruments: dict[str, Instrument], *, seed: int, trials: int = 1_000
) -> dict[str, Any]:
    """As many trades, as long, as large, on the same sides and at the same cost each, but entered at random bars.

    `rank` is the share of them that earned less: what is not clearly above one half is what entering anywhere gives.
    """
    rng = np.random.default_rng(seed)
    totals, used = np.zeros(trials), 0
    for symbol, found in curve.symbols.items():
        mine = [trade for trade in trades if trade.symbol == symbol]
        if not mine or len(found) < 3:
            continue
        used += len(mine)
        totals += _random_totals(mine, found.ts, found.close, instruments[symbol], rng, trials)
    if not used:
        return {"trials": 0}
    actual = float(sum(float(trade.pnl) for trade in trades))
    return {
        "trials": trials,
        "seed": seed,
        "net_pnl": actual,
        "net_pnls": _percentiles(totals),
        "rank": float((totals < actual).mean()),
        "p_value": float((1 + (totals >= actual).sum()) / (1 + trials)),
    }


def _random_totals(
    trades: Sequence[TradeClosed], ts: NDArray[np.int64], close: Floats, instrument: Instrument,
    rng: np.random.Generator, trials: int,
) -> Floats:  # fmt: skip
    entered = np.searchsorted(ts, [trade.entry_ts for trade in trades])
    left = np.searchsorted(ts, [trade.exit_ts for trade in trades])
    held = np.clip(left - entered, 1, len(ts) - 1)
    side = np.array([1.0 if trade.side is PositionSide.LONG else -1.0 for trade in trades])
    size = column(trades, lambda trade: trade.quantity) * float(instrument.multiplier)
    fees = column(trades, lambda trade: trade.fees)
    totals = []
    for count in _chunks(trials, len(trades)):
        begin = (rng.random((count, len(trades))) * (len(ts) - held)).astype(np.int64)
        totals.append((side * size * (close[begin + held] - close[begin]) - fees).sum(axis=1))
    found: Floats = np.concatenate(totals)
    return found


def _chunks(trials: int, width: int) -> list[int]:
    """Sizes that add up to `trials` and keep a table of `width` columns small."""
    size = max(min(CHUNK // width, trials), 1)
    return [min(size, trials - begin) for begin in range(0, trials, size)]


def _percentiles(values: Floats) -> dict[str, float]:
    return {
        f"p{place}": float(each) for place, each in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    }
