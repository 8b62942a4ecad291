"""How long to wait before trying again: one policy for every connection."""

import random


class Backoff:
    """Exponential, capped, with jitter: the n-th delay lies between a half and the whole of `base_s` · 2ⁿ.

    `reset` belongs where the connection proved useful, not where it was merely opened: a venue that accepts and
    hangs up at once must not be called ten times a second.
    """

    def __init__(self, *, base_s: float = 0.5, cap_s: float = 30.0, rng: random.Random | None = None) -> None:
        self.attempt = 0
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()

    def next_delay(self, *, at_least_s: float = 0.0) -> float:
        """Seconds to wait now. `at_least_s` is what the venue asked for (Retry-After)."""
        ceiling = min(self._cap_s, self._base_s * 2.0 ** min(self.attempt, 30))
        self.attempt += 1
        return max(at_least_s, ceiling * self._rng.uniform(0.5, 1.0))

    def reset(self) -> None:
        """The connection works: begin anew."""
        self.attempt = 0
