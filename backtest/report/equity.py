"""Equity over time: by bar for the chart, by trading day for ratios, by month for the table."""

from typing import Any

import msgspec
import numpy as np

from backtest.report.material import Floats, Ints, Material
from backtest.report.thin import thinned
from backtest.simulation.curve import carried
from engine.analytics.days import changes, daily, dates, day_ends, deepest, months, sessions_between
from engine.analytics.returns import ratios
from engine.model.numbers import finite
from engine.model.time import NS_PER_S

POINTS = 1_600


class Days(msgspec.Struct, frozen=True):
    """One value a trading day. `base` is the capital that ratios are based on."""

    base: float
    dates: list[Any]
    equity: Floats
    returns: Floats
    benchmark: Floats | None  # its returns


def base_of(material: Material) -> float:
    """The capital, or else the largest value that was held."""
    if material.capital is not None:
        return float(material.capital)
    _, gross, _ = material.curve.exposure()
    return float(gross.max()) if len(gross) and gross.max() > 0 else 1.0


def days_of(material: Material) -> Days:
    """Equity and returns by trading day; without a bar there are none."""
    ts, profit = material.curve.profit()
    base = base_of(material)
    if not len(ts):
        return Days(base, [], np.empty(0), np.empty(0), None)
    sessions = sessions_between(material.calendar, int(ts[0]), int(ts[-1]))
    equity = base + daily(profit, day_ends(ts, sessions), before=0.0)
    held = None
    if material.benchmark is not None:
        closes = material.benchmark.close
        ends = day_ends(material.benchmark.ts, sessions)
        held = changes(daily(closes, ends, before=float(closes[0])), before=float(closes[0]))
    return Days(base, dates(sessions), equity, changes(equity, before=base), held)


def figures_of(days: Days) -> dict[str, float | None]:
    """The ratios; None for what cannot be told."""
    found = ratios(days.returns, days.benchmark)
    return {name: finite(value) for name, value in found.items()}


def curve_of(material: Material, base: float) -> dict[str, Any]:
    """Equity, drawdown in cash and the benchmark at the same capital, thinned for a chart. Times in seconds."""
    ts, profit = material.curve.profit()
    peak = np.maximum.accumulate(np.maximum(profit, 0.0)) if len(profit) else profit
    keep = thinned(ts, profit, POINTS)
    found: dict[str, Any] = {
        "time": seconds(ts[keep]),
        "equity": rounded(base + profit[keep]),
        "drawdown": rounded((profit - peak)[keep]),
    }
    if material.benchmark is not None:
        closes = material.benchmark.close
        level = carried(ts[keep], material.benchmark.ts, closes, before=float(closes[0]))
        found["benchmark"] = rounded(base * level / float(closes[0]))
    return found


def exposure_of(material: Material, base: float) -> dict[str, Any]:
    """What was held over time, and what that comes to."""
    ts, gross, net = material.curve.exposure()
    keep = thinned(ts, net, POINTS // 2)
    held = gross > 0
    return {
        "time": seconds(ts[keep]),
        "gross": rounded(gross[keep]),
        "net": rounded(net[keep]),
        "time_in_market": float(held.mean()) if len(held) else None,
        "mean_gross": float(gross.mean()) if len(gross) else None,
        "peak_gross": float(gross.max()) if len(gross) else None,
        "mean_use": float(gross.mean()) / base if len(gross) else None,
        "peak_use": float(gross.max()) / base if len(gross) else None,
    }


def monthly_of(days: Days) -> list[dict[str, Any]]:
    """A row a year: twelve returns (None without a trading day) and the year's."""
    found = months(days.dates, days.returns)
    rows = []
    for year in sorted({year for year, _ in found}):
        values = [found.get((year, month)) for month in range(1, 13)]
        whole = 1.0
        for value in values:
            whole *= 1.0 + (value or 0.0)
        rows.append({"year": year, "months": values, "total": whole - 1.0})
    return rows


def drawdowns_of(days: Days) -> list[dict[str, Any]]:
    """The five deepest, with when they began, were deepest and were over."""
    return [
        {
            "depth": depth,
            "from": days.dates[max(peak, 0)].isoformat(),
            "low": days.dates[low].isoformat(),
            "until": days.dates[over].isoformat() if over >= 0 else None,
            "days": (over if over >= 0 else len(days.dates) - 1) - max(peak, 0),
        }
        for peak, low, over, depth in deepest(days.equity, before=days.base)
    ]


def seconds(ts: Ints) -> list[int]:
    found: list[int] = (ts // NS_PER_S).tolist()
    return found


def rounded(values: Floats, places: int = 4) -> list[float]:
    found: list[float] = np.round(values, places).tolist()
    return found
