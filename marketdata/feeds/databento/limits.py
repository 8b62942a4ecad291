"""What Databento allows a feed."""

from marketdata.feeds.databento.options import DatabentoOptions
from marketdata.feeds.limits import FeedLimits

SYMBOLS_A_LINE = 500
_BEGINNINGS = {"GLBX.MDP3": "2010-06-06", "XNAS.ITCH": "2018-05-01", "OPRA.PILLAR": "2013-04-01"}


def limits(options: DatabentoOptions) -> FeedLimits:
    """https://databento.com/docs/api-reference-live and -historical, "limits". Requests: those for metadata, which
    stand before each one for data."""
    return FeedLimits(
        symbols=options.max_symbols or None,
        connections=10,
        line=options.dataset,
        symbols_a_message=SYMBOLS_A_LINE,
        requests_per_minute=options.requests_per_minute,
        history_since=_BEGINNINGS.get(options.dataset, ""),
    )
