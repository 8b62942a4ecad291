"""How much capital trades need and for how long, and what the worst of them cost."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from discovery.mining.market import Market, Trades
from engine.model.time import iso

SHOWN = 5


class CapitalUse(msgspec.Struct, frozen=True):
    """`in_market`: of the bars, those on which something was held. Notional in cash, of the bars on which something was
    held: `mean_notional`, `most_notional`; `most_at_once` positions, `mean_at_once` of them. `return_on_capital`: the
    P&L over the most that was bound."""

    in_market: float
    mean_notional: float
    most_notional: float
    most_at_once: int
    mean_at_once: float
    return_on_capital: float | None


class WorstTrades(msgspec.Struct, frozen=True):
    """The bottom `share` of the trades: how many, the best P&L among them, mean and sum, and the worst by name."""

    share: float
    trades: int
    at_most: float
    mean: float
    total: float
    listed: tuple[dict[str, Any], ...]


def capital_use(rules: Sequence[Trades], market: Market) -> CapitalUse | None:
    """Of the trades of one rule, or of several that trade side by side; None without trades."""
    traded = [trades for trades in rules if len(trades)]
    if not traded:
        return None
    bars = len(market.bars)
    size = float(market.instrument.multiplier) * market.quantity
    count, bound = np.zeros(bars + 1), np.zeros(bars + 1)
    for trades in traded:
        notional = np.abs(trades.entry) * size
        for column, weight in ((count, np.ones(len(trades))), (bound, notional)):
            np.add.at(column, trades.entry_bar, weight)
            np.add.at(column, trades.after, -weight)
    held = np.cumsum(count)[:bars]
    capital = np.cumsum(bound)[:bars]
    is_in = held > 0.5
    earned = sum(float(trades.pnl.sum()) for trades in traded)
    most = float(capital.max())
    return CapitalUse(
        in_market=float(is_in.mean()),
        mean_notional=float(capital[is_in].mean()),
        most_notional=most,
        most_at_once=round(float(held.max())),
        mean_at_once=float(held[is_in].mean()),
        return_on_capital=earned / most if most > 0 else None,
    )


def worst_trades(trades: Trades, market: Market, *, share: float) -> WorstTrades | None:
    """At least one; None without trades."""
    if not len(trades):
        return None
    order = np.argsort(trades.pnl, kind="stable")[: max(1, int(len(trades) * share))]
    pnl = trades.pnl[order]
    return WorstTrades(
        share=share,
        trades=len(order),
        at_most=float(pnl.max()),
        mean=float(pnl.mean()),
        total=float(pnl.sum()),
        listed=tuple(_told(trades, market, int(at)) for at in order[:SHOWN]),
    )


def _told(trades: Trades, market: Market, at: int) -> dict[str, Any]:
    entry, exit_ = int(trades.entry_bar[at]), int(trades.exit_bar[at])
    return {
        "entry_ts": iso(int(market.bars.ts_open[entry])),
        "exit_ts": iso(int(market.bars.ts[exit_])),
        "side": "long" if trades.sign[at] > 0 else "short",
        "entry_price": float(trades.entry[at]),
        "exit_price": float(trades.exit[at]),
        "pnl": float(trades.pnl[at]),
    }
