"""Market time from wall time: the one place where a simulator looks at a clock."""

import time
from collections.abc import Callable

import msgspec


class MarketClock(msgspec.Struct):
    """Market time runs `speed` times as fast as `wall` and was `start` when the clock was made. All UTC ns."""

    start: int
    speed: float = 1.0
    wall: Callable[[], int] = time.monotonic_ns
    _begun: int = 0

    def __post_init__(self) -> None:
        self._begun = self.wall()

    def now(self) -> int:
        return self.start + int((self.wall() - self._begun) * self.speed)
