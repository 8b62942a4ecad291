"""What one may choose of a Massive feed."""

from typing import Annotated, Literal

from msgspec import Meta

from marketdata.feeds.streaming.options import StreamOptions


class MassiveOptions(StreamOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`market`: one connection serves one. `prints`: from "trades", or none at all and the venue's own bars of minutes
    or seconds instead. `stream_url`: real time, or "wss://delayed.massive.com" for plans that are 15 minutes behind;
    the old name's addresses work as well. `busy_wait_s`: how long to wait when another connection took our place.
    `history_days`: how far back the plan's history goes, 0: as far as there is any; the free plan has 730. `priced`:
    the prints that may set a bar's prices, as the consolidated tape has it (no odd lots, no average prices,
    …), or all; the others count in volume and number.
    """

    market: Literal["stocks", "options", "indices", "futures"] = "stocks"
    prints: Literal["trades", "minute_bars", "second_bars"] = "trades"
    priced: Literal["tape", "all"] = "tape"
    quotes: bool = True
    is_adjusted: bool = False  # history: splits applied by the vendor; we apply them when reading
    data_url: str = "https://api.massive.com"
    stream_url: str = "wss://socket.massive.com"
    busy_wait_s: Annotated[float, Meta(gt=0)] = 15.0
    requests_per_minute: Annotated[int, Meta(ge=1)] = 300  # the free plan has 5
    batch: Annotated[int, Meta(ge=1)] = 300  # subscriptions of one message
    history_days: Annotated[int, Meta(ge=0)] = 0

    def channels(self) -> list[str]:
        """What is subscribed for each symbol. An index has values and no quotes."""
        own = {"trades": "V" if self.market == "indices" else "T", "minute_bars": "AM", "second_bars": "A"}
        has_sizes = self.market != "indices"
        checked = ["AM"] * (self.check_minutes and self.prints == "trades" and has_sizes)
        return [own[self.prints], *checked, *["Q"] * (self.quotes and has_sizes)]
