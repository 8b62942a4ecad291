"""The compiled loops of the columnar path. Imported on first use only: numba is slow to import."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
if TYPE_CHECKING:

    def compiled(function: F) -> F: ...

else:
    # No fastmath: sums are made one by one, from left to right, as the object path makes them.
    compiled = njit(cache=True)

Array = np.ndarray[Any, Any]


@compiled
def is_sorted(ts: Array) -> bool:
    """Whether no ts is before the one that precedes it."""
    backwards = 0  # counted to the end without a branch: four comparisons at a time
    for index in range(1, ts.size):
        backwards += ts[index] < ts[index - 1]
    return backwards == 0


@compiled
def first_at_or_after(ts: Array, start: int, moment: int) -> int:
    """The first index ≥ start with ts ≥ moment, or the length. Gallops: cheap for short bars and for long ones."""
    step = 1
    low = start
    high = start
    while high < ts.size and ts[high] < moment:
        low = high + 1
        high += step
        step *= 2
    high = min(high, ts.size)
    while low < high:
        middle = (low + high) // 2
        if ts[middle] < moment:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def time_starts(ts: Array, span: int) -> Array:
    """Index of the first print of each bar, and the length at the end."""
    out = np.empty(1024, np.int64)
    count = 0
    index = 0
    while index < ts.size:
        if count + 1 >= out.size:
            grown = np.empty(out.size * 2, np.int64)
            grown[:count] = out[:count]
            out = grown
        out[count] = index
        count += 1
        index = first_at_or_after(ts, index, ts[index] - ts[index] % span + span)
    out[count] = ts.size
    return out[: count + 1]


@compiled
def tick_starts(conditions: Array, exclude: int, size: int, begin: int, end: int) -> tuple[Array, bool]:
    """Index of the first print of each bar of `size` priced prints in [begin, end), and `end` at the end; and
    whether the last of them is full."""
    out = np.empty((end - begin) // size + 3, np.int64)
    count = 0
    priced = 0
    out[0] = begin
    for index in range(begin, end):
        if conditions[index] & exclude == 0:
            priced += 1
            if priced == size:
                count += 1
                out[count] = index + 1
                priced = 0
    is_last_full = out[count] == end
    if not is_last_full:
        count += 1
        out[count] = end
    return out[: count + 1], is_last_full


@compiled
def volume_starts(
    sizes: Array, conditions: Array, exclude: int, amount: float, begin: int, end: int
) -> tuple[Array, bool]:
    """Index of the first print of each bar of at least `amount` in [begin, end), and `end` at the end; and whether
    the last of them is full. No `conditions` (an empty array): every print is priced."""
    out = np.empty(end - begin + 2, np.int64)
    count = 0
    priced = 0.0
    other = 0.0
    out[0] = begin
    for index in range(begin, end):
        if conditions.size and conditions[index] & exclude != 0:
            other += sizes[index]
        else:
            priced += sizes[index]
        if priced + other >= amount:
            count += 1
            out[count] = index + 1
            priced = 0.0
            other = 0.0
    is_last_full = out[count] == end
    if not is_last_full:
        count += 1
        out[count] = end
    return out[: count + 1], is_last_full


@compiled
def fold_all(prices: Array, sizes: Array, starts: Array) -> tuple[Array, Array, Array, Array]:
    """high, low, volume and turnover of each bar; every print makes the price."""
    bars = starts.size - 1
    highs, lows = np.empty(bars), np.empty(bars)
    volumes, turnovers = np.empty(bars), np.empty(bars)
    for bar in range(bars):
        high = low = prices[starts[bar]]
        volume = turnover = 0.0
        for index in range(starts[bar], starts[bar + 1]):
            price = prices[index]
            size = sizes[index]
            if price > high:
                high = price
            if price < low:
                low = price
            volume += size
            turnover += price * size
        highs[bar], lows[bar], volumes[bar], turnovers[bar] = high, low, volume, turnover
    return highs, lows, volumes, turnovers


@compiled
def fold_excluding(
    prices: Array, sizes: Array, conditions: Array, exclude: int, starts: Array
) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
    """Per bar: index of its first and last priced print (−1: none), high, low, priced volume, other volume, turnover.

    Chosen, not jumped: about half of the prints are excluded in real data, and no processor guesses which.
    """
    bars = starts.size - 1
    firsts, lasts = np.empty(bars, np.int64), np.empty(bars, np.int64)
    highs, lows = np.empty(bars), np.empty(bars)
    volumes, others, turnovers = np.empty(bars), np.empty(bars), np.empty(bars)
    for bar in range(bars):
        last = -1
        high, low = -np.inf, np.inf
        volume = other = turnover = 0.0
        for index in range(starts[bar], starts[bar + 1]):
            is_priced = conditions[index] & exclude == 0
            price = prices[index]
            size = sizes[index]
            last = index if is_priced else last
            high = price if is_priced and price > high else high
            low = price if is_priced and price < low else low
            volume += size if is_priced else 0.0  # adding 0.0 changes no bit
            other += 0.0 if is_priced else size
            turnover += price * size if is_priced else 0.0
        first = starts[bar] if last >= 0 else last
        while first >= 0 and conditions[first] & exclude != 0:
            first += 1
        if last < 0:
            high, low = prices[starts[bar] : starts[bar + 1]].max(), prices[starts[bar] : starts[bar + 1]].min()
        firsts[bar], lasts[bar], highs[bar], lows[bar] = first, last, high, low
        volumes[bar], others[bar], turnovers[bar] = volume, other, turnover
    return firsts, lasts, highs, lows, volumes, others, turnovers
