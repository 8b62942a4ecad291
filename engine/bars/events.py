"""What leaves the aggregation: the events made of a finished and of a forming bar."""

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


def partial_of(lane: Lane, bar: BarBuilder, last: Tick, *, symbol: str, ts_recv: int, seq: int) -> PartialBar:
    """The bar that is forming, as of the last print; the range since is the price itself where no priced print came."""
    prices = bar.prices
    high, low = lane.state.high_since, lane.state.low_since
    if high < low:
        high = low = prices.close
    return PartialBar(
        ts=last.ts,
        symbol=symbol,
        timeframe=lane.text,
        ts_open=bar.ts_open,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        volume=bar.volume,
        trade_count=bar.trade_count,
        high_since=high,
        low_since=low,
        fill=lane.aggregator.fill(bar, last.ts),
        bid=last.bid,
        ask=last.ask,
        ts_recv=ts_recv,
        seq=seq,
    )
