"""Splits and dividends, applied when history is read: what is stored stays as it was traded."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date

import msgspec

from engine.errors import InvalidInput
from engine.instruments.sessions import new_york


class Factor(msgspec.Struct, frozen=True):
    """What prices up to and including `until` are multiplied with to compare with today's."""

    until: date
    split: float = 1.0
    dividend: float = 1.0


class Split(msgspec.Struct, frozen=True):
    """`ratio` new shares for an old one, from the open of `ex_date` on: 4.0 for a 4:1."""

    ex_date: date
    ratio: float


class Adjustments:
    """The factors of one symbol, by date. Prices after the last one are left alone."""

    def __init__(self, factors: Sequence[Factor]) -> None:
        self._factors = sorted(factors, key=lambda each: each.until)
        self._until = [each.until for each in self._factors]

    @classmethod
    def from_splits(cls, splits: Sequence[Split]) -> "Adjustments":
        """The factors that `splits` make: each multiplies all that came before it."""
        factors: list[Factor] = []
        product = 1.0
        for split in sorted(splits, key=lambda each: each.ex_date, reverse=True):
            if split.ratio <= 0:
                raise InvalidInput(f"ratio: expected more than 0, found {split.ratio}", field="ratio")
            product /= split.ratio
            factors.append(Factor(date.fromordinal(split.ex_date.toordinal() - 1), product))
        return cls(factors)

    @property
    def factors(self) -> list[Factor]:
        """The factors, oldest first."""
        return list(self._factors)

    def factor(self, day: date) -> Factor:
        """The factor of a trading day."""
        index = bisect_left(self._until, day)
        return self._factors[index] if index < len(self._factors) else Factor(day)

    def scales(self, ts_open: Sequence[int], *, with_dividends: bool = False) -> tuple[list[float], list[float]]:
        """Per bar: what to multiply its prices with, and what to divide its volume by.

        A bar belongs to the New York date of its open, so a session begun the evening before counts as the day before.
        """
        days = [new_york(ts).date() for ts in ts_open]
        found = {day: self.factor(day) for day in set(days)}
        split = [found[day].split for day in days]
        if not with_dividends:
            return split, split
        return [found[day].split * found[day].dividend for day in days], split
