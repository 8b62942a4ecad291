"""How orders of a book without real accounts are filled, as people set it."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from engine.instruments.instrument import Instrument
from engine.venue.choices import FEES, SLIPPAGE, parse_fees, parse_fill, parse_slippage
from engine.venue.matching import SimulatedVenue


class SimulatedFills(Struct, frozen=True):
    """The venue that a book's orders meet, in the words of `./run replay`."""

    fill: Annotated[str, Meta(description="touch: buys pay the ask, sales get the bid; last: the last print")] = "touch"
    slippage: Annotated[str, Meta(description=f"what market orders pay on top: {SLIPPAGE}")] = "none"
    fees: Annotated[str, Meta(description=FEES)] = "none"

    def venue(self, instruments: Mapping[str, Instrument]) -> SimulatedVenue:
        """A venue that fills so; `InvalidInput` names a word that is none."""
        return SimulatedVenue(
            instruments=instruments,
            fill=parse_fill(self.fill),
            slippage=parse_slippage(self.slippage),
            fees=parse_fees(self.fees),
        )
