"""How much worse than the touch an order that takes liquidity is filled."""

from typing import Protocol

from engine.instruments.instrument import Instrument
from engine.venue.fills import Touch


class Slippage(Protocol):
    """A distance in price, ≥ 0; it always costs."""

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float: ...


class NoSlippage:
    """The touch itself."""

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float:
        return 0.0


class FixedSlippage:
    """A number of ticks, whatever the size."""

    def __init__(self, ticks: float = 1.0) -> None:
        self.ticks = ticks

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float:
        return self.ticks * float(instrument.tick_size)


class SpreadSlippage:
    """A share of the quoted spread; `default_ticks` of spread are assumed where no quote is known."""

    def __init__(self, share: float = 0.5, default_ticks: float = 1.0) -> None:
        self.share, self.default_ticks = share, default_ticks

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float:
        spread = touch.spread
        if spread != spread or spread < 0:
            spread = self.default_ticks * float(instrument.tick_size)
        return self.share * spread


class VolumeShareSlippage:
    """Quadratic in the share of the volume taken: price · impact · min(share, limit)².

    The share of an unknown volume (0 or nan) counts as the limit.
    """

    def __init__(self, impact: float = 0.1, limit: float = 0.025) -> None:
        self.impact, self.limit = impact, limit

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float:
        share = min(quantity / volume, self.limit) if volume > 0 else self.limit
        return touch.last * self.impact * share * share
