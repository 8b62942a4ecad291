"""What keeps an order from being taken: by its name and in words, from whoever looks after a rule."""

from collections.abc import Callable
from typing import NamedTuple

from engine.model.orders import ApprovedOrder


class Refusal(NamedTuple):
    """Which check said no, and why."""

    rule: str
    reason: str


Refuses = Callable[[ApprovedOrder], Refusal | None]
