"""A symbol's price path minute by minute: seeded, regime-switching, and the same wherever one starts to look."""

from collections import OrderedDict
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.listing import Listing, stable_hash
from simulators.sessions import MINUTES_PER_DAY, Mask, Sessions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MEMORY_DAYS = 200
_PERSISTENCE = 0.985  # of a day's move: the level reverts to its base within months, so it never runs away
_REGIME_MINUTES = 2
_STAY = 0.9  # of a regime per step: 20 minutes on average


class Regime(IntEnum):
    """What kind of market it is just now."""

    TREND_UP = 0
    TREND_DOWN = 1
    RANGE = 2
    VOLATILE = 3
    QUIET = 4


# One row a regime: drift in minute volatilities, volatility, pull back of the last step, prints.
_DRIFT = np.array([0.35, -0.35, 0.0, 0.0, 0.0])
_VOLATILITY = np.array([1.0, 1.0, 0.8, 2.0, 0.45])
_PULLBACK = np.array([0.0, 0.0, 0.5, 0.0, 0.0])
_ACTIVITY = np.array([1.1, 1.1, 0.9, 1.6, 0.6]) / 1.06  # 1 on average, so that a tick rate is what it says


class DayPath(NamedTuple):
    """One symbol's UTC day in 1,440 minutes. Prices are integer ticks; a minute without prints has trade_count 0.

    What the prints of a minute will be is decided here (first, highest, lowest, last, number, volume), so that
    bars of a minute and more need no prints at all and yet agree with them exactly.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    trade_count: Ints
    volume: Ints
    count_before: Ints  # prints of this UTC day before the minute
    volume_before: Ints
    regime: Ints
    regular: Mask


class PathGenerator:
    """Day paths of one symbol: a pure function of (seed, symbol, day, tick rate, sessions)."""

    def __init__(self, listing: Listing, *, seed: int, tick_rate: float, sessions: Sessions) -> None:
        self.listing = listing
        self.seed = seed
        self.tick_rate = tick_rate
        self.sessions = sessions
        self._driver = stable_hash(listing.path_name)
        self._symbol = stable_hash(listing.symbol)
        self._days: OrderedDict[int, DayPath] = OrderedDict()
        self._shocks: dict[int, Floats] = {}

    def day(self, day: int) -> DayPath:
        """The path of UTC day number `day`."""
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self._generate(day)
            if len(self._days) > 12:
                self._days.popitem(last=False)
        return found

    def _generate(self, day: int) -> DayPath:
        is_open, regular = self.sessions.masks(day)
        weights = _intraday_weights(is_open, regular)
        if self.sessions.always_open:
            weights = _restless_weights(self._driver)
        anchors, regime = self._anchors(day, weights)
        rng = np.random.default_rng([self.seed, self._symbol, 2, day])
        count = self._counts(rng, weights, regime, is_open)
        opens, highs, lows, closes = _candles(rng, anchors, count)
        volume = self._volumes(rng, count)
        return DayPath(
            opens, highs, lows, closes, count, volume,
            np.cumsum(count) - count, np.cumsum(volume) - volume, regime, regular,
        )  # fmt: skip

    def _anchors(self, day: int, weights: Floats) -> tuple[Ints, Ints]:
        """Prices in ticks at the 1,441 minute marks, and each minute's regime. The walk is tied to the day's
        level at both ends, so that neighbouring days join."""
        rng = np.random.default_rng([self.seed, self._driver, 1, day])
        regime = np.repeat(_regimes(rng), _REGIME_MINUTES)
        noise = rng.standard_normal(MINUTES_PER_DAY)
        pulled = noise - _PULLBACK[regime] * np.concatenate(([0.0], noise[:-1]))
        scale = self.listing.daily_volatility / np.sqrt(MINUTES_PER_DAY) * weights
        walk = np.concatenate(([0.0], np.cumsum((_DRIFT[regime] + _VOLATILITY[regime] * pulled) * scale)))
        start, end = self._level(day), self._level(day + 1)
        tied = start + walk + np.linspace(0.0, 1.0, MINUTES_PER_DAY + 1) * (end - start - walk[-1])
        prices = self.listing.base_price * np.exp(tied)
        return np.rint(prices * self.listing.ticks_per_point).astype(np.int64), regime

    def _level(self, day: int) -> float:
        """Log price against the base at the start of UTC day `day`: fading memory of the last 200 days' shocks."""
        past = np.array([self._shock(day - back) for back in range(1, _MEMORY_DAYS + 1)])
        return float(self.listing.daily_volatility * np.sum(past * _PERSISTENCE ** np.arange(_MEMORY_DAYS)))

    def _shock(self, day: int) -> float:
        block, offset = divmod(day, 256)
        if block not in self._shocks:
            rng = np.random.default_rng([self.seed, self._driver, 0, block + 1_000])
            self._shocks[block] = rng.standard_normal(256)
        return float(self._shocks[block][offset])

    def _counts(self, rng: np.random.Generator, weights: Floats, regime: Ints, is_open: Mask) -> Ints:
        expected = self.tick_rate * 60.0 * weights * _ACTIVITY[regime]
        return np.asarray(np.where(is_open, rng.poisson(expected), 0), dtype=np.int64)

    def _volumes(self, rng: np.random.Generator, count: Ints) -> Ints:
        if not self.listing.mean_size:
            return np.zeros(MINUTES_PER_DAY, dtype=np.int64)
        spread = np.exp(0.4 * rng.standard_normal(MINUTES_PER_DAY) - 0.08)
        return np.asarray(np.maximum(np.rint(count * self.listing.mean_size * spread), count), dtype=np.int64)


