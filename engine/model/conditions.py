"""What a print was, beside its price: the bits of `Tick.conditions` where a feed translates sale conditions."""

from enum import IntFlag


class Condition(IntFlag):
    """By cause. Which of them may set a bar's prices is the choice of whoever builds the bar."""

    ODD_LOT = 1 << 0  # fewer shares than a round lot
    EXTENDED_HOURS = 1 << 1  # before or after regular hours
    OUT_OF_SEQUENCE = 1 << 2  # reported late
    AVERAGE_PRICE = 1 << 3  # the price of several trades at once
    SETTLEMENT = 1 << 4  # not settled in the usual way: cash, next day, seller's option
    REFERENCE = 1 << 5  # at an earlier or derived price
    CONTINGENT = 1 << 6  # part of a larger deal
    PRICE_VARIATION = 1 << 7
    AUCTION = 1 << 8  # opening, reopening, closing, cross
    SWEEP = 1 << 9  # intermarket sweep
    OTHER = 1 << 10  # one we have no word for


# What the consolidated tape itself leaves out of open, high, low and last; its volume counts.
NOT_PRICED = (
    Condition.ODD_LOT
    | Condition.AVERAGE_PRICE
    | Condition.SETTLEMENT
    | Condition.CONTINGENT
    | Condition.PRICE_VARIATION
)
