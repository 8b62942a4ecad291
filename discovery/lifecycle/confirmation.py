"""Does a rule hold on days that its search never saw? A walk over them in parts, with all counted that chose it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from backtest.statistics.sharpe import moments, probabilistic_sharpe, sharpe
from discovery.mining.asked import MiningSpec
from discovery.mining.found import Figures, figures
from discovery.mining.market import Market, Trades
from discovery.mining.truths import Bools, Truths, unpacked
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.rules.rule import Rule


class Demands(msgspec.Struct, frozen=True):
    """What a rule must show: so many days and trades, parts of the walk that earn, and a corrected probability."""

    least_days: int
    least_trades: int
    parts: int
    earning: int  # of the parts, at least
    p: float


class Part(msgspec.Struct, frozen=True):
    """One part of the walk: its days and what was earned on them."""

    start: str
    end: str
    days: int
    trades: int
    net_pnl: float


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What the walk came to. `anywhere` is the mean P&L of entering there wherever nothing is held; `p` that a
    worthless rule does as well, `corrected` for `competing` ones (Bonferroni). `pnl` of each trade for one unit, in
    their order: what a promoted rule is compared with."""

    is_good: bool
    text: str
    start: str
    end: str
    parts: tuple[Part, ...]
    figures: Figures
    anywhere: float
    p: float | None
    corrected: float | None
    competing: int
    pnl: tuple[float, ...]


def unseen(days: Sequence[date], folds: Iterable[dict[str, Any]], *, searched_until: date, gap: int = 0) -> Bools:
    """Which of `days` the search never chose in: those that only judged, and those after its end. `folds` have the
    spans of both as dates; `gap` days after each searched one are left out, as positions may reach into them."""
    made = list(folds)
    searched = np.array([_inside(day, made, "train") for day in days], np.bool_)
    judged = np.array([_inside(day, made, "test") or day > searched_until for day in days], np.bool_)
    for _ in range(gap):
        searched[1:] |= searched[:-1]
    found: Bools = judged & ~searched
    return found


def _inside(day: date, folds: Sequence[dict[str, Any]], half: str) -> bool:
    text = day.isoformat()
    return any(first <= text <= last for fold in folds for first, last in fold[half])


def confirm(
    bars: BarColumns, asked: MiningSpec, rule: Rule, exits: ExitConfig, *, days: Bools, demands: Demands, competing: int
) -> Confirmation:
    """Walk over `days` (of all days in `bars`) in order. `InvalidInput` where there is too little to say anything."""
    market, signals = Market(bars, asked), signals_of(bars, asked, rule)
    usable = days[market.day_of]
    trades = market.trade(signals & usable, rule.sign, exits)
    _check_enough(days, trades, demands)
    everywhere = market.trade(usable, rule.sign, exits)
    anywhere = float(everywhere.pnl.mean()) if len(everywhere) else 0.0
    p = _luck(market, trades, max(0.0, anywhere), days)
    corrected = None if p is None else min(1.0, p * competing)
    parts = tuple(_parts(market, trades, days, demands.parts))
    told = figures(trades, market, days)
    against = list(_against(told, parts, anywhere, corrected, competing, demands))
    dates = _dates(market, days)
    return Confirmation(
        is_good=not against,
        text="; ".join(against) or _words(told, parts, corrected, competing),
        start=dates[0].isoformat(),
        end=dates[-1].isoformat(),
        parts=parts,
        figures=told,
        anywhere=anywhere,
        p=p,
        corrected=corrected,
        competing=competing,
        pnl=tuple((trades.pnl / float(asked.quantity)).tolist()),
    )


def signals_of(bars: BarColumns, asked: MiningSpec, rule: Rule) -> Bools:
    """The bars on which the rule asks for an entry."""
    return unpacked(Truths(bars, (), memory_mb=asked.memory_mb).of(rule.spec), len(bars))


def _check_enough(days: Bools, trades: Trades, demands: Demands) -> None:
    count = int(days.sum())
    if count < demands.least_days:
        raise InvalidInput(
            f"days: at least {demands.least_days} that neither its search nor an earlier validation used were "
            f"expected, found {count}; it can be validated when there are more",
            field="days",
        )
    if len(trades) < demands.least_trades:
        raise InvalidInput(
            f"trades: at least {demands.least_trades} were expected on {count} days that were not used before, found "
            f"{len(trades)}; it can be validated when there are more",
            field="trades",
        )


def _luck(market: Market, trades: Trades, base: float, days: Bools) -> float | None:
    """That a rule without merit beyond `base` a trade has such days; None where they do not vary."""
    daily = market.daily(replace(trades, pnl=trades.pnl - base))[days]
    skew, kurtosis = moments(daily)
    found = probabilistic_sharpe(sharpe(daily), benchmark=0.0, periods=len(daily), skew=skew, kurtosis=kurtosis)
    return 1.0 - found if found == found else None


def _parts(market: Market, trades: Trades, days: Bools, count: int) -> list[Part]:
    """The days in order, in `count` parts as equal as can be."""
    chosen = np.flatnonzero(days)
    edges = [round(len(chosen) * number / count) for number in range(count + 1)]
    daily, decided = market.daily(trades), np.bincount(market.day_of[trades.entry_bar - 1], minlength=len(days))
    found = []
    for begin, end in pairwise(edges):
        part = chosen[begin:end]
        first, last = market.days[part[0]], market.days[part[-1]]
        found.append(
            Part(first.isoformat(), last.isoformat(), len(part), int(decided[part].sum()), float(daily[part].sum()))
        )
    return found


def _against(
    told: Figures, parts: Sequence[Part], anywhere: float, corrected: float | None, competing: int, demands: Demands
) -> Iterable[str]:
    earning = sum(part.net_pnl > 0 for part in parts)
    if earning < demands.earning:
        yield f"{earning} of {len(parts)} parts earned, {demands.earning} were expected"
    mean = told.mean_pnl or 0.0
    if mean <= max(0.0, anywhere):
        yield f"a trade earned {mean:,.2f}, entering anywhere {anywhere:,.2f}"
    if corrected is None or corrected > demands.p:
        shown = "unknown" if corrected is None else f"{corrected:.2g}"
        yield f"corrected p = {shown} (of {competing} that compete), at most {demands.p:g} was expected"


def _words(told: Figures, parts: Sequence[Part], corrected: float | None, competing: int) -> str:
    earning = sum(part.net_pnl > 0 for part in parts)
    return (
        f"{told.trades} trades on {told.days} days that its search did not see: {earning} of {len(parts)} parts "
        f"earned, corrected p = {corrected:.2g} (of {competing} that compete)"
    )


def _dates(market: Market, days: Bools) -> list[date]:
    return [day for day, is_chosen in zip(market.days, days.tolist(), strict=True) if is_chosen]