def _intraday_weights(is_open: Mask, regular: Mask) -> Floats:
    """How lively each minute is: 1 on average over regular hours, U-shaped within them, an eighth outside."""
    weights: Floats = np.where(is_open, 0.12, 0.05)
    hours = np.flatnonzero(regular)
    if len(hours):
        weights[hours] = 0.7 + 0.9 * np.linspace(-1.0, 1.0, len(hours)) ** 2
    return weights


def _restless_weights(driver: int) -> Floats:
    """The same for a market that never closes: waves of six hours. Each driver has its own phase, so that the
    market as a whole keeps its rate."""
    minute = np.arange(MINUTES_PER_DAY) + driver % 360
    return np.asarray(1.0 + 0.25 * np.cos(2.0 * np.pi * minute / 360.0))


def _regimes(rng: np.random.Generator) -> Ints:
    """A Markov chain over the day, one state per two minutes."""
    steps = MINUTES_PER_DAY // _REGIME_MINUTES
    moves = (rng.random(steps) >= _STAY).tolist()
    jumps = rng.integers(1, len(Regime), steps).tolist()
    state = int(rng.integers(len(Regime)))
    states = []
    for moved, jump in zip(moves, jumps, strict=True):
        if moved:
            state = (state + jump) % len(Regime)
        states.append(state)
    return np.array(states, dtype=np.int64)


def _candles(rng: np.random.Generator, anchors: Ints, count: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """First, highest, lowest and last print of each minute. Fewer than four prints leave no room for a wick."""
    closes = anchors[1:].copy()
    opens = anchors[:-1] + rng.integers(-1, 2, MINUTES_PER_DAY)
    opens = np.where(count <= 1, closes, opens)
    typical = np.maximum(np.abs(np.diff(anchors)).mean(), 1.0)
    wicks = np.abs(rng.standard_normal((2, MINUTES_PER_DAY))) * typical * 0.6
    wicks = np.where(count >= 4, np.floor(wicks), 0.0).astype(np.int64)
    highs = np.maximum(opens, closes) + wicks[0]
    lows = np.maximum(np.minimum(opens, closes) - wicks[1], 1)
    return opens, highs, lows, closes
