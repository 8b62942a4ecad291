"""What Massive allows a feed."""

from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.massive.options import MassiveOptions

_KINDS = ("1s", "ticks", "volume")  # of one second or longer, and what is made of prints


def limits(options: MassiveOptions) -> FeedLimits:
    """A key has one connection to each market; the rest depends on the plan: https://massive.com/pricing"""
    return FeedLimits(
        symbols=options.max_symbols or None,
        connections=1,
        line=options.market,
        symbols_a_message=max(1, options.batch // len(options.channels())),
        requests_per_minute=options.requests_per_minute,
        history_days=dict.fromkeys(_KINDS, options.history_days) if options.history_days else {},
    )
