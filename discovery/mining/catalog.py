"""The single conditions that rules are made of, unless others are given."""

from collections.abc import Iterable, Iterator

from engine.instruments.instrument import Instrument
from engine.instruments.sessions import HOURS
from engine.rules.conditions import (
    PARTS,
    Category,
    Clock,
    Compare,
    Condition,
    Cross,
    Extreme,
    FromExtreme,
    Gap,
    Mover,
    NewExtreme,
    SessionPart,
    Slope,
    Streak,
    Way,
    Weekday,
    Weekdays,
)

HALF_HOUR, DAY = 30, 24 * 60
WAYS: tuple[Way, ...] = ("up", "down")
EXTREMES: tuple[Extreme, ...] = ("high", "low")
_WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")
_LEVELS = (
    ("rsi(close,14)", 30.0, 70.0),
    ("rsi(close,2)", 10.0, 90.0),
    ("stochastic(14)", 20.0, 80.0),
    ("cci(20)", -100.0, 100.0),
    ("adx(14).value", 20.0, 30.0),
    ("percentile_rank(atr(14),100)", 20.0, 80.0),
    ("relative_volume(20)", 0.5, 2.0),
)
_LINES = ("ema(close,9)", "ema(close,20)", "ema(close,50)", "sma(close,200)", "session_vwap().value")


def default_conditions(instrument: Instrument, categories: Iterable[Category] = tuple(Category)) -> list[Condition]:
    """Those of the categories that are asked for, in an order of their own, none twice."""
    wanted = set(categories)
    every = (*_prices(), *_times(instrument), *_flags(), *_trajectories())
    return [condition for condition in dict.fromkeys(every) if condition.category in wanted]


def _prices() -> Iterator[Condition]:
    for value, low, high in _LEVELS:
        yield Compare(value, "<", low)
        yield Compare(value, ">", high)
    for line in _LINES:
        yield Compare("close", ">", line)
        yield Compare("close", "<", line)
    for fast, slow in (("ema(close,9)", "ema(close,20)"), ("ema(close,20)", "ema(close,50)")):
        yield Compare(fast, ">", slow)
        yield Compare(fast, "<", slow)
    yield Compare("close", ">", "bollinger(20,2).upper")
    yield Compare("close", "<", "bollinger(20,2).lower")
    yield Compare("close", ">", "open")
    yield Compare("close", "<", "open")


def _times(instrument: Instrument) -> Iterator[Condition]:
    opened, closed = day_of(instrument)
    for at in range(opened, closed, HALF_HOUR):
        yield Clock(moment(at), moment(min(at + HALF_HOUR, closed)))
    for part in PARTS:
        yield SessionPart(part)
    for day in _WEEK:
        yield Weekdays((day,))


def day_of(instrument: Instrument) -> tuple[int, int]:
    """When its usual day begins and ends, in minutes of New York's day; the end is later, also past midnight."""
    hours = HOURS.get(instrument.calendar)
    if hours is None:
        return 0, DAY
    opened, closed = (at.hour * 60 + at.minute for at in (hours.open, hours.close))
    return opened, closed if closed > opened else closed + DAY


def moment(minutes: int) -> str:
    """As a clock shows it; midnight is 24:00 where a day ends and 00:00 where it begins, which are the same here."""
    return f"{minutes % DAY // 60:02d}:{minutes % 60:02d}"


def _flags() -> Iterator[Condition]:
    for way in WAYS:
        for line in _LINES:
            yield Cross("close", way, line)
        yield Cross("ema(close,9)", way, "ema(close,20)")
        yield Cross("rsi(close,14)", way, 30.0 if way == "up" else 70.0)
        for least in (0.0005, 0.002):
            yield Gap(way, least)
        for bars, least in ((5, 0.002), (10, 0.005), (30, 0.01)):
            yield Mover(way, bars, least)
    for which in EXTREMES:
        for bars in (10, 20, 60):
            yield NewExtreme(which, bars)


def _trajectories() -> Iterator[Condition]:
    for way in WAYS:
        for value, bars in (("close", 5), ("close", 20), ("ema(close,20)", 5), ("volume", 10), ("atr(14)", 10)):
            yield Slope(value, way, bars)
        for bars in (2, 3, 4):
            yield Streak("close", way, bars)
        yield Streak("volume", way, 2)
    for which in EXTREMES:
        for bars in (20, 60):
            yield FromExtreme(which, bars, "within", 0.0005)
            yield FromExtreme(which, bars, "beyond", 0.003)
