"""The price grid in whole ticks: what `Instrument.price` does to an observed price, for loops that are compiled.

A tick is `step` / `scale`, both whole numbers in float (0.25 is 25 / 100). The nearest float of a whole number of ticks
is `step` · ticks / `scale`, correctly rounded; an observed price is compared with that, never with a product of
fractions, so the ticks found here are those that decimal arithmetic finds, for prices of up to 15 digits.
"""

from decimal import Decimal

# The share of a price by which a sum of floats may lie beside the price that is meant: 100.27 + 0.01 is above 100.28.
SLACK = 1e-12


def grid_of(tick_size: Decimal) -> tuple[float, float]:
    """`step` and `scale` of a tick size."""
    exponent = min(int(tick_size.as_tuple().exponent), 0)
    return float(tick_size.scaleb(-exponent)), float(10**-exponent)


def from_ticks(ticks: float, step: float, scale: float) -> float:
    """The observed price of a whole number of ticks."""
    return ticks * step / scale


def floor_ticks(price: float, step: float, scale: float) -> int:
    """The last tick at or below `price`."""
    near = round(price * scale / step)
    return near if price >= near * step / scale else near - 1


def ceil_ticks(price: float, step: float, scale: float) -> int:
    """The first tick at or above `price`."""
    near = round(price * scale / step)
    return near if price <= near * step / scale else near + 1


def round_ticks(price: float, step: float, scale: float) -> int:
    """The nearest tick; the even one of two that are equally near."""
    near = round(price * scale / step)
    below = near if price >= near * step / scale else near - 1
    middle = (2 * below + 1) * step / (2.0 * scale)
    if price == middle:
        return below + below % 2
    return below + 1 if price > middle else below
