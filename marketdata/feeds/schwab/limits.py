"""What Schwab allows a feed."""

from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.schwab.options import SchwabOptions

_YEARS = 20  # of days


def limits(options: SchwabOptions) -> FeedLimits:
    """The limit of symbols is counted for stocks, futures and options by themselves: each is a service of its own."""
    return FeedLimits(
        symbols=options.max_symbols,
        symbols_each="service",
        connections=1,
        requests_per_minute=options.requests_per_minute,
        history_days={"1s": 0, "1": options.minute_days, "1d": _YEARS * 365, "ticks": 0, "volume": 0},
    )
