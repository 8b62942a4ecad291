"""Lowest and highest price of a sliding time window, in memory that does not grow with the number of prints."""

from collections import deque
from typing import Any

SLICES = 60


class PriceWindow:
    """Extremes of the last `span_ns`, moved on in steps of a sixtieth of it.

    A price leaves at the earliest after the whole span and at the latest a sixtieth later. Two monotonic queues of at
    most 61 slices: constant cost a print on average.
    """

    def __init__(self, span_ns: int) -> None:
        self._slice = max(span_ns // SLICES, 1)
        self._lows: deque[tuple[int, float]] = deque()
        self._highs: deque[tuple[int, float]] = deque()

    def see(self, ts: int, low: float, high: float) -> None:
        """Prices between `low` and `high` were traded at `ts`."""
        now = ts // self._slice
        _keep(self._lows, now, low, -1.0)
        _keep(self._highs, now, high, 1.0)

    @property
    def low(self) -> float:
        return self._lows[0][1]

    @property
    def high(self) -> float:
        return self._highs[0][1]

    def __len__(self) -> int:
        return max(len(self._lows), len(self._highs))

    def snapshot(self) -> list[Any]:
        return [[list(each) for each in self._lows], [list(each) for each in self._highs]]

    def restore(self, state: list[Any]) -> None:
        self._lows = deque((at, price) for at, price in state[0])
        self._highs = deque((at, price) for at, price in state[1])


def _keep(queue: deque[tuple[int, float]], now: int, price: float, sign: float) -> None:
    """Drop what left the window and what the new price hides for good; then add it."""
    while queue and queue[0][0] < now - SLICES:
        queue.popleft()
    while queue and sign * queue[-1][1] <= sign * price:
        queue.pop()
    if not queue or queue[-1][0] != now:
        queue.append((now, price))
