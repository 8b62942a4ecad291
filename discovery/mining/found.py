"""What a search gives back, as plain values."""

from typing import Any

import msgspec

from backtest.statistics.sharpe import sharpe
from discovery.mining.asked import MiningSpec, Source
from discovery.mining.market import Market, Trades
from discovery.mining.quality import ExitQuality, deepest_fall
from discovery.mining.search import Stage
from discovery.mining.suspicion import Suspicion
from discovery.mining.truths import Bools
from discovery.mining.usage import CapitalUse, WorstTrades
from discovery.mining.verdict import Chance
from engine.exits.config import ExitConfig
from engine.model.numbers import finite
from engine.rules.rule import Rule


class Figures(msgspec.Struct, frozen=True):
    """Of the trades that were decided on some days. Money in cash."""

    days: int
    trades: int
    net_pnl: float
    mean_pnl: float | None
    win_rate: float | None
    profit_factor: float | None
    max_drawdown: float
    sharpe_daily: float | None


class Single(msgspec.Struct, frozen=True):
    """One condition by itself, where it was searched."""

    side: str
    category: str
    text: str
    trades: int
    net_pnl: float
    sharpe_daily: float


class FoldReport(msgspec.Struct, frozen=True):
    """What was searched, what judged, and how the best of the one did on the other. Dates: [first, last] of a span."""

    train: tuple[tuple[str, str], ...]
    test: tuple[tuple[str, str], ...]
    trials: int
    stages: tuple[Stage, ...]
    singles: tuple[Single, ...]
    best: str
    train_pnl: float | None
    test_pnl: float | None


class MinedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its exits. `folds` in which it was found (from 1); `train` are the figures of the last of them,
    `test` those of all days that judged it. `anywhere` is the mean P&L of entering there wherever nothing is held, on
    the same side with the same exits: what the market gives for nothing. It `passes` where neither chance nor suspicion
    explains it, and it earned more than that."""

    rule: Rule
    text: str
    exits: ExitConfig
    source: Source
    folds: tuple[int, ...]
    score: float
    train: Figures
    test: Figures
    anywhere: float
    chance: Chance
    suspicion: Suspicion
    quality: ExitQuality
    quality_score: float
    capital: CapitalUse | None
    worst: WorstTrades | None
    passes: bool
    entries: str  # digest of its trades' entries
    params: dict[str, Any]  # of the strategy `rules`


class Mined(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` are ranked by what the search was asked to rank by; `capital` is of all of them side by side. Each rule
    competes with all `trials` of this search and with the `earlier` ones that others made on these bars."""

    symbol: str
    timeframe: str
    bars: int
    days: int
    conditions: dict[str, int]  # by category
    trials: int
    variance: float  # of the Sharpe ratios of these
    earlier: int
    spec: MiningSpec
    folds: tuple[FoldReport, ...]
    rules: tuple[MinedRule, ...]
    capital: CapitalUse | None

    @property
    def passed(self) -> list[MinedRule]:
        return [rule for rule in self.rules if rule.passes]


def figures(trades: Trades, market: Market, days: Bools) -> Figures:
    """Of trades that were decided on `days`."""
    pnl = trades.pnl
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    decided = len(won) + len(lost)
    ratio = sharpe(market.daily(trades)[days])
    return Figures(
        days=int(days.sum()),
        trades=len(trades),
        net_pnl=float(pnl.sum()),
        mean_pnl=float(pnl.mean()) if len(pnl) else None,
        win_rate=len(won) / decided if decided else None,
        profit_factor=float(won.sum() / -lost.sum()) if len(lost) else None,
        max_drawdown=deepest_fall(pnl),
        sharpe_daily=finite(ratio),
    )
