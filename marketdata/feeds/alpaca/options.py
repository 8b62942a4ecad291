"""What one may choose of an Alpaca feed."""

from typing import Annotated, Literal

from msgspec import Meta

from marketdata.feeds.streaming.options import StreamOptions


class AlpacaOptions(StreamOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`feed`: IEX is one exchange and free, SIP the consolidated tape. `prints`: from "trades", or none at all and the
    venue's own minute bars instead, for more symbols than a plan gives trades of. `data_url`: where history comes
    from, `stream_url` where the stream does, if not from Alpaca itself. `busy_wait_s`: how long to wait when the
    account's one connection is taken, as it is for a while after a crash. `priced`: the prints that may set a
    bar's prices, as the consolidated tape has it (no odd lots, no average prices, …), or all; the others count in
    volume and number.
    """

    feed: Literal["iex", "sip", "delayed_sip", "test"] = "iex"
    prints: Literal["trades", "minute_bars"] = "trades"
    priced: Literal["tape", "all"] = "tape"
    quotes: bool = True
    statuses: bool = True
    codec: Literal["msgpack", "json"] = "msgpack"
    adjustment: Literal["raw", "split", "all"] = "raw"
    data_url: str = "https://data.alpaca.markets"
    stream_url: str = "wss://stream.data.alpaca.markets"
    busy_wait_s: Annotated[float, Meta(gt=0)] = 5.0
    requests_per_minute: Annotated[int, Meta(ge=1)] = 200
    batch: Annotated[int, Meta(ge=1)] = 200  # symbols of one subscription message

    def channels(self) -> list[str]:
        """What is subscribed for each symbol; corrections and cancellations come with trades."""
        checked = ["trades", "bars"] if self.check_minutes else ["trades"]
        prints = checked if self.prints == "trades" else ["bars", "updatedBars"]
        return prints + ["quotes"] * self.quotes + ["statuses"] * self.statuses
