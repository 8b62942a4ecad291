"""How much one unit of target is: fixed, or worked out from equity, volatility or the strategy's own record."""

from decimal import Decimal
from typing import Annotated

import msgspec

from engine.instruments.instrument import Instrument

Meta = msgspec.Meta
Positive = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(gt=0, le=1)]
ZERO = Decimal(0)


class Basis(msgspec.Struct, frozen=True):
    """What a size may be worked out from, at the moment of the entry. What is not known is nan."""

    unit: Decimal  # the slot's configured quantity at this broker
    equity: float  # cash the strategy may count on
    price: float
    atr: float = float("nan")
    volatility: float = float("nan")  # standard deviation of returns, per bar
    wins: int = 0
    losses: int = 0
    average_win: float = 0.0  # cash
    average_loss: float = 0.0  # cash, > 0


class Sizing(msgspec.Struct, frozen=True, tag=True, tag_field="method"):
    """Base of the methods. `max_quantity` caps every one of them."""

    max_quantity: Annotated[Decimal | None, Meta(description="never more than that")] = None


class FixedSize(Sizing, frozen=True, tag="fixed"):
    """The quantity that the slot configures per broker."""

    def quantity(self, basis: Basis, instrument: Instrument) -> float:
        return float(basis.unit)


class FixedFraction(Sizing, frozen=True, tag="fixed_fraction"):
    """So much of the equity, in notional value."""

    fraction: Annotated[Fraction, Meta(description="share of the equity, 0.1 is a tenth")] = 0.1

    def quantity(self, basis: Basis, instrument: Instrument) -> float:
        return self.fraction * basis.equity / (basis.price * float(instrument.multiplier))


class AtrRisk(Sizing, frozen=True, tag="atr_risk"):
    """So much of the equity is lost when the price goes `atrs` average true ranges against the position."""

    risk: Annotated[Fraction, Meta(description="share of the equity that may be lost, 0.01 is a hundredth")] = 0.01
    atrs: Annotated[Positive, Meta(description="by a move of so many average true ranges")] = 2.0
    period: Annotated[int, Meta(ge=1, le=500, description="bars")] = 14

    def quantity(self, basis: Basis, instrument: Instrument) -> float:
        return self.risk * basis.equity / (self.atrs * basis.atr * float(instrument.multiplier))


class VolatilityTarget(Sizing, frozen=True, tag="volatility_target"):
    """The position's notional times the price's volatility is that share of the equity, both per bar."""

    target: Annotated[Fraction, Meta(description="share of the equity that it moves by a bar")] = 0.001
    period: Annotated[int, Meta(ge=2, le=500, description="bars")] = 20

    def quantity(self, basis: Basis, instrument: Instrument) -> float:
        return self.target * basis.equity / (basis.volatility * basis.price * float(instrument.multiplier))


class KellyCapped(Sizing, frozen=True, tag="kelly"):
    """Kelly's fraction of the equity, p − (1 − p) / (average win / average loss), times `scale`, at most `cap`.

    Until `min_trades` trades are known, and when the record has no edge, the size is `floor` of the equity.
    """

    scale: Annotated[Fraction, Meta(description="share of Kelly's fraction")] = 0.5
    cap: Annotated[Fraction, Meta(description="at most this share of the equity")] = 0.2
    floor: Annotated[float, Meta(ge=0, le=1, description="share while nothing is known")] = 0.0
    min_trades: Annotated[int, Meta(ge=1, description="trades until something is known")] = 30

    def fraction(self, basis: Basis) -> float:
        trades = basis.wins + basis.losses
        if trades < self.min_trades or not basis.average_loss or not basis.average_win:
            return self.floor
        p = basis.wins / trades
        kelly = p - (1 - p) * basis.average_loss / basis.average_win
        return min(max(self.scale * kelly, self.floor), self.cap)

    def quantity(self, basis: Basis, instrument: Instrument) -> float:
        return self.fraction(basis) * basis.equity / (basis.price * float(instrument.multiplier))


AnySizing = FixedSize | FixedFraction | AtrRisk | VolatilityTarget | KellyCapped


def size(sizing: AnySizing, basis: Basis, instrument: Instrument) -> Decimal:
    """The quantity on the instrument's size grid, rounded down; 0 where what the method needs is not known.

    A slot that trades nothing at a broker (unit 0) trades nothing there by any method.
    """
    if not basis.unit:
        return ZERO
    if isinstance(sizing, FixedSize):
        wanted = basis.unit
    else:
        raw = sizing.quantity(basis, instrument)
        if not 0 < raw < float("inf"):
            return ZERO
        wanted = int(raw / float(instrument.quantity_step) + 1e-9) * instrument.quantity_step
    if sizing.max_quantity is not None:
        wanted = min(wanted, sizing.max_quantity)
    return instrument.quantity(wanted)


def sizing_specs(sizing: AnySizing | None) -> tuple[str, ...]:
    """Indicators that the method needs on the slot's own timeframe."""
    if isinstance(sizing, AtrRisk):
        return (f"atr({sizing.period})",)
    if isinstance(sizing, VolatilityTarget):
        return (f"stdev(roc(close,1),{sizing.period})",)
    return ()
