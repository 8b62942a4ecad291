"""Figures of closed trades: what they earned, how long they were held, how far they went for and against us."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.model.positions import TradeClosed
from engine.model.time import NS_PER_S

NAN = float("nan")
WORST = 0.05
Floats = NDArray[np.float64]

CONVENTIONS = {
    "trades": "Closed round trips; a reversal ends one and begins the next.",
    "win_rate": "Winners over winners and losers; a trade that earned exactly nothing is neither.",
    "profit_factor": "Cash won over cash lost, both net of fees.",
    "expectancy": "Mean net P&L of a trade, in cash.",
    "payoff": "Mean winner over mean loser, both net of fees.",
    "sqn": "Mean over standard deviation (n − 1) of the trades' P&L, times √trades.",
    "median_pnl": "Half of the trades earned more, half less.",
    "best": "The best single trade, in cash.",
    "worst": "The worst single trade, in cash.",
    "wins_in_a_row": "The longest row of winners.",
    "losses_in_a_row": "The longest row of losers.",
    "mean_hold_s": "Mean time from the entry's fill to the exit's, in seconds.",
    "worst_share": "Mean of the worst 5 % of the trades, in cash.",
    "without_best": "Net P&L without the best 5 % of the trades.",
    "captured": "Sum of the gross P&L over the sum of the best open profits (MFE): the share that was kept.",
    "mean_mae": "Mean of the deepest open loss of each trade (MAE), in cash.",
    "mean_mfe": "Mean of the highest open profit of each trade (MFE), in cash.",
    "ambiguous": "Trades on bars that touched stop and target; the worse was taken.",
}


class TradeFigures(msgspec.Struct, frozen=True):
    """What a set of trades comes to. Cash as observed numbers: sums in money are the ledger's."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    net_pnl: float = 0.0
    fees: float = 0.0
    win_rate: float = NAN
    profit_factor: float = NAN
    expectancy: float = NAN
    payoff: float = NAN
    sqn: float = NAN
    median_pnl: float = NAN
    best: float = NAN
    worst: float = NAN
    wins_in_a_row: int = 0
    losses_in_a_row: int = 0
    mean_hold_s: float = NAN
    worst_share: float = NAN
    without_best: float = NAN
    captured: float = NAN
    mean_mae: float = NAN
    mean_mfe: float = NAN
    ambiguous: int = 0


def figures(trades: Sequence[TradeClosed]) -> TradeFigures:
    """All figures; nan where there is nothing to tell."""
    if not trades:
        return TradeFigures()
    pnl = column(trades, lambda trade: trade.pnl)
    fees, mfe = column(trades, lambda trade: trade.fees), column(trades, lambda trade: trade.mfe)
    held = column(trades, lambda trade: (trade.exit_ts - trade.entry_ts) / NS_PER_S)
    won, lost = pnl[pnl > 0], -pnl[pnl < 0]
    deviation = float(pnl.std(ddof=1)) if len(pnl) > 1 else 0.0
    tail = max(int(len(pnl) * WORST), 1)
    ordered = np.sort(pnl)
    return TradeFigures(
        trades=len(pnl),
        wins=len(won),
        losses=len(lost),
        net_pnl=float(pnl.sum()),
        fees=float(fees.sum()),
        win_rate=_over(len(won), len(won) + len(lost)),
        profit_factor=_over(float(won.sum()), float(lost.sum())),
        expectancy=float(pnl.mean()),
        payoff=_over(float(won.mean()), float(lost.mean())) if len(won) and len(lost) else NAN,
        sqn=_over(float(pnl.mean()) * len(pnl) ** 0.5, deviation),
        median_pnl=float(np.median(pnl)),
        best=float(ordered[-1]),
        worst=float(ordered[0]),
        wins_in_a_row=longest(pnl > 0),
        losses_in_a_row=longest(pnl < 0),
        mean_hold_s=float(held.mean()),
        worst_share=float(ordered[:tail].mean()),
        without_best=float(ordered[:-tail].sum()),
        captured=_over(float((pnl + fees).sum()), float(mfe.sum())),
        mean_mae=float(column(trades, lambda trade: trade.mae).mean()),
        mean_mfe=float(mfe.mean()),
        ambiguous=sum(trade.is_ambiguous for trade in trades),
    )


def grouped(trades: Sequence[TradeClosed], key: Callable[[TradeClosed], Hashable]) -> list[tuple[Any, TradeFigures]]:
    """Figures of each group, in the order of the keys."""
    return [(name, figures(group)) for name, group in parted(trades, key)]


def parted(
    trades: Sequence[TradeClosed], key: Callable[[TradeClosed], Hashable]
) -> list[tuple[Any, list[TradeClosed]]]:
    """The trades of each group, in the order of the keys: every trade is in one."""
    groups: dict[Any, list[TradeClosed]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    return [(name, groups[name]) for name in sorted(groups)]


def column(trades: Sequence[TradeClosed], value: Callable[[TradeClosed], Any]) -> Floats:
    """One value of every trade, as an observed number."""
    return np.array([float(value(trade)) for trade in trades], dtype=np.float64)


def longest(flags: NDArray[np.bool_]) -> int:
    """The longest row of true."""
    best = run = 0
    for flag in flags.tolist():
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


def _over(value: float, by: float) -> float:
    return value / by if by > 0 else NAN
