"""Parameters that several strategies of this folder share."""

from typing import Annotated, Literal

from msgspec import Meta

from engine.detection.movers import MoverFilter

Side = Literal["both", "long", "short"]
Sides = Annotated[Side, Meta(description="which sides are entered")]
Movers = Annotated[
    MoverFilter,
    Meta(description="the mover that the symbol must be at an entry: any asks for none, both for either kind"),
]
Lookback = Annotated[int, Meta(ge=2, le=1_000)]
VolumeRatio = Annotated[float, Meta(ge=0, le=100, description="volume that confirms, as a multiple of the usual one")]
OpensAt = Annotated[float, Meta(ge=0, lt=1_440, description="minute of New York's day at which it begins; 570 is 9:30")]
ClosesAt = Annotated[
    float, Meta(gt=0, le=1_440, description="minute of New York's day from which on it is flat; 955 is 15:55")
]

LONG_AGO = 1_000_000  # bars
INF = float("inf")
