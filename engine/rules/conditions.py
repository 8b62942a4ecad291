"""Conditions on a bar, as data: each knows its category, its words, and the indicator that is 1 where it holds."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from functools import reduce
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Bars = Annotated[int, Meta(ge=1, le=10_000)]
Share = Annotated[float, Meta(gt=0, le=10)]  # a fraction: 0.01 is one percent
Moment = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]  # New York's clock
Source = Annotated[str, Meta(min_length=1, max_length=300)]  # a price field or an indicator
Way = Literal["up", "down"]
Extreme = Literal["high", "low"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Part = Literal["before_open", "open", "midday", "close", "after_close"]
_DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The stock exchange's day; what trades at other hours as well has the same parts.
PARTS: dict[Part, tuple[str, str]] = {
    "before_open": ("04:00", "09:30"),
    "open": ("09:30", "10:30"),
    "midday": ("10:30", "15:00"),
    "close": ("15:00", "16:00"),
    "after_close": ("16:00", "20:00"),
}


class Category(StrEnum):
    """What a condition looks at."""

    PRICE = "price"
    TEMPORAL = "temporal"
    FLAG = "flag"
    TRAJECTORY = "trajectory"


class _ClaimMeta(msgspec.StructMeta, ABCMeta):
    """A struct whose abstract properties must be given."""


class Claim(msgspec.Struct, metaclass=_ClaimMeta, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """One condition. `spec` is the indicator that is 1 on the bars where it holds, else 0; `reads` are the values that
    a person wants to see beside it."""

    @property
    @abstractmethod
    def category(self) -> Category: ...

    @property
    @abstractmethod
    def spec(self) -> str: ...

    @property
    @abstractmethod
    def text(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]:
        return ()


class Price(Claim, frozen=True):
    category = Category.PRICE


class Temporal(Claim, frozen=True):
    category = Category.TEMPORAL


class Flag(Claim, frozen=True):
    category = Category.FLAG


class Trajectory(Claim, frozen=True):
    category = Category.TRAJECTORY


class Compare(Price, frozen=True, tag="compare"):
    """One value against another or against a number."""

    left: Source
    op: Literal[">", ">=", "<", "<="]
    right: Source | float

    @property
    def spec(self) -> str:
        greater, less = (self.left, _written(self.right)) if ">" in self.op else (_written(self.right), self.left)
        return f"{'at_least' if '=' in self.op else 'is_above'}({greater},{less})"

    @property
    def text(self) -> str:
        return f"{self.left} {self.op} {_written(self.right)}"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.left, self.right) if isinstance(self.right, str) else (self.left,)


class Clock(Temporal, frozen=True, tag="clock"):
    """The bar closes later than `after` and not later than `until`, by New York's clock; over midnight where `until`
    is not later than `after`."""

    after: Moment
    until: Moment

    @property
    def spec(self) -> str:
        first, last = _minutes(self.after), _minutes(self.until)
        return f"{'both' if first < last else 'either'}(is_above(clock,{first}),at_least({last},clock))"

    @property
    def text(self) -> str:
        return f"closes {self.after}–{self.until}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("clock",)


class SessionPart(Temporal, frozen=True, tag="session_part"):
    """The bar closes in that part of the stock exchange's day."""

    part: Part

    @property
    def spec(self) -> str:
        return Clock(*PARTS[self.part]).spec

    @property
    def text(self) -> str:
        return f"session part {self.part}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("clock",)


class Weekdays(Temporal, frozen=True, tag="weekdays"):
    """The bar closes on one of these days of New York's week."""

    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=6)]

    @property
    def spec(self) -> str:
        numbers = sorted({_DAYS.index(day) for day in self.days})
        return any_of([f"both(at_least(weekday,{number}),at_least({number},weekday))" for number in numbers])

    @property
    def text(self) -> str:
        return f"on {'/'.join(self.days)}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("weekday",)


class Cross(Flag, frozen=True, tag="cross"):
    """On this bar one value crossed another or a number, upwards or downwards."""

    left: Source
    way: Way
    right: Source | float

    @property
    def spec(self) -> str:
        return f"crosses_{'above' if self.way == 'up' else 'below'}({self.left},{_written(self.right)})"

    @property
    def text(self) -> str:
        return f"{self.left} crosses {'above' if self.way == 'up' else 'below'} {_written(self.right)}"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.left, self.right) if isinstance(self.right, str) else (self.left,)


