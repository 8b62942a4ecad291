"""The prints and quotes of one minute, made to agree exactly with what the day's path says about it."""

from typing import NamedTuple

import numpy as np

from engine.model.time import NS_PER_MINUTE
from simulators.listing import Listing, stable_hash
from simulators.path import DayPath, Floats, Ints
from simulators.sessions import MINUTES_PER_DAY


class Prints(NamedTuple):
    """One minute of one symbol, oldest first. Prices are integer ticks; every print is at the bid or the ask.

    `ordinal` counts the prints of the UTC day from 0; `volume_before` is the UTC day's volume before the minute.
    """

    ts: Ints
    price: Ints
    size: Ints
    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints
    is_buy: Ints
    ordinal: Ints
    volume_before: int
    is_regular: bool


def generate_prints(listing: Listing, path: DayPath, minute: int, *, seed: int) -> Prints:
    """The prints of absolute minute number `minute` (UTC minutes since the epoch)."""
    row = minute % MINUTES_PER_DAY
    count = int(path.trade_count[row])
    rng = np.random.default_rng([seed, stable_hash(listing.symbol), 3, minute])
    ts = minute * NS_PER_MINUTE + np.sort(rng.integers(0, NS_PER_MINUTE, count))
    price = _prices(rng, path, row, count)
    is_buy = _aggressors(rng, price)
    spread = 1 + rng.poisson(max(listing.spread_ticks - 1.0, 0.0), count)
    top = rng.geometric(1.0 / max(listing.mean_size * 1.5, 1.0), (2, count))
    return Prints(
        ts=ts,
        price=price,
        size=_sizes(rng, count, int(path.volume[row])),
        bid=np.where(is_buy, price - spread, price),
        ask=np.where(is_buy, price, price + spread),
        bid_size=top[0],
        ask_size=top[1],
        is_buy=is_buy,
        ordinal=int(path.count_before[row]) + np.arange(count, dtype=np.int64),
        volume_before=int(path.volume_before[row]),
        is_regular=bool(path.regular[row]),
    )


def _prices(rng: np.random.Generator, path: DayPath, row: int, count: int) -> Ints:
    """A walk from the minute's first to its last price that touches its high and its low and leaves neither."""
    first, high, low, last = (int(column[row]) for column in (path.open, path.high, path.low, path.close))
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    if count == 1:
        return np.array([last], dtype=np.int64)
    progress = np.linspace(0.0, 1.0, count)
    walk = _tied_walk(rng, progress) * (high - low) / 2.0
    price = np.clip(np.rint(first + (last - first) * progress + walk).astype(np.int64), low, high)
    price[0], price[-1] = first, last
    if count >= 4:
        _touch(price, high=high, low=low)
    return price


def _tied_walk(rng: np.random.Generator, progress: Floats) -> Floats:
    """A random walk from 0 to 0 whose largest swing is 1."""
    walk = np.cumsum(rng.standard_normal(len(progress)))
    tied = walk - walk[0] - progress * (walk[-1] - walk[0])
    return np.asarray(tied / max(float(np.abs(tied).max()), 1e-9))


def _touch(price: Ints, *, high: int, low: int) -> None:
    inner = price[1:-1]
    if price.max() < high:
        inner[int(inner.argmax())] = high
    if price.min() > low:
        candidates = np.where(inner == high, high + 1, inner) if (inner < high).any() else np.arange(len(inner), 0, -1)
        inner[int(candidates.argmin())] = low


def _aggressors(rng: np.random.Generator, price: Ints) -> Ints:
    """1 where the buyer crossed the spread: more often on the way up."""
    moved = np.sign(np.diff(price, prepend=price[:1]))
    return (rng.random(len(price)) < 0.5 + 0.3 * moved).astype(np.int64)


def _sizes(rng: np.random.Generator, count: int, volume: int) -> Ints:
    """Sizes of at least 1 that add up to `volume`; zeros where there is no volume (an index)."""
    if volume == 0 or count == 0:
        return np.zeros(count, dtype=np.int64)
    share = np.cumsum(rng.exponential(size=count))
    cut = np.floor(share / share[-1] * (volume - count)).astype(np.int64)
    cut[-1] = volume - count
    return np.asarray(1 + np.diff(cut, prepend=0), dtype=np.int64)
