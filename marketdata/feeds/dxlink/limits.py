"""What a DXLink server allows a feed."""

from marketdata.feeds.dxlink.messages import MAX_BYTES
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.limits import FeedLimits


def limits(options: DXLinkOptions) -> FeedLimits:
    """The server states the size of a message only: it hangs up on a larger one."""
    return FeedLimits(symbols=options.max_symbols or None, message_bytes=MAX_BYTES)
