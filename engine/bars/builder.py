"""The bar that is forming: it accumulates prints and knows nothing of when it ends."""

import operator
import sys
from functools import reduce

import msgspec

from engine.model.market import NAN

NEVER = 2**63 - 1  # a ts that does not come

if sys.version_info >= (3, 12):  # sum() compensates its rounding there; the columnar path adds one by one

    def add_up(values: list[float], start: float) -> float:
        return reduce(operator.add, values, start)

else:

    def add_up(values: list[float], start: float) -> float:
        """`start` plus every value, strictly from left to right."""
        return sum(values, start)


class Run:
    """Prints since the last fold, waiting to be counted into the bars of all timeframes at once.

    Appending to a list is all that most prints cost; minima, maxima and sums are then made in C, once per run.
    The `other` prints are those whose price does not count (`exclude` of the expander).
    """

    __slots__ = (
        "high", "low", "other_high", "other_low", "other_prices", "other_sizes", "prices", "sizes", "turnovers",
    )  # fmt: skip

    def __init__(self) -> None:
        self.prices: list[float] = []
        self.sizes: list[float] = []
        self.other_prices: list[float] = []
        self.other_sizes: list[float] = []
        self.turnovers: list[float] = []
        self.high = self.low = self.other_high = self.other_low = NAN

    def __bool__(self) -> bool:
        return bool(self.prices or self.other_prices)

    def sum_up(self) -> None:
        """Make what every timeframe needs of the run."""
        if self.prices:
            self.high = max(self.prices)
            self.low = min(self.prices)
            self.turnovers = list(map(operator.mul, self.prices, self.sizes))
        if self.other_prices:
            self.other_high = max(self.other_prices)
            self.other_low = min(self.other_prices)

    def clear(self) -> None:
        # Emptied, never replaced: the hot path holds on to the lists.
        self.prices.clear()
        self.sizes.clear()
        self.other_prices.clear()
        self.other_sizes.clear()


class Ohlc(msgspec.Struct):
    """Four prices and the sums of the prints behind them."""

    open: float = NAN
    high: float = NAN
    low: float = NAN
    close: float = NAN
    volume: float = 0.0
    count: int = 0

    def fold(self, prices: list[float], sizes: list[float], high: float, low: float) -> None:
        if not self.count:
            self.open, self.high, self.low = prices[0], high, low
        else:
            if high > self.high:
                self.high = high
            if low < self.low:
                self.low = low
        self.close = prices[-1]
        self.volume = add_up(sizes, self.volume)
        self.count += len(prices)

    def add(self, price: float, size: float) -> None:
        if not self.count:
            self.open = self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += size
        self.count += 1


class BarBuilder(msgspec.Struct):
    """What a forming bar holds. It encodes as it is, so that it survives a restart.

    `priced` are the prints that make the price; `other` are the excluded ones, which count in volume and number,
    and make the price only of a bar that has no priced print at all (such a bar is never complete).

    `turnover` is the sum of price · size over the priced prints, added print by print in a double from 0.0, and
    vwap = turnover / priced volume: both paths do these operations in this order, so they agree to the last bit.
    """

    ts_open: int = 0
    end: int = NEVER  # the first ts that is no longer in the bar
    is_complete: bool = True
    is_gapped: bool = False
    turnover: float = 0.0
    priced: Ohlc = msgspec.field(default_factory=Ohlc)
    other: Ohlc = msgspec.field(default_factory=Ohlc)
    newest: int = NEVER  # the ts of its newest print, once the bar was given out

    @property
    def volume(self) -> float:
        return self.priced.volume + self.other.volume

    @property
    def trade_count(self) -> int:
        return self.priced.count + self.other.count

    @property
    def vwap(self) -> float:
        """Average of the priced prints by size; nan where they had no size."""
        return self.turnover / self.priced.volume if self.priced.volume else NAN

    @property
    def prices(self) -> Ohlc:
        """Whose prices the bar shows."""
        return self.priced if self.priced.count else self.other

    def fold(self, run: Run) -> None:
        """Count a summed-up run in."""
        if run.prices:
            self.priced.fold(run.prices, run.sizes, run.high, run.low)
            self.turnover = add_up(run.turnovers, self.turnover)
        if run.other_prices:
            self.other.fold(run.other_prices, run.other_sizes, run.other_high, run.other_low)

    def add(self, price: float, size: float, *, is_priced: bool) -> None:
        """Count one print in."""
        if is_priced:
            self.priced.add(price, size)
            self.turnover += price * size
        else:
            self.other.add(price, size)
