"""What an account can carry: buying power, checked before an order is taken."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from engine.instruments.instrument import AssetClass, Instrument
from engine.model.orders import Order

ZERO = Decimal(0)


def cannot_pay(cost: Decimal, left: Decimal, of: str = "") -> str:
    """Why an order is not taken, in a sentence; `of` says what its cost is where that is not its price."""
    return f"not enough buying power: it costs about {cost:.2f}{of}, and {left:.2f} is left."


class MarginRates(msgspec.Struct, frozen=True):
    """Initial margin: a share of the value for shares and currency pairs, cash per contract for futures (or a share of
    the notional for those that are not listed). Bought options are paid in full; written ones need `short_option` of
    the notional too."""

    share: Decimal = Decimal("0.5")
    per_contract: dict[str, Decimal] = {}
    future: Decimal = Decimal("0.06")
    short_option: Decimal = Decimal(1)
    forex: Decimal = Decimal("0.05")


class MarginAccount:
    """Cash and positions of one broker account, moved by its fills.

    Equity is the cash that flowed plus what is held at the last prices, which is true of futures as well: the notional
    that flowed out comes back in what is held.
    """

    def __init__(self, cash: Decimal, rates: MarginRates | None = None) -> None:
        self.cash = cash
        self.rates = rates or MarginRates()
        self.held: dict[str, Decimal] = {}

    def apply(self, instrument: Instrument, signed: Decimal, price: Decimal, fee: Decimal) -> None:
        """A fill of a signed quantity."""
        self.cash -= signed * price * instrument.multiplier + fee
        self.held[instrument.symbol] = self.held.get(instrument.symbol, ZERO) + signed

    def problem(
        self, order: Order, instruments: Mapping[str, Instrument], price_of: Callable[[str], Decimal | None]
    ) -> str:
        """Why the account cannot carry the order; empty when it can, or when the order makes the position smaller."""
        signed = order.quantity * order.side.sign
        before = self.held.get(order.symbol, ZERO)
        if abs(before + signed) <= abs(before):
            return ""
        price = order.limit_price or order.stop_price or price_of(order.symbol)
        if price is None:
            return ""  # nothing is known yet; the first price will tell
        left = self.left(instruments, lambda symbol: price if symbol == order.symbol else price_of(symbol))
        instrument = instruments[order.symbol]
        cost = self.required(instrument, before + signed, price) - self.required(instrument, before, price)
        return "" if cost <= left else cannot_pay(cost, left, " of margin")

    def left(self, instruments: Mapping[str, Instrument], price_of: Callable[[str], Decimal | None]) -> Decimal:
        """The equity that what is held does not bind."""
        left = self.cash
        for symbol, quantity in self.held.items():
            price = price_of(symbol)
            if quantity and price is not None:
                instrument = instruments[symbol]
                left += quantity * price * instrument.multiplier - self.required(instrument, quantity, price)
        return left

    def required(self, instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
        """Initial margin of a signed position."""
        value = instrument.notional(price=price, quantity=quantity)
        match instrument.asset_class:
            case AssetClass.FUTURE:
                each = self.rates.per_contract.get(instrument.symbol)
                return value * self.rates.future if each is None else abs(quantity) * each
            case AssetClass.OPTION:
                return value if quantity > 0 else value * (1 + self.rates.short_option)
            case AssetClass.FOREX:
                return value * self.rates.forex
            case _:
                return value * self.rates.share
