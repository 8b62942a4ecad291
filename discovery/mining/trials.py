"""Tries candidates on the days that are searched, and counts every one of them."""

from collections.abc import Sequence

import numpy as np

from backtest.statistics.sharpe import sharpe
from discovery.mining.market import Market, Trades
from discovery.mining.span import Halves
from discovery.mining.truths import Words, unpacked
from engine.exits.config import ExitConfig


class Trials:
    """The ledger of one fold: `ratios` has the daily Sharpe ratio of everything whose result was seen (nan where it
    has none)."""

    def __init__(self, market: Market, halves: Halves) -> None:
        self.market, self.halves = market, halves
        self.ratios: list[float] = []

    def run(self, signals: Words, sign: int, exits: ExitConfig) -> tuple[Trades, float]:
        """Its trades where it is searched, and the Sharpe ratio of their days."""
        market = self.market
        trades = market.trade(unpacked(signals, len(market.bars)) & self.halves.train, sign, exits)
        ratio = sharpe(market.daily(trades)[self.halves.train_days])
        self.ratios.append(ratio)
        return trades, ratio

    @property
    def count(self) -> int:
        return len(self.ratios)


def spread(ratios: Sequence[float]) -> float:
    """The variance of those that there are."""
    found = np.array([ratio for ratio in ratios if ratio == ratio])
    return float(found.var(ddof=1)) if len(found) > 1 else 0.0
