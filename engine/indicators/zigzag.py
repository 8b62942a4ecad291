"""ThinkScript's ZigZagHighLow as it can be known bar by bar: no pivot before it is confirmed."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from engine.indicators.params import Average, Factor, Period
from engine.indicators.recurrence import indicator

Method = Literal["high_low", "average", "atr", "percent", "absolute"]
Percent = Annotated[float, Meta(ge=0.0, le=100.0)]
Distance = Annotated[float, Meta(ge=0.0)]
NAN = float("nan")


class ZigZagState(NamedTuple):
    state: float
    max: float
    min: float
    flip: float
    pivot: float
    pivot_age: float
    extreme_age: float


def zigzag_prices(method: Method, average: Average, average_length: int) -> tuple[str, str]:
    if method == "average":
        return f"{average}({{high}},{average_length})", f"{average}({{low}},{average_length})"
    return "{high}", "{low}"


@indicator("zigzag_threshold", sources=(), inputs=("close", "atr({atr_length})"))
def zigzag_threshold(
    close: float, atr: float, percentage: Percent = 5.0, atr_length: Period = 5, atr_reversal: Factor = 1.5
) -> float:
    """The share of an extreme that ends a leg: percentage/100 + atr_reversal · ATR(atr_length) / close."""
    return percentage / 100.0 + (atr_reversal * atr / close if close != 0.0 else 0.0)


def zigzag_inputs(
    method: Method,
    average: Average,
    average_length: int,
    percentage: float,
    absolute: float,
    atr_length: int,
    atr_reversal: float,
    tick_reversal: float,
    tick_size: float,
) -> tuple[str, ...]:
    share = 0.0 if method in ("atr", "absolute") else percentage
    swing = 0.0 if method in ("percent", "absolute") else atr_reversal
    distance = 0.0 if method in ("percent", "atr") else absolute or tick_reversal * tick_size
    threshold = f"zigzag_threshold({share},{atr_length},{swing})" if swing > 0.0 else repr(share / 100.0)
    return (*zigzag_prices(method, average, average_length), threshold, repr(distance))


def needs_a_threshold(
    percentage: float, absolute: float, atr_reversal: float, tick_reversal: float, method: Method
) -> str | None:
    fixed = max(absolute, tick_reversal)
    by_method = {"percent": percentage, "atr": atr_reversal, "absolute": fixed}
    if by_method.get(method, max(percentage, atr_reversal, fixed)) <= 0.0:
        return f"method={method} needs a reversal above 0"
    return None


@indicator(
    "zigzag",
    sources=("high", "low"),
    inputs=zigzag_inputs,
    init=ZigZagState(0.0, 0.0, 0.0, 0.0, NAN, NAN, 0.0),
    outputs=("state", "max", "min", "flip", "pivot", "pivot_age"),
    check=needs_a_threshold,
    sparse=("pivot", "pivot_age"),
)
def zigzag(
    s: ZigZagState,
    high: float,
    low: float,
    threshold: float,
    distance: float,
    percentage: Percent = 5.0,
    absolute: Distance = 0.0,
    atr_length: Period = 5,
    atr_reversal: Factor = 1.5,
    tick_reversal: Distance = 0.0,
    tick_size: Distance = 0.01,
    method: Method = "high_low",
    average: Average = "ema",
    average_length: Period = 5,
) -> ZigZagState:
    """ZigZagHighLow, confirmed: the state machine of thinkorswim's study on closed bars, which never repaints.

    A leg ends when price comes back from its extreme by extreme · (percentage/100 + atr_reversal · ATR(atr_length) /
    close) + absolute (or tick_reversal · tick_size where `absolute` is 0). Method `high_low` adds up all terms,
    `average` does so on averaged highs and lows, `percent`, `atr` and `absolute` use that term alone.
    `state` is 1 undefined, 2 up, 3 down; `max` and `min` are the running extremes. `flip` is 1 or −1 on the bar at
    whose close a turn up or down became known, else 0. `pivot` is the price of the last confirmed pivot and `pivot_age`
    how many bars ago it was: on the bar of the flip, how much later it became knowable. nan before the first.
    """
    age = s.extreme_age + 1.0
    if s.state == 2.0:
        if low <= s.max - s.max * threshold - distance:
            return ZigZagState(3.0, s.max, low, -1.0, s.max, age, 0.0)
        if high >= s.max:
            return ZigZagState(2.0, high, s.min, 0.0, s.pivot, s.pivot_age + 1.0, 0.0)
        return ZigZagState(2.0, s.max, s.min, 0.0, s.pivot, s.pivot_age + 1.0, age)
    if s.state == 3.0:
        if high >= s.min + s.min * threshold + distance:
            return ZigZagState(2.0, high, s.min, 1.0, s.min, age, 0.0)
        if low <= s.min:
            return ZigZagState(3.0, s.max, low, 0.0, s.pivot, s.pivot_age + 1.0, 0.0)
        return ZigZagState(3.0, s.max, s.min, 0.0, s.pivot, s.pivot_age + 1.0, age)
    if s.state == 0.0:
        return ZigZagState(1.0, high, low, 0.0, s.pivot, s.pivot_age, 0.0)
    if high >= s.max:
        return ZigZagState(2.0, high, s.min, 0.0, s.pivot, s.pivot_age, 0.0)
    if low <= s.min:
        return ZigZagState(3.0, s.max, low, 0.0, s.pivot, s.pivot_age, 0.0)
    return ZigZagState(1.0, s.max, s.min, 0.0, s.pivot, s.pivot_age, age)


class Pivot(NamedTuple):
    """A confirmed turn. It stood on `bar` at `price`, and nobody could know before the close of `visible_at`."""

    bar: int
    visible_at: int
    price: float
    is_low: bool


def pivots(flip: Sequence[float], pivot: Sequence[float], pivot_age: Sequence[float]) -> list[Pivot]:
    """The confirmed turns in the columns of `zigzag(…)`, oldest first."""
    return [
        Pivot(i - int(pivot_age[i]), i, float(pivot[i]), flip[i] > 0.0)
        for i in range(len(flip))
        if flip[i] > 0.0 or flip[i] < 0.0
    ]


class FirstSeenState(NamedTuple):
    value: float
    pending: float  # an arrow that the next bar shows: ±1 unless the leg is extended, ±2 in any case
    state: float
    high: float
    low: float
    at_max: float
    at_min: float


def first_seen_inputs(
    percentage: float,
    absolute: float,
    atr_length: int,
    atr_reversal: float,
    tick_reversal: float,
    tick_size: float,
    method: Method,
    average: Average,
    average_length: int,
) -> tuple[str, ...]:
    numbers = f"{percentage},{absolute},{atr_length},{atr_reversal},{tick_reversal},{tick_size}"
    choices = f"method={method},average={average},average_length={average_length}"
    whole = f"zigzag({{high}},{{low}},{numbers},{choices})"
    return (*zigzag_prices(method, average, average_length), *(f"{whole}.{part}" for part in ("state", "max", "min")))


@indicator(
    "zigzag_first_seen",
    sources=("high", "low"),
    inputs=first_seen_inputs,
    init=FirstSeenState(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    check=needs_a_threshold,
)
def zigzag_first_seen(
    s: FirstSeenState,
    high: float,
    low: float,
    state: float,
    top: float,
    bottom: float,
    percentage: Percent = 5.0,
    absolute: Distance = 0.0,
    atr_length: Period = 5,
    atr_reversal: Factor = 1.5,
    tick_reversal: Distance = 0.0,
    tick_size: Distance = 0.01,
    method: Method = "high_low",
    average: Average = "ema",
    average_length: Period = 5,
) -> FirstSeenState:
    """The Trend Reversal arrow as a person at the screen first sees it: 1 up, −1 down, else 0; frozen once given.

    The value stands on the bar whose close showed the arrow; the arrow itself is drawn one bar earlier. An up arrow is
    drawn after a bar on the running low of a downtrend, if the next bar stays above that low without turning and the
    one after sets no new low, or if the next bar turns up with a higher low. Down mirrored. About a third of these
    belong to legs that go on: they need a stop. The confirmed form is `zigzag(…).flip`.
    """
    extended = (s.pending == 1.0 and state == 3.0 and low == bottom) or (
        s.pending == -1.0 and state == 2.0 and high == top
    )
    seen = 0.0
    if s.pending != 0.0 and not extended:
        seen = 1.0 if s.pending > 0.0 else -1.0
    pending = 0.0
    if s.state == 3.0 and s.at_min == 1.0:
        if state == 3.0 and low > bottom:
            pending = 1.0
        elif state == 2.0 and low > s.low:
            pending = 2.0
    elif s.state == 2.0 and s.at_max == 1.0:
        if state == 2.0 and high < top:
            pending = -1.0
        elif state == 3.0 and high < s.high:
            pending = -2.0
    at_max = 1.0 if high == top else 0.0
    at_min = 1.0 if low == bottom else 0.0
    return FirstSeenState(seen, pending, state, high, low, at_max, at_min)
