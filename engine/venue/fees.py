"""What a fill costs: commissions and fees, as venues, exchanges and regulators charge them.

The amounts are the published schedules as far as they were known in November 2026; each is a parameter, because they
change. Exchange fees of futures and index options differ by product and are part of what the trader configures.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from engine.instruments.instrument import AssetClass, Instrument
from engine.model.enums import OrderIntent, Side
from engine.model.orders import Order

ZERO = Decimal(0)
CENT = Decimal("0.01")
MICROS = frozenset({"/MES", "/MNQ", "/M2K", "/MYM", "/MGC", "/MCL"})


class Fees(Protocol):
    """Cash charged for one fill, ≥ 0. `before` is what the same order filled earlier, for minimums and caps."""

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal: ...


class NoFees:
    """Nothing."""

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        return ZERO


class PerUnitFees:
    """A fixed amount per share or contract, with a minimum and, as a share of the traded value, a maximum per order."""

    def __init__(self, per_unit: Decimal, *, minimum: Decimal = ZERO, max_rate: Decimal | None = None) -> None:
        self.per_unit, self.minimum, self.max_rate = per_unit, minimum, max_rate

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        total = self._total(instrument, before + quantity, price)
        return max(total - self._total(instrument, before, price), ZERO) if before else total

    def _total(self, instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
        charged = max(quantity * self.per_unit, self.minimum)
        if self.max_rate is None:
            return charged
        return min(charged, instrument.notional(price=price, quantity=quantity) * self.max_rate)


class ProportionalFees:
    """A fraction of the traded value, with a minimum per order."""

    def __init__(self, rate: Decimal, *, minimum: Decimal = ZERO) -> None:
        self.rate, self.minimum = rate, minimum

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        def total(filled: Decimal) -> Decimal:
            return max(instrument.notional(price=price, quantity=filled) * self.rate, self.minimum)

        return total(before + quantity) - (total(before) if before else ZERO)


class TieredFees:
    """Per unit by how much the account traded in the month so far: (up to, per unit) steps, the last without end.

    `traded` is the month's volume when the run began; the run adds its own.
    """

    def __init__(
        self,
        tiers: tuple[tuple[Decimal | None, Decimal], ...],
        *,
        minimum: Decimal = ZERO,
        max_rate: Decimal | None = None,
        traded: Decimal = ZERO,
    ) -> None:
        self.tiers, self.minimum, self.max_rate, self.traded = tiers, minimum, max_rate, traded

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        left, at, charged = quantity, self.traded, ZERO
        for limit, per_unit in self.tiers:
            part = left if limit is None else min(left, max(limit - at, ZERO))
            charged += part * per_unit
            left, at = left - part, at + part
        self.traded += quantity
        if not before:
            charged = max(charged, self.minimum)
        if self.max_rate is not None:
            charged = min(charged, instrument.notional(price=price, quantity=quantity) * self.max_rate)
        return charged


class RegulatoryFees:
    """What sellers of shares pay: the SEC's share of the value and FINRA's TAF per share, up to the next cent each."""

    def __init__(
        self, *, sec_rate: Decimal = ZERO, taf: Decimal = Decimal("0.000166"), taf_cap: Decimal = Decimal("8.30")
    ) -> None:
        self.sec_rate, self.taf, self.taf_cap = sec_rate, taf, taf_cap

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        if order.side is Side.BUY or instrument.asset_class is not AssetClass.EQUITY:
            return ZERO
        sec = (instrument.notional(price=price, quantity=quantity) * self.sec_rate).quantize(CENT, ROUND_CEILING)
        return sec + min((quantity * self.taf).quantize(CENT, ROUND_CEILING), self.taf_cap)


class ByAssetClass:
    """One schedule per class of instrument; what is not named is free."""

    def __init__(self, schedules: dict[AssetClass, Fees]) -> None:
        self.schedules = schedules

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        found = self.schedules.get(instrument.asset_class)
        if found is None:
            return ZERO
        return found.fee(instrument=instrument, order=order, quantity=quantity, price=price, before=before)


class TotalFees:
    """Several schedules added up."""

    def __init__(self, *parts: Fees) -> None:
        self.parts = parts

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        return sum(
            (
                p.fee(instrument=instrument, order=order, quantity=quantity, price=price, before=before)
                for p in self.parts
            ),
            ZERO,
        )


class FuturesFees:
    """Per contract and side, less for micros, plus the exchange's own."""

    def __init__(self, per_contract: Decimal, *, per_micro: Decimal, exchange: Decimal = ZERO) -> None:
        self.per_contract, self.per_micro, self.exchange = per_contract, per_micro, exchange

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        is_micro = any(instrument.symbol.startswith(root) for root in MICROS)
        return quantity * ((self.per_micro if is_micro else self.per_contract) + self.exchange)


