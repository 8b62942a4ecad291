"""Massive's numbers for the sale conditions of stocks."""

from collections.abc import Sequence

from engine.model.conditions import Condition

# https://massive.com/docs/rest/stocks/market-operations/condition-codes
_FLAGS: dict[int, int] = {
    **dict.fromkeys((0, 3, 4, 6, 11, 23, 24, 27, 34, 35, 36, 41), 0),
    1: Condition.OTHER,
    2: Condition.AVERAGE_PRICE,
    **dict.fromkeys((5, 30, 31, 32, 33), Condition.OUT_OF_SEQUENCE),
    **dict.fromkeys((7, 20, 29), Condition.SETTLEMENT),
    **dict.fromkeys((8, 9, 17, 18, 19, 25, 28), Condition.AUCTION),
    **dict.fromkeys((10, 22), Condition.REFERENCE),
    12: Condition.EXTENDED_HOURS,
    13: Condition.EXTENDED_HOURS | Condition.OUT_OF_SEQUENCE,
    14: Condition.SWEEP,
    21: Condition.PRICE_VARIATION,
    37: Condition.ODD_LOT,
    **dict.fromkeys((52, 53), Condition.CONTINGENT),
}
# Plain numbers: a flag is ten times as slow to combine, and this is done for every print.
_BITS = {mark: int(flags) for mark, flags in _FLAGS.items()}
_OTHER = int(Condition.OTHER)
OFFICIAL = frozenset((15, 16, 38))  # an exchange's word on its open or close: no trade, its size was counted before


def bits(marks: Sequence[int]) -> int:
    """`Tick.conditions` of these numbers."""
    found = 0
    for mark in marks:
        found |= _BITS.get(mark, _OTHER)
    return found
