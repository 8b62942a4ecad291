"""Numbers on their way out, where JSON has neither nan nor infinity."""

import math


def finite(value: float) -> float | None:
    """None for what is no number, or has no end."""
    return value if math.isfinite(value) else None
