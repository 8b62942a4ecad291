"""What one may choose of a DXLink feed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]


class DXLinkOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`prints`: where prints come from; "auto" takes TimeAndSale as soon as the venue sends it. `login`: the
    login of tastytrade accounts whose tokens are used; without one the feed has its own. `url`: a server that needs no
    quote token. `mute_after_s`: no market data for so long while connected, and the line counts as dead;
    `symbol_mute_after_s` the same for one symbol, which is then subscribed again. `volume_check`: hold the prints
    against the day's volume, "sales" where they come as TimeAndSale, "always" also where they come as Trade, which the
    venue may bundle; what is missing after `loss_grace_s` was lost. `max_symbols`: what the login allows; 0: no limit
    is known. `speed`: market seconds per second of a simulated
    venue.
    """

    prints: Literal["auto", "time_and_sale", "trade"] = "auto"
    quotes: bool = True
    profile: bool = True
    greeks: bool = False
    data_format: Literal["COMPACT", "FULL"] = "COMPACT"
    login: str = ""
    url: str = ""
    mute_after_s: Seconds = 20.0
    symbol_mute_after_s: Seconds = 120.0
    keepalive_s: Seconds = 60.0
    answer_timeout_s: Seconds = 10.0  # each step of the handshake
    quote_aggregation_s: Annotated[float, Meta(ge=0)] = 0.1
    volume_check: Literal["sales", "always", "never"] = "sales"
    loss_grace_s: Seconds = 2.0
    token_life_s: Seconds = 23 * 3600.0  # a little less than the venue's 24 h
    reconnect_base_s: Seconds = 0.5
    reconnect_cap_s: Seconds = 30.0
    max_symbols: Annotated[int, Meta(ge=0)] = 0
    speed: Seconds = 1.0

    def kinds(self) -> tuple[list[str], list[str]]:
        """Event types to subscribe: of prints, and of values."""
        prints = ["TimeAndSale"] * (self.prints != "trade") + ["Trade", "TradeETH"] * (self.prints != "time_and_sale")
        values = ["Quote"] * self.quotes + ["Summary", "Profile"] * self.profile + ["Greeks"] * self.greeks
        return prints, values
