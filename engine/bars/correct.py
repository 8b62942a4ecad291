"""Prints that the venue takes back, changes or tells of after the fact."""

from engine.bars.builder import BarBuilder, Ohlc


def amend(bar: BarBuilder, *, is_priced: bool, gone: tuple[float, float], came: tuple[float, float] | None) -> bool:
    """Take the print `gone` (price, size) out of `bar` and count `came` in instead, in its place among the prints.

    Sums and counts become exact. Whether the prices are is the answer: a bar does not keep its prints, so a print at
    the open, the close or an extreme cannot be undone, and False says that the bar's prices are in doubt.
    """
    prices = bar.priced if is_priced else bar.other
    shows = prices is bar.prices
    is_exact = not shows or _is_inside(prices, gone[0])
    _count(bar, prices, gone, -1, is_priced=is_priced)
    if came is not None:
        _count(bar, prices, came, 1, is_priced=is_priced)
        prices.high = max(prices.high, came[0])
        prices.low = min(prices.low, came[0])
    return is_exact


def admit_late(bar: BarBuilder, *, ts: int, is_priced: bool, price: float, size: float) -> None:
    """Count in a print that came after `bar` was given out: its volume, number and extremes.

    As on the consolidated tape, what is reported late makes neither the open nor the close, unless no print did. One
    that is as new as the newest was only slow on its way, and closes the bar as it would have done in time.
    """
    prices = bar.priced if is_priced else bar.other
    opened, closed = prices.open, prices.close
    had_any, is_newest = prices.count > 0, ts >= bar.newest
    bar.add(price, size, is_priced=is_priced)
    if had_any:
        prices.open = opened
        prices.close = price if is_newest else closed
    bar.newest = max(bar.newest, ts)


def _is_inside(prices: Ohlc, price: float) -> bool:
    return prices.low < price < prices.high and price not in (prices.open, prices.close)


def _count(bar: BarBuilder, prices: Ohlc, each: tuple[float, float], sign: int, *, is_priced: bool) -> None:
    price, size = each
    prices.volume += sign * size
    prices.count += sign
    if is_priced:
        bar.turnover += sign * price * size
