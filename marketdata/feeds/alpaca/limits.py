"""What Alpaca allows a feed."""

from marketdata.feeds.alpaca.options import AlpacaOptions
from marketdata.feeds.limits import FeedLimits

_FREE_SYMBOLS = 30  # of trades and quotes; IEX is the feed of the free plan


def limits(options: AlpacaOptions) -> FeedLimits:
    """https://docs.alpaca.markets/docs/about-market-data-api"""
    is_counted = options.prints == "trades" or options.quotes
    known = _FREE_SYMBOLS if options.feed == "iex" and is_counted else None
    return FeedLimits(
        symbols=options.max_symbols or known,
        connections=1,
        line=options.feed,
        symbols_a_message=options.batch,
        requests_per_minute=options.requests_per_minute,
        history_since="2016-01-01",
    )
