"""An invented market: the prints of any symbol in any minute, each a pure function of the seed."""

import zlib
from collections import OrderedDict
from typing import Any, NamedTuple, get_args

import numpy as np

from engine.bars.columns import TickColumns
from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import is_open
from engine.model.time import NS_PER_MINUTE
from marketdata.feeds.synthetic.options import Regime, SyntheticOptions

Array = np.ndarray[Any, Any]
MINUTES = 1_440
_REGIMES: tuple[Regime, ...] = get_args(Regime)
_STAY = 20  # minutes that a regime lasts, on average

# By regime: drift and volatility of a minute in its usual volatility, pull back of the last change, prints.
_DRIFT = np.array([0.3, -0.3, 0.0, 0.0, 0.0])
_VOLATILITY = np.array([1.0, 1.0, 0.8, 2.0, 0.45])
_PULL = np.array([0.0, 0.0, 0.5, 0.0, 0.0])
_ACTIVITY = np.array([1.1, 1.1, 0.9, 1.6, 0.6]) / 1.06

_LEVELS = {  # where a price begins; all others are between 20 and 400
    "SPY": 660.0, "QQQ": 600.0, "SPX": 6_600.0, "/ES": 6_610.0, "/MES": 6_610.0, "/NQ": 24_800.0, "/MNQ": 24_800.0,
    "/RTY": 2_400.0, "/M2K": 2_400.0, "/YM": 46_200.0, "/MYM": 46_200.0, "/GC": 4_080.0, "/MGC": 4_080.0, "/CL": 59.0,
    "/MCL": 59.0, "EUR/USD": 1.15, "GBP/USD": 1.31, "AUD/USD": 0.65, "NZD/USD": 0.57,
}  # fmt: skip


class Minute(NamedTuple):
    """The prints of one minute, oldest first, as columns; each print is at the bid or at the ask."""

    ts: Array
    price: Array
    size: Array
    bid: Array
    ask: Array


class InventedMarket:
    """One symbol. Prices follow a walk through regimes that is tied to a level at each UTC midnight, so that any day
    can be made without the days before it."""

    def __init__(self, symbol: str, options: SyntheticOptions) -> None:
        instrument = instrument_for(symbol)
        self.symbol = symbol
        self.options = options
        self._calendar = instrument.calendar
        self._per_point = float(1 / instrument.tick_size)
        self._number = zlib.crc32(symbol.encode())
        root = symbol if symbol in _LEVELS else symbol[:-3]  # "/ESZ26" is at the level of "/ES"
        self._base = _LEVELS.get(root, 20.0 + self._number % 380)
        self._days: OrderedDict[int, tuple[Array, Array]] = OrderedDict()
        self._present: OrderedDict[int, Minute] = OrderedDict()

    def minute(self, number: int) -> Minute:
        """The prints of UTC minute `number` since the epoch; none where the exchange is closed and the market is not
        `always_open`."""
        if number not in self._present:
            self._present[number] = self._make_minute(number)
            if len(self._present) > 2:  # the one that is played, and the next
                self._present.popitem(last=False)
        return self._present[number]

    def _make_minute(self, number: int) -> Minute:
        options = self.options
        prices, regimes = self._day(number // MINUTES)
        row = number % MINUTES
        rng = np.random.default_rng([options.seed, self._number, 2, number])
        count = int(rng.poisson(options.tick_rate * 60.0 * _ACTIVITY[regimes[row]]))
        if not options.always_open and not is_open(self._calendar, number * NS_PER_MINUTE):
            count = 0
        ts = number * NS_PER_MINUTE + np.sort(rng.integers(0, NS_PER_MINUTE, count))
        middle = _bridge(rng, prices[row], prices[row + 1], count) * self._per_point
        is_buy = rng.random(count) < 0.5
        bid = np.maximum(np.rint(middle), 1.0)
        ask = bid + 1.0
        price = np.where(is_buy, ask, bid)
        size = rng.geometric(0.3, count).astype(np.float64)
        return Minute(ts, price / self._per_point, size, bid / self._per_point, ask / self._per_point)

    def columns(self, *, start: int, end: int) -> TickColumns:
        """The prints with start ≤ ts < end."""
        minutes = [self.minute(each) for each in range(start // NS_PER_MINUTE, -(-end // NS_PER_MINUTE))]
        joined = Minute(*(np.concatenate(each) for each in zip(*minutes, strict=True))) if minutes else _NOTHING
        first, last = np.searchsorted(joined.ts, (start, end)).tolist()
        ts, price, size, bid, ask = (each[first:last] for each in joined)
        return TickColumns(self.symbol, ts, price, size, bid=bid, ask=ask)

    def _day(self, day: int) -> tuple[Array, Array]:
        """Prices at the 1,441 marks of UTC day `day`, and each minute's regime."""
        if day not in self._days:
            self._days[day] = self._make_day(day)
            if len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day]

    def _make_day(self, day: int) -> tuple[Array, Array]:
        rng = np.random.default_rng([self.options.seed, self._number, 1, day])
        regimes = self._regimes(rng)
        noise = rng.standard_normal(MINUTES)
        pulled = noise - _PULL[regimes] * np.concatenate(([0.0], noise[:-1]))
        scale = self.options.volatility / np.sqrt(MINUTES)
        walk = np.concatenate(([0.0], np.cumsum((_DRIFT[regimes] + _VOLATILITY[regimes] * pulled) * scale)))
        if self.options.regime == "mixed":
            start, end = self._level(day), self._level(day + 1)
            walk += start + np.linspace(0.0, 1.0, MINUTES + 1) * (end - start - walk[-1])
        else:
            walk -= walk[0]  # each day anew from the level: one direction for months would leave every scale
        return self._base * np.exp(walk), regimes

    def _level(self, day: int) -> float:
        """The logarithm of the midnight's price against the base."""
        rng = np.random.default_rng([self.options.seed, self._number, 0, day])
        return float(self.options.volatility * 1.5 * rng.standard_normal())

    def _regimes(self, rng: np.random.Generator) -> Array:
        if self.options.regime != "mixed":
            return np.full(MINUTES, _REGIMES.index(self.options.regime))
        drawn = rng.integers(0, len(_REGIMES), MINUTES)
        changes = rng.random(MINUTES) < 1.0 / _STAY
        changes[0] = True
        begun = np.maximum.accumulate(np.where(changes, np.arange(MINUTES), 0))
        return np.asarray(drawn[begun])


_NOTHING = Minute(np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in range(4)))


def _bridge(rng: np.random.Generator, first: float, last: float, count: int) -> Array:
    """A walk from `first` to `last` that strays about as far as they are apart."""
    progress = (np.arange(count) + 1.0) / max(count, 1)
    steps = np.cumsum(rng.standard_normal(count)) / max(np.sqrt(count), 1.0)
    tied = steps - progress * (steps[-1] if count else 0.0)
    return np.asarray(first + (last - first) * progress + tied * abs(last - first))
