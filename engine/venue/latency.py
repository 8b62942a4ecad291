"""How long an order travels before the venue knows it."""

import random
from typing import Protocol


class Latency(Protocol):
    """Nanoseconds until an order, or a cancel, arrives."""

    def delay_ns(self, rng: random.Random) -> int: ...


class NoLatency:
    """Arrives at once: it still meets the next event, never the one it was decided on."""

    def delay_ns(self, rng: random.Random) -> int:
        return 0


class FixedLatency:
    """Always the same."""

    def __init__(self, delay_ns: int) -> None:
        self._delay_ns = delay_ns

    def delay_ns(self, rng: random.Random) -> int:
        return self._delay_ns


class LogNormalLatency:
    """A median and a spread of its logarithm, as network delays are."""

    def __init__(self, median_ns: int, sigma: float = 0.5) -> None:
        self.median_ns, self.sigma = median_ns, sigma

    def delay_ns(self, rng: random.Random) -> int:
        return int(self.median_ns * rng.lognormvariate(0.0, self.sigma))
