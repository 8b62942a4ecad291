"""What one may choose of any feed over a WebSocket."""

from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`mute_after_s`: no market data for so long while connected, and the line counts as dead; `symbol_mute_after_s`
    the same for one symbol, which is then subscribed again. `check_minutes`: the venue's own
    minutes are subscribed beside the prints, and what they have more is a gap, told `loss_grace_s` later.
    `max_symbols`: what the plan allows; 0: as many as the vendor is known to allow. `speed`: market seconds per second
    of a simulated venue.
    """

    mute_after_s: Seconds = 30.0
    symbol_mute_after_s: Seconds = 120.0
    answer_timeout_s: Seconds = 10.0  # each step of the login
    reconnect_base_s: Seconds = 0.5
    reconnect_cap_s: Seconds = 30.0
    check_minutes: bool = True
    loss_grace_s: Annotated[float, Meta(ge=0)] = 5.0
    max_symbols: Annotated[int, Meta(ge=0)] = 0
    speed: Seconds = 1.0
