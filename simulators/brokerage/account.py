"""An account at a simulated venue: cash, positions, buying power, what it did."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from engine.instruments.instrument import ON_MARGIN, AssetClass, Instrument
from engine.venue.margin import MarginRates
from simulators.brokerage.orders import Execution

ZERO = Decimal(0)
PriceOf = Callable[[str], Decimal | None]

# Cash per share, contract or unit, roughly what a discount broker takes.
_FEES = {
    AssetClass.EQUITY: ZERO,
    AssetClass.FUTURE: Decimal("1.17"),
    AssetClass.OPTION: Decimal("1.13"),
    AssetClass.INDEX: ZERO,
    AssetClass.FOREX: Decimal("0.00002"),
}


def fee_of(instrument: Instrument, quantity: Decimal) -> Decimal:
    return _FEES[instrument.asset_class] * quantity


class Holding(msgspec.Struct):
    """A position. `quantity` is signed; `realized` is the day's, in cash, fees not deducted."""

    instrument: Instrument
    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    realized: Decimal = ZERO
    opened_ts: int = 0
    updated_ts: int = 0

    @property
    def symbol(self) -> str:
        return self.instrument.symbol


class AccountSetup(msgspec.Struct, frozen=True):
    """An account to open with the venue. `is_margin` False: no shorts, everything is paid in full."""

    number: str
    cash: Decimal = Decimal(100_000)
    is_margin: bool = True
    rates: MarginRates = MarginRates()


class Account:
    """One account. What is held on margin moves cash by what it earns, everything else by what it costs."""

    def __init__(self, setup: AccountSetup, *, opened_ts: int) -> None:
        self.number = setup.number
        self.setup = setup
        self.cash = setup.cash
        self.opened_ts = opened_ts
        self.holdings: dict[str, Holding] = {}
        self.executions: list[Execution] = []

    def quantity(self, symbol: str) -> Decimal:
        held = self.holdings.get(symbol)
        return held.quantity if held else ZERO

    def book(self, instrument: Instrument, execution: Execution) -> Holding:
        """Take one execution into cash and position."""
        signed = execution.quantity * execution.side.sign
        held = self.holdings.setdefault(execution.symbol, Holding(instrument, opened_ts=execution.ts))
        earned = _apply(held, signed, execution.price) * instrument.multiplier
        held.realized += earned
        held.updated_ts = execution.ts
        if instrument.asset_class in ON_MARGIN:
            self.cash += earned
        else:
            self.cash -= signed * execution.price * instrument.multiplier
        self.cash -= execution.fee
        self.executions.append(execution)
        return held

    def settle(self, symbol: str, price: Decimal, ts: int) -> Holding | None:
        """An option ended worth `price`: cash for what was held."""
        held = self.holdings.get(symbol)
        if held is None or not held.quantity:
            return None
        self.cash += held.quantity * price * held.instrument.multiplier
        _apply(held, -held.quantity, price)
        held.updated_ts = ts
        return held

    def net_liquidation(self, price_of: PriceOf) -> Decimal:
        return self.cash + sum((_worth(held, price_of) for held in self.holdings.values()), ZERO)

    def requirement(self, price_of: PriceOf) -> Decimal:
        """Initial margin of what is held."""
        return sum((self.margin(h.instrument, h.quantity, _mark(h, price_of)) for h in self.holdings.values()), ZERO)

    def buying_power(self, price_of: PriceOf) -> Decimal:
        """Cash that may still be bound."""
        return self.net_liquidation(price_of) - self.requirement(price_of)

    def margin(self, instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
        """Initial margin of a signed quantity."""
        value, rates = instrument.notional(price=price, quantity=quantity), self.setup.rates
        match instrument.asset_class:
            case AssetClass.FUTURE:
                each = rates.per_contract.get(instrument.symbol)
                return value * rates.future if each is None else abs(quantity) * each
            case AssetClass.OPTION:
                return value if quantity >= 0 else value * (1 + rates.short_option)
            case AssetClass.FOREX:
                return value * rates.forex
            case _:
                return value * rates.share if self.setup.is_margin else value


def _apply(held: Holding, signed: Decimal, price: Decimal) -> Decimal:
    """Move the position; what the closed part earned, in points times units."""
    before, after = held.quantity, held.quantity + signed
    closed = min(abs(before), abs(signed)) if before * signed < 0 else ZERO
    earned = closed * (price - held.average_price) * (1 if before > 0 else -1)
    if after == 0:
        held.average_price = ZERO
    elif before * after <= 0:
        held.average_price = price
    elif abs(after) > abs(before):
        held.average_price = (held.average_price * abs(before) + price * abs(signed)) / abs(after)
    held.quantity = after
    return earned


def _mark(held: Holding, price_of: PriceOf) -> Decimal:
    found = price_of(held.symbol)
    return held.average_price if found is None else found


def _worth(held: Holding, price_of: PriceOf) -> Decimal:
    mark, multiplier = _mark(held, price_of), held.instrument.multiplier
    if held.instrument.asset_class in ON_MARGIN:
        return (mark - held.average_price) * held.quantity * multiplier
    return mark * held.quantity * multiplier