class NewExtreme(Flag, frozen=True, tag="new_extreme"):
    """The bar's high (low) is beyond those of the `bars` bars before."""

    which: Extreme
    bars: Bars

    @property
    def spec(self) -> str:
        high, low = "high", f"delay(highest(high,{self.bars}),1)"
        if self.which == "low":
            high, low = f"delay(lowest(low,{self.bars}),1)", "low"
        return f"is_above({high},{low})"

    @property
    def text(self) -> str:
        return f"new {self.which} of {self.bars} bars"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.which,)


class Gap(Flag, frozen=True, tag="gap"):
    """The bar opened at least `least` away from the close before."""

    way: Way
    least: Share

    @property
    def spec(self) -> str:
        return _moved("relative(open,delay(close,1))", self.way, self.least)

    @property
    def text(self) -> str:
        return f"gap {self.way} of {self.least:.3%}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("relative(open,delay(close,1))",)


class Mover(Flag, frozen=True, tag="mover"):
    """The close is at least `least` above the lowest low (below the highest high) of the last `bars` bars."""

    way: Way
    bars: Bars
    least: Share

    @property
    def spec(self) -> str:
        return _moved(self.reads[0], self.way, self.least)

    @property
    def text(self) -> str:
        return f"moved {self.way} {self.least:.3%} in {self.bars} bars"

    @property
    def reads(self) -> tuple[str, ...]:
        return (_from(("low" if self.way == "up" else "high"), self.bars),)


class Slope(Trajectory, frozen=True, tag="slope"):
    """The least-squares line through the last `bars` values rises (falls)."""

    of: Source
    way: Way
    bars: Annotated[int, Meta(ge=2, le=10_000)]

    @property
    def spec(self) -> str:
        return f"is_above({self.reads[0]},0)" if self.way == "up" else f"is_above(0,{self.reads[0]})"

    @property
    def text(self) -> str:
        return f"{self.of} slopes {self.way} over {self.bars} bars"

    @property
    def reads(self) -> tuple[str, ...]:
        return (f"slope({self.of},{self.bars})",)


class Streak(Trajectory, frozen=True, tag="streak"):
    """The value has risen (fallen) on each of the last `bars` bars."""

    of: Source
    way: Way
    bars: Bars

    @property
    def spec(self) -> str:
        return _moved(self.reads[0], self.way, self.bars)

    @property
    def text(self) -> str:
        return f"{self.of} {'rising' if self.way == 'up' else 'falling'} {self.bars} bars"

    @property
    def reads(self) -> tuple[str, ...]:
        return (f"streak({self.of})",)


class FromExtreme(Trajectory, frozen=True, tag="from_extreme"):
    """The close is within (beyond) `share` of the highest high (lowest low) of the last `bars` bars."""

    which: Extreme
    bars: Bars
    where: Literal["within", "beyond"]
    share: Share

    @property
    def spec(self) -> str:
        is_far = self.where == "beyond"
        if self.which == "high":  # the distance is 0 or less
            return _moved(self.reads[0], "down" if is_far else "up", self.share if is_far else -self.share)
        return _moved(self.reads[0], "up" if is_far else "down", self.share if is_far else -self.share)

    @property
    def text(self) -> str:
        return f"close {self.where} {self.share:.3%} of the {self.bars}-bar {self.which}"

    @property
    def reads(self) -> tuple[str, ...]:
        return (_from(self.which, self.bars),)


Condition = (
    Compare | Clock | SessionPart | Weekdays | Cross | NewExtreme | Gap | Mover | Slope | Streak | FromExtreme
)  # fmt: skip


def all_of(specs: Sequence[str]) -> str:
    """The indicator that is 1 where all of these are."""
    return reduce(lambda a, b: f"both({a},{b})", specs)


def any_of(specs: Sequence[str]) -> str:
    """The indicator that is 1 where any of these is."""
    return reduce(lambda a, b: f"either({a},{b})", specs)


def _from(which: Extreme, bars: int) -> str:
    """How far the close is from an extreme, as a fraction of it."""
    return f"relative(close,{'highest' if which == 'high' else 'lowest'}({which},{bars}))"


def _moved(value: str, way: Way, least: float) -> str:
    """At least so much upwards, or downwards."""
    return f"at_least({value},{_written(least)})" if way == "up" else f"at_least({_written(-least)},{value})"


def _written(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(value)


def _minutes(moment: str) -> int:
    hours, minutes = moment.split(":")
    return 60 * int(hours) + int(minutes)
