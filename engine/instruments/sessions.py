"""When an exchange trades: trading days, half days and the CME's daily break. New York time lives here only."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from engine.errors import InvalidInput, NotFound
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, from_datetime, to_datetime

NEW_YORK = ZoneInfo("America/New_York")
_FIRST, _LAST = date(1995, 1, 1), date(2035, 12, 31)  # of the exchange calendars we ask for


class Session(NamedTuple):
    """One trading day, [open, close). What happens between two sessions belongs to the coming one."""

    open: int
    close: int


SessionOf = Callable[[int], Session]
"""The session that a ts falls in or, between sessions, the next: the first whose close is after it."""


def utc_day(ts: int) -> Session:
    """The session of those who name none: the UTC day."""
    start = ts - ts % NS_PER_DAY
    return Session(start, start + NS_PER_DAY)


class Hours(msgspec.Struct, frozen=True):
    """A day's hours in New York time; `open` on the evening before where `opens_evening_before`.

    `half_close` ends the days on which the stock exchange closes early, `halt_close` those on which it is shut but
    this market is not.
    """

    open: time
    close: time
    half_close: time
    halt_close: time
    follows: str  # the exchange calendar that gives the trading days
    opens_evening_before: bool = False


HOURS = {
    # Stocks and most options.
    "XNYS": Hours(time(9, 30), time(16), time(13), time(13), "XNYS"),
    # Stocks with the hours before and after: what tick files and feeds hold.
    "XNYS_EXTENDED": Hours(time(4), time(20), time(17), time(17), "XNYS"),
    # SPX and SPXW options, regular hours; an expiring SPXW stops with the stocks (see `options.last_trade`).
    "SPX_OPTIONS": Hours(time(9, 30), time(16, 15), time(13, 15), time(13, 15), "XNYS"),
    # CME Globex: from the evening before, with the break from 17:00 to 18:00.
    "CME_INDEX": Hours(time(18), time(17), time(13, 15), time(13), "CMES", opens_evening_before=True),
    "CME_COMMODITY": Hours(time(18), time(17), time(13, 45), time(14, 30), "CMES", opens_evening_before=True),
    # Currencies: from the evening before, with the break from 17:00 to 17:15; the week ends on Friday.
    "FOREX": Hours(time(17, 15), time(17), time(17), time(17), "24/5", opens_evening_before=True),
}
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
ALWAYS = "24/7"  # a market that never closes; its day is the UTC day
_NO_CURRENCIES = ((1, 1), (12, 25))  # on working days, too; that calendar knows weekends only
# Metals and energy close later after Thanksgiving than before Christmas and Independence Day.
_COMMODITY_BLACK_FRIDAY = time(14, 45)


class TradingCalendar:
    """The sessions of one set of hours, oldest first. Every question is a binary search over nanoseconds."""

    def __init__(self, name: str, days: Sequence[date], opens: Sequence[int], closes: Sequence[int]) -> None:
        self.name = name
        self._days = days
        self._opens = opens
        self._closes = closes

    def session(self, ts: int) -> Session:
        """The session that `ts` falls in or, between sessions, the next. What `Expander(session=…)` wants."""
        index = self._index(ts)
        return Session(self._opens[index], self._closes[index])

    def session_open(self, ts: int) -> int:
        return self._opens[self._index(ts)]

    def session_close(self, ts: int) -> int:
        return self._closes[self._index(ts)]

    def is_open(self, ts: int) -> bool:
        """Whether the market trades at `ts`; the close itself is closed."""
        return self._opens[self._index(ts)] <= ts

    def trading_day(self, ts: int) -> date:
        """The date that the session of `ts` is booked under."""
        return self._days[self._index(ts)]

    def session_on(self, day: date) -> Session | None:
        """The session booked under `day`; None where there is none."""
        index = bisect_left(self._days, day)
        if index == len(self._days) or self._days[index] != day:
            return None
        return Session(self._opens[index], self._closes[index])

    def close_before(self, day: date) -> int:
        """The end of the last session that is booked under an earlier day than `day`."""
        return self._closes[bisect_left(self._days, day) - 1]

    def sessions(self, start: int, end: int) -> list[Session]:
        """Every session that has a moment in [start, end)."""
        first, after = bisect_right(self._closes, start), bisect_left(self._opens, end)
        return [Session(self._opens[index], self._closes[index]) for index in range(first, after)]

    def _index(self, ts: int) -> int:
        index = bisect_right(self._closes, ts)
        if index == len(self._closes) or ts < self._opens[0] - 31 * NS_PER_DAY:
            raise InvalidInput(
                f"ts: {self.name} is known from {self._days[0]} to {self._days[-1]}, found {to_datetime(ts)}",
                field="ts",
            )
        return index


class BusinessDays:
    """Days on which the stock exchange trades: what contracts count in."""

    def __init__(self, days: Sequence[date]) -> None:
        self._days = days

    def __contains__(self, day: date) -> bool:
        index = bisect_left(self._days, day)
        return index < len(self._days) and self._days[index] == day

    def add(self, day: date, count: int) -> date:
        """The business day `count` after `day` (before it if negative); `day` itself need not be one."""
        index = bisect_right(self._days, day) - 1 + count if count >= 0 else bisect_left(self._days, day) + count
        if not 0 <= index < len(self._days):
            raise InvalidInput(f"day: {day} with {count:+} business days is outside {_FIRST} … {_LAST}", field="day")
        return self._days[index]

    def before(self, day: date) -> date:
        """The last business day before `day`."""
        return self.add(day, -1)

    def at_or_before(self, day: date) -> date:
        return day if day in self else self.before(day)


@cache
def calendar(name: str) -> TradingCalendar:
    """The calendar called `name`, one of `HOURS`."""
    if name not in HOURS:
        raise NotFound(f"calendar: expected one of {', '.join(HOURS)} or {ALWAYS}; found {name!r}", field="calendar")
    hours = HOURS[name]
    days = _exchange_days(hours.follows)
    sessions = [_hours_of(name, hours, day) for day in days]
    return TradingCalendar(name, days, [each.open for each in sessions], [each.close for each in sessions])


@cache
def business_days() -> BusinessDays:
    """Business days, one calendar for all products: the CME books its holiday sessions under the next one."""
    return BusinessDays(_exchange_days("XNYS"))


def session_of(name: str) -> SessionOf:
    """ts → session by the calendar `name`, "24/7" included."""
    return utc_day if name == ALWAYS else calendar(name).session


def is_open(name: str, ts: int) -> bool:
    return name == ALWAYS or calendar(name).is_open(ts)


def is_half_day(day: date) -> bool:
    """Whether the stock exchange closes early on `day`."""
    return day in _half_days()


def new_york(ts: int) -> datetime:
    """The wall clock of New York, truncated to microseconds."""
    return to_datetime(ts).astimezone(NEW_YORK)


def new_york_minute(ts: int) -> float:
    """Minutes since New York's midnight, above 0: what ends at midnight ends the day before, at 1440."""
    return ((ts + _offset(ts) - 1) % NS_PER_DAY + 1) / NS_PER_MINUTE