class OpeningFees:
    """Options that cost to open and nothing to close, with a cap per order."""

    def __init__(self, per_contract: Decimal, *, cap: Decimal, clearing: Decimal = ZERO) -> None:
        self.per_contract, self.cap, self.clearing = per_contract, cap, clearing

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        clearing = quantity * self.clearing
        if order.intent is not OrderIntent.ENTRY:
            return clearing
        earlier = min(before * self.per_contract, self.cap)
        return clearing + min((before + quantity) * self.per_contract, self.cap) - earlier


def schwab() -> Fees:
    """Shares free but for regulatory fees, options 0.65, futures 2.25 a contract (simulated: Schwab's interface does
    not trade them)."""
    return ByAssetClass(
        {
            AssetClass.EQUITY: RegulatoryFees(),
            AssetClass.OPTION: PerUnitFees(Decimal("0.65")),
            AssetClass.FUTURE: FuturesFees(Decimal("2.25"), per_micro=Decimal("2.25")),
        }
    )


def tastytrade(*, exchange: Decimal = ZERO) -> Fees:
    """Shares free but for regulatory fees, options 1.00 to open (10 a leg at most) and 0.10 of clearing, futures 1.25 a
    contract and side, micros 0.85; `exchange` is what CME and NFA add per contract."""
    return ByAssetClass(
        {
            AssetClass.EQUITY: RegulatoryFees(),
            AssetClass.OPTION: OpeningFees(Decimal("1.00"), cap=Decimal("10.00"), clearing=Decimal("0.10")),
            AssetClass.FUTURE: FuturesFees(Decimal("1.25"), per_micro=Decimal("0.85"), exchange=exchange),
        }
    )


def alpaca() -> Fees:
    """No commission; regulatory fees on sales."""
    return ByAssetClass({AssetClass.EQUITY: RegulatoryFees()})


def ibkr_tiered(*, traded: Decimal = ZERO, exchange: Decimal = ZERO) -> Fees:
    """Shares 0.0035 to 0.0005 by the month's volume (0.35 at least, 1 % at most), options 0.65 (1.00 at least),
    futures 0.85 and micros 0.25 with the exchange's fee on top, currency pairs 0.2 of a ten-thousandth of the value
    (2.00 at least)."""
    steps = ((300_000, "0.0035"), (3_000_000, "0.0020"), (20_000_000, "0.0015"), (100_000_000, "0.0010"))
    tiers = (*((Decimal(limit), Decimal(rate)) for limit, rate in steps), (None, Decimal("0.0005")))
    shares = TieredFees(tiers, minimum=Decimal("0.35"), max_rate=Decimal("0.01"), traded=traded)
    return ByAssetClass(
        {
            AssetClass.EQUITY: TotalFees(shares, RegulatoryFees()),
            AssetClass.OPTION: PerUnitFees(Decimal("0.65"), minimum=Decimal("1.00")),
            AssetClass.FUTURE: FuturesFees(Decimal("0.85"), per_micro=Decimal("0.25"), exchange=exchange),
            AssetClass.FOREX: ProportionalFees(Decimal("0.00002"), minimum=Decimal("2.00")),
        }
    )


def ibkr_fixed() -> Fees:
    """Shares 0.005 (1.00 at least, 1 % at most); the rest as tiered."""
    tiered = ibkr_tiered()
    fixed = PerUnitFees(Decimal("0.005"), minimum=Decimal("1.00"), max_rate=Decimal("0.01"))
    if not isinstance(tiered, ByAssetClass):
        return fixed
    return ByAssetClass({**tiered.schedules, AssetClass.EQUITY: TotalFees(fixed, RegulatoryFees())})
