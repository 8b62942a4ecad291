"""How the positions of one slot are closed: a slot has its own configuration, there is no global fallback."""

from enum import StrEnum
from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class DistanceKind(StrEnum):
    """What a distance is measured in."""

    FRACTION = "fraction"  # of the entry price: 0.02 is two percent
    POINTS = "points"  # of price
    TICKS = "ticks"  # of the instrument's price grid
    ATR = "atr"  # of the average true range at the entry


class Distance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far from the entry price, always positive."""

    value: Positive
    kind: DistanceKind = DistanceKind.FRACTION


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profit target: where, and which share of the position it closes."""

    distance: Distance
    share: Share = 1.0


class BreakEven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Once the price went `after` in favour, the stop moves to the entry price (plus `offset` in favour)."""

    after: Distance
    offset: Distance | None = None


class ExitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exits of one slot; what is None is not used. At least one must be set: "no exits" is None for the whole.

    The shares of `targets` add up to at most 1; what they leave is closed by the other exits.
    """

    stop: Distance | None = None
    trailing: Distance | None = None
    targets: tuple[Target, ...] = ()
    break_even: BreakEven | None = None
    max_hold_s: Positive | None = None
    before_close_s: Annotated[float, msgspec.Meta(ge=0)] | None = None  # flat that long before the session's close
    cut_off: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None  # exchange time, "15:45"
    stale_after_s: Positive | None = None  # no exit is decided on a price older than this
    atr_period: Annotated[int, msgspec.Meta(ge=1, le=500)] = 14

    @property
    def goes_by_time(self) -> bool:
        """Whether any exit is due at a moment rather than at a price."""
        return self.max_hold_s is not None or self.before_close_s is not None or self.cut_off is not None
