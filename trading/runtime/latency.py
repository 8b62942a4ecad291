"""How late decisions are: counts in buckets that grow by a twentieth, so that a day costs a few hundred numbers."""

from math import ceil, log

_STEP = log(1.05)
_FLOOR_MS = 0.01


class Latency:
    """Delays in milliseconds. `quantile` is exact to 5 %, and never says less than it was."""

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.count = 0

    def add(self, ms: float) -> None:
        bucket = ceil(log(ms / _FLOOR_MS) / _STEP) if ms > _FLOOR_MS else 0
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """The delay that `share` (0…1) of the events did not exceed; None before the first."""
        return quantile(self.buckets, share)


def quantile(buckets: dict[int, int], share: float) -> float | None:
    """The same for stored buckets, whose differences are buckets again."""
    wanted = share * sum(buckets.values())
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if buckets[bucket] and seen >= wanted:
            return float(_FLOOR_MS * 1.05**bucket)
    return None
