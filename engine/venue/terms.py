"""What an execution in a simulated venue costs, and how much of an order an event fills."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.instruments.instrument import Instrument
from engine.venue.crossing import Match
from engine.venue.fees import Fees, NoFees
from engine.venue.fills import Touch
from engine.venue.slippage import NoSlippage, Slippage
from engine.venue.working import WorkingOrder, side_price

ZERO = Decimal(0)


class Terms:
    """Slippage, fees, and the share of an event's volume that one order may take (None: all it wants)."""

    def __init__(
        self, *, slippage: Slippage | None, fees: Fees | Mapping[str, Fees] | None, participation: float | None
    ) -> None:
        self._slippage = slippage or NoSlippage()
        self._fees: Fees | Mapping[str, Fees] = fees or NoFees()
        self._participation = participation
        # What a plain venue need not ask for at every order.
        self._slips = not isinstance(self._slippage, NoSlippage)
        self._charges = not isinstance(self._fees, NoFees)

    def quantity(self, working: WorkingOrder, instrument: Instrument, volume: float) -> Decimal:
        """How much of what is left of the order an event of `volume` fills."""
        if self._participation is None or not volume > 0:
            return working.remaining
        step = instrument.quantity_step
        return min(working.remaining, int(volume * self._participation / float(step)) * step)

    def price(
        self, match: Match, instrument: Instrument, touch: Touch | None, *, quantity: Decimal, volume: float
    ) -> Decimal:
        """The price of the match with its slippage, on the grid. Without a `touch` that price is all that is known."""
        side = match.working.order.side
        price = match.price
        if match.takes and self._slips:
            price = side_price(
                side,
                price,
                self._slippage.distance(
                    instrument=instrument, quantity=float(quantity), volume=volume, touch=touch or Touch(price)
                ),
            )
        return instrument.price(price, rounding=ROUND_CEILING if side.sign > 0 else ROUND_FLOOR)

    def fee(self, instrument: Instrument, working: WorkingOrder, *, quantity: Decimal, price: Decimal) -> Decimal:
        """What the account is charged for filling `quantity`."""
        if not self._charges:
            return ZERO
        fees = self._fees
        if isinstance(fees, Mapping):
            fees = fees.get(working.order.broker) or NoFees()
        return fees.fee(
            instrument=instrument, order=working.order, quantity=quantity, price=price, before=working.filled
        )
