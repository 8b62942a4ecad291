"""What one may choose of a synthetic feed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Regime = Literal["trend_up", "trend_down", "range", "volatile", "quiet"]


class SyntheticOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seed`: the same gives the same prints, at the same market times. `tick_rate`: mean prints a market second and
    symbol. `speed`: market seconds per second. `start`: the market time to begin at, ISO 8601 with a zone; empty: now.
    `regime`: one kind of market all the time, or several in turn. `volatility`: standard deviation of a day's change.
    `symbols`: those that exist; empty: any. `history_hours`: how far back there is history.
    """

    seed: Annotated[int, Meta(ge=0)] = 1
    tick_rate: Annotated[float, Meta(gt=0, le=2_000)] = 4.0
    speed: Annotated[float, Meta(gt=0, le=1_000)] = 1.0
    start: str = ""
    regime: Literal["mixed"] | Regime = "mixed"
    volatility: Annotated[float, Meta(gt=0, le=1)] = 0.012
    symbols: tuple[str, ...] = ()
    always_open: bool = True
    quotes: bool = True
    history_hours: Annotated[float, Meta(ge=0, le=720)] = 72.0
