"""What leaves the aggregation: the events made of a finished and of a forming bar."""

from engine.bars.aggregators import INFINITE
from engine.bars.builder import BarBuilder
from engine.bars.lane import Lane
from engine.model.market import Bar, PartialBar, Tick


def bar_of(
    built: BarBuilder, *, ts: int, symbol: str, timeframe: str, source: str, quality: str, ts_recv: int, seq: int
) -> Bar:
    """The bar that ends at `ts`; complete only if begun in time, without a gap, and with a print that makes a price."""
    prices = built.prices
    return Bar(
        ts=ts,
        symbol=symbol,
        timeframe=timeframe,
        ts_open=built.ts_open,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        volume=built.volume,
        trade_count=built.trade_count,
        vwap=built.vwap,
        is_complete=built.is_complete and not built.is_gapped and built.priced.count > 0,
        source=source,
        quality="gapped" if built.is_gapped else quality,
        ts_recv=ts_recv,
        seq=seq,
    )


def partial_of(lane: Lane, bar: BarBuilder, last: Tick, symbol: str, ts_recv: int, seq: int) -> PartialBar:
    """The bar that is forming, as of the last print; the range since is the price itself where no priced print came.
    The lane begins to collect for the next."""
    priced, other, state = bar.priced, bar.other, lane.state
    shown = priced if priced.count else other
    high, low = state.high_since, state.low_since
    if high < low:
        high = low = shown.close
    state.high_since, state.low_since, state.is_touched = -INFINITE, INFINITE, False
    # By position: this is made for every frame, and names cost a third more.
    return PartialBar(
        last.ts, symbol, lane.text, bar.ts_open, shown.open, shown.high, shown.low, shown.close,
        priced.volume + other.volume, priced.count + other.count, high, low, lane.aggregator.fill(bar, last.ts),
        last.bid, last.ask, ts_recv, seq,
    )  # fmt: skip
