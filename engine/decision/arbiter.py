"""Which of several wishes for one symbol at one instant is followed."""

from collections.abc import Sequence

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """What counts when wishes compete."""

    strategy: str
    priority: int
    confidence: float


def choose(claims: Sequence[Claim]) -> int:
    """The index of the winner: the highest priority, then the highest confidence, then the first by name."""
    order = sorted(range(len(claims)), key=lambda i: (-claims[i].priority, -claims[i].confidence, claims[i].strategy))
    return order[0]
