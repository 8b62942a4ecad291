"""What was traded: groups, distribution, excursions, costs, and the trades on the price."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
import numpy as np

from backtest.report.equity import rounded, seconds
from backtest.report.material import Floats, Material
from backtest.report.thin import folded
from backtest.report.words import local
from backtest.simulation.driver import money, trade_document
from engine.analytics.trades import TradeFigures, column, figures, grouped
from engine.model.numbers import finite
from engine.model.positions import TradeClosed
from engine.model.time import NS_PER_S

CANDLES = 4_000
SYMBOLS = 12
MARKED = 2_000  # trades of one symbol on its chart
BARS_PER_TRADE = 8  # candles that a trade needs to be seen
DOTS = 1_200
BINS = 31
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Key = Callable[[TradeClosed], Hashable]
GROUPS: dict[str, Key] = {
    "strategy": lambda trade: trade.strategy,
    "symbol": lambda trade: trade.symbol,
    "side": lambda trade: trade.side.value,
    "entry_reason": lambda trade: trade.entry_reason,
    "exit_reason": lambda trade: trade.exit_reason,
    "hour": lambda trade: local(trade.entry_ts).hour,
    "weekday": lambda trade: local(trade.entry_ts).weekday(),
}
_TOLD = ("trades", "wins", "losses", "net_pnl", "fees", "win_rate", "profit_factor", "expectancy", "captured")


def groups_of(trades: Sequence[TradeClosed]) -> dict[str, list[dict[str, Any]]]:
    """Figures by each of `GROUPS`; hours and weekdays are New York's, of the entry."""
    return {
        name: [{"name": label(name, key), **_told(found)} for key, found in grouped(trades, by)]
        for name, by in GROUPS.items()
    }


def label(name: str, key: Any) -> str:
    """The key of a group as people read it."""
    if name == "weekday":
        return WEEKDAYS[key]
    return f"{key:02d}:00" if name == "hour" else str(key) or "(none)"


def _told(found: TradeFigures) -> dict[str, Any]:
    return {name: plain(getattr(found, name)) for name in _TOLD}


def figures_of(trades: Sequence[TradeClosed]) -> dict[str, Any]:
    """All figures of all trades."""
    return {name: plain(value) for name, value in msgspec.structs.asdict(figures(trades)).items()}


def distribution_of(values: Floats) -> dict[str, Any]:
    """A histogram: edges and counts. What lies beyond the outer half percents is in the outer bins; of nothing it is
    empty."""
    if not len(values):
        return {"edges": [], "counts": []}
    low, high = (float(each) for each in np.percentile(values, [0.5, 99.5]))
    if not high > low:
        low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
    bins = min(BINS, max(5, len(values)))
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    return {"edges": rounded(edges, 8), "counts": counts.tolist()}


def pnl_of(trades: Sequence[TradeClosed]) -> Floats:
    return column(trades, lambda trade: trade.pnl)


def excursions_of(trades: Sequence[TradeClosed]) -> list[list[float]]:
    """[worst open loss, best open profit, net P&L] of each trade, of many every n-th."""
    step = -(-len(trades) // DOTS) or 1
    return [[float(trade.mae), float(trade.mfe), float(trade.pnl)] for trade in trades[::step]]


def exit_quality_of(trades: Sequence[TradeClosed]) -> list[dict[str, Any]]:
    """By exit reason: how much of the best open profit was kept, and how far a loss went before the exit."""
    return [
        {
            "name": str(reason) or "(none)",
            "trades": found.trades,
            "captured": plain(found.captured),
            "mean_mfe": plain(found.mean_mfe),
            "mean_mae": plain(found.mean_mae),
            "expectancy": plain(found.expectancy),
            "mean_hold_s": plain(found.mean_hold_s),
        }
        for reason, found in grouped(trades, lambda trade: trade.exit_reason)
    ]


def costs_of(material: Material) -> dict[str, Any]:
    """Fees and slippage that were paid. Slippage is the fill against the last price when the order was sent, in cash,
    positive when it cost us; it holds the way from a decision to the next open, too."""
    fees = slippage = turnover = 0.0
    for fill in material.fills:
        size = float(fill.quantity * material.instruments[fill.symbol].multiplier)
        fees += float(fill.fee)
        turnover += size * float(fill.price)
        if fill.reference_price == fill.reference_price:
            slippage += fill.side.sign * (float(fill.price) - fill.reference_price) * size
    return {
        "fees": fees,
        "slippage": slippage,
        "turnover": turnover,
        "fees_of_turnover": fees / turnover if turnover else None,
        "slippage_of_turnover": slippage / turnover if turnover else None,
        "fills": len(material.fills),
    }


def prices_of(material: Material) -> list[dict[str, Any]]:
    """Per symbol its candles (folded where there are many) and the trades on them; of many symbols those that traded
    most."""
    found = []
    counts = Counter(trade.symbol for trade in material.trades)
    chosen = sorted(material.curve.symbols, key=lambda symbol: -counts[symbol])[:SYMBOLS]
    for symbol in sorted(chosen, key=list(material.curve.symbols).index):
        curve = material.curve.symbols[symbol]
        prices = (curve.open, curve.high, curve.low, curve.close)
        trades = [trade for trade in material.trades if trade.symbol == symbol]
        first = _first_shown(len(curve), len(trades))
        ts, (opened, high, low, close), size = folded(curve.ts[first:], tuple(each[first:] for each in prices), CANDLES)
        marked = [trade for trade in trades if len(ts) and trade.exit_ts >= ts[0]][-MARKED:]
        found.append(
            {
                "symbol": symbol,
                "timeframe": curve.timeframe,
                "bars": len(curve),
                "bars_in_candle": size,
                "decimals": max(-int(material.instruments[symbol].tick_size.normalize().as_tuple().exponent), 0),
                "time": seconds(ts),
                "open": rounded(opened, 6),
                "high": rounded(high, 6),
                "low": rounded(low, 6),
                "close": rounded(close, 6),
                "skipped": first,
                "trades": [_mark(trade) for trade in marked],
                "left_out": len(trades) - len(marked),
            }
        )
    return found


def _first_shown(bars: int, trades: int) -> int:
    """Where the chart begins: with few trades the whole time, folded; with many the last bars as they are, because a
    candle that holds several trades shows none."""
    return max(bars - CANDLES, 0) if trades * BARS_PER_TRADE > CANDLES else 0


def _mark(trade: TradeClosed) -> dict[str, Any]:
    return {
        "side": trade.side.value,
        "quantity": money(trade.quantity),
        "entry": trade.entry_ts // NS_PER_S,
        "entry_price": float(trade.entry_price),
        "exit": trade.exit_ts // NS_PER_S,
        "exit_price": float(trade.exit_price),
        "pnl": float(trade.pnl),
        "why": trade.exit_reason,
    }


def trades_of(material: Material) -> list[dict[str, Any]]:
    """Every trade, as in the JSON of a run, with its excursions and how long it was held."""
    return [
        {
            **trade_document(trade),
            "mae": money(trade.mae),
            "mfe": money(trade.mfe),
            "hold_s": (trade.exit_ts - trade.entry_ts) / NS_PER_S,
        }
        for trade in material.trades
    ]


def plain(value: Any) -> Any:
    """None for what is not finite."""
    return finite(value) if isinstance(value, float) else value
