"""Fewer points for a chart, none of the extremes lost."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def thinned(ts: Ints, values: Floats, limit: int) -> Ints:
    """Indices of at most about `limit` points: the first and the last, and of each stretch its lowest and highest."""
    count = len(ts)
    if count <= limit:
        return np.arange(count)
    edges = np.linspace(0, count, max(limit // 2, 1) + 1).astype(np.int64)
    keep = {0, count - 1}
    for begin, end in pairwise(edges.tolist()):
        part = values[begin:end]
        keep |= {int(begin + part.argmin()), int(begin + part.argmax())}
    return np.array(sorted(keep), dtype=np.int64)


def folded(ts: Ints, prices: tuple[Floats, ...], limit: int) -> tuple[Ints, tuple[Floats, ...], int]:
    """Bars folded to at most `limit` candles: (closes, open high low close, bars in each)."""
    size = -(-len(ts) // limit) if len(ts) else 1
    if size <= 1:
        return ts, prices, 1
    starts = np.arange(0, len(ts), size)
    ends = np.minimum(starts + size, len(ts)) - 1
    opened, high, low, close = prices
    found = (opened[starts], np.maximum.reduceat(high, starts), np.minimum.reduceat(low, starts), close[ends])
    return ts[ends], found, size
