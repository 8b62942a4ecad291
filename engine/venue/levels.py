"""How a waiting order meets the prices of a bar: plain steps that the venue calls and a sweep compiles."""

NAN = float("nan")


def is_reached(is_stop: bool, sign: int, level: float, low: float, high: float) -> bool:
    """Whether a market that covered low…high touched the level of an order; `sign` is +1 for a buy.

    Sell stops and buy limits wait for a lower price; the others for a higher one.
    """
    return low <= level if is_stop == (sign < 0) else high >= level


def is_better(sign: int, price: float, extreme: float) -> bool:
    """Whether a trailing stop moves on: its order sells (sign −1) and the price rose, or buys and it fell.

    The first price (no extreme yet, nan) always counts.
    """
    return not (sign < 0 and price <= extreme) and not (sign > 0 and price >= extreme)


def trail_inside(
    sign: int, trail: float, level: float, extreme: float, low: float, high: float, last: float
) -> tuple[bool, float, float]:
    """A trailing stop meets a bar: whether it is hit, its level, and the extreme it follows.

    The old level is met first, which is the worse. Else the level follows the bar's extreme, which came before the
    close: if the close is beyond the new level, that was crossed for certain.
    """
    if is_reached(True, sign, level, low, high):
        return True, level, extreme
    best = high if sign < 0 else low
    if is_better(sign, best, extreme):
        extreme = best
        level = best + sign * trail
    return is_reached(True, sign, level, last, last), level, extreme