def new_york_weekday(ts: int) -> float:
    """The day of New York's week on which something ended at `ts`: 0 for Monday; midnight belongs to the day before."""
    return float(((ts + _offset(ts) - 1) // NS_PER_DAY + _EPOCH_WEEKDAY) % 7)


def _offset(ts: int) -> int:
    """New York's nanoseconds ahead of UTC just before `ts`; it changes on full hours only."""
    return _offset_in((ts - 1) // NS_PER_HOUR)


@lru_cache(maxsize=100_000)
def _offset_in(hour: int) -> int:
    ahead = new_york(hour * NS_PER_HOUR).utcoffset()
    return int((ahead or timedelta()).total_seconds()) * NS_PER_S


def from_new_york(day: date, clock: time) -> int:
    """UTC nanoseconds of New York's `clock` on `day`."""
    return from_datetime(datetime.combine(day, clock, NEW_YORK).astimezone(UTC))


def _hours_of(name: str, hours: Hours, day: date) -> Session:
    close = hours.close
    if is_half_day(day):
        is_black_friday = name == "CME_COMMODITY" and day.month == 11
        close = _COMMODITY_BLACK_FRIDAY if is_black_friday else hours.half_close
    elif day not in business_days():
        close = hours.halt_close
    opening_day = day - timedelta(days=1) if hours.opens_evening_before else day
    return Session(from_new_york(opening_day, hours.open), from_new_york(day, close))


@cache
def _exchange_days(name: str) -> tuple[date, ...]:
    # On first use: the library brings pandas, and most processes start without needing a calendar.
    from exchange_calendars import get_calendar

    found = get_calendar(name, start=_FIRST.isoformat(), end=_LAST.isoformat())
    closed = _NO_CURRENCIES if name == "24/5" else ()
    return tuple(day for day in (stamp.date() for stamp in found.sessions) if (day.month, day.day) not in closed)


@cache
def _half_days() -> frozenset[date]:
    from exchange_calendars import get_calendar  # on first use, as above

    found = get_calendar("XNYS", start=_FIRST.isoformat(), end=_LAST.isoformat())
    return frozenset(stamp.date() for stamp in found.early_closes)
