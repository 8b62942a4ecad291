"""Fits exits to entries: every combination of the grid is tried where the entry was searched."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from discovery.mining.asked import ExitGrid, Order
from discovery.mining.market import Market, Trades
from discovery.mining.quality import exit_quality
from discovery.mining.search import Candidate
from discovery.mining.trials import Trials
from engine.exits.config import ExitConfig

Some = TypeVar("Some")


class Fitted(NamedTuple):
    """An entry with the exits that did best."""

    candidate: Candidate
    exits: ExitConfig
    trades: Trades
    ratio: float
    score: float  # what rules are ranked by


def plain_exits(grid: ExitGrid, *, bar_s: float, before_close_s: float | None) -> ExitConfig:
    """What entries are compared with: the middle stop and hold time, and no target nor trailing stop where the grid has
    exits without."""
    one = msgspec.structs.replace(
        grid,
        stop=(_middle(grid.stop),),
        target=(None if None in grid.target else _middle(grid.target),),
        trail=(None if None in grid.trail else _middle(grid.trail),),
        hold=(_middle(grid.hold),),
    )
    return one.made(bar_s=bar_s, before_close_s=before_close_s)[0]


def _middle(values: Sequence[Some]) -> Some:
    return values[(len(values) - 1) // 2]


def fitted(candidate: Candidate, grid: Sequence[ExitConfig], trials: Trials, *, by: Order) -> Fitted:
    """The best of the grid; of equals the first."""
    tried = []
    for exits in grid:
        trades, ratio = trials.run(candidate.signals, candidate.rule.sign, exits)
        tried.append(Fitted(candidate, exits, trades, ratio, _score(trades, trials.market, by)))
    return max(tried, key=lambda each: each.score)


def _score(trades: Trades, market: Market, by: Order) -> float:
    return float(trades.pnl.sum()) if by == "pnl" else exit_quality(trades, market).score
