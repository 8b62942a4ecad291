"""What an invented market has."""

from math import ceil

from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.synthetic.options import SyntheticOptions


def limits(options: SyntheticOptions) -> FeedLimits:
    """Nothing is limited but the past; where the market has a time of its own nobody knows how far that is from now."""
    if options.start:
        return FeedLimits()
    days = ceil(options.history_hours / 24)
    return FeedLimits(history_days=dict.fromkeys(("1s", "ticks", "volume"), days))
