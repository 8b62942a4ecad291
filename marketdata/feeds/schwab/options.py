"""What one may choose of a Schwab feed."""

from typing import Annotated, Literal

from msgspec import Meta

from marketdata.feeds.streaming.options import StreamOptions


class SchwabOptions(StreamOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`minutes`: where bars of one minute of stocks come from: "vendor" passes on Schwab's own, which come some ten
    seconds after the minute's end; "sampled" builds them at once from level one like every other timeframe.
    `login`: the login that people connected for orders, used where the feed has no secret of its own. `max_symbols`:
    what Schwab allows per service. `minute_days`: how far back its minutes reach. `stream_url` replaces the address
    that Schwab names.
    """

    minutes: Literal["vendor", "sampled"] = "vendor"
    login: str = "main"
    max_symbols: Annotated[int, Meta(ge=1)] = 500
    minute_days: Annotated[int, Meta(ge=1)] = 90  # as people have found: Schwab does not say
    requests_per_minute: Annotated[int, Meta(ge=1)] = 120
    stream_url: str = ""
