"""How orders of a book without real accounts are filled, as people set it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from engine.errors import InvalidInput
from engine.instruments.instrument import Instrument
from engine.venue.choices import FEES, SLIPPAGE, parse_fees, parse_fill, parse_slippage
from engine.venue.margin import MarginRates
from engine.venue.matching import SimulatedVenue
from engine.venue.refusal import Refuses


class SimulatedFills(Struct, frozen=True):
    """The venue that a book's orders meet, in the words of `./run replay`."""

    fill: Annotated[str, Meta(description="touch: buys pay the ask, sales get the bid; last: the last print")] = "touch"
    slippage: Annotated[str, Meta(description=f"what market orders pay on top: {SLIPPAGE}")] = "none"
    fees: Annotated[str, Meta(description=FEES)] = "none"

    buying_power: Annotated[
        bool, Meta(description="an entry that the cash stated for its account cannot carry is refused")
    ] = True
    share_leverage: Annotated[
        Decimal, Meta(description="worth of shares that a dollar of equity carries; 1: they are paid in full")
    ] = Decimal(1)
    future_margin: Annotated[
        Decimal, Meta(description="part of its value that a future binds where no margin is given for it: 0.06 is 6 %")
    ] = Decimal("0.06")
    margins: Annotated[dict[str, Decimal], Meta(description="cash that one contract binds, by future")] = {}

    def venue(self, instruments: Mapping[str, Instrument], *, refuses: Refuses | None = None) -> SimulatedVenue:
        """A venue that fills so; `InvalidInput` names a word that is none."""
        return SimulatedVenue(
            instruments=instruments,
            fill=parse_fill(self.fill),
            slippage=parse_slippage(self.slippage),
            fees=parse_fees(self.fees),
            refuses=refuses,
        )

    @property
    def rates(self) -> MarginRates | None:
        """What positions bind of an account's equity; None where nothing is too dear."""
        if self.share_leverage <= 0:
            raise InvalidInput(
                f"share_leverage: more than 0 was expected, found {self.share_leverage}", field="share_leverage"
            )
        if not self.buying_power:
            return None
        return MarginRates(share=1 / self.share_leverage, future=self.future_margin, per_contract=self.margins)
