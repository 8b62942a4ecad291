"""When the synthetic market trades: minutes open and regular, trading days and their starts."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE

MINUTES_PER_DAY = 1440
NEW_YORK = ZoneInfo("America/New_York")
Mask = npt.NDArray[np.bool_]


class Hours(NamedTuple):
    """Minutes after midnight in New York. `day_start` may be negative: the evening before."""

    day_start: int
    day_end: int
    regular_start: int
    regular_end: int
    early_regular_end: int
    early_end: int
    calendar: str


_EQUITY = Hours(4 * 60, 20 * 60, 9 * 60 + 30, 16 * 60, 13 * 60, 17 * 60, "XNYS")
_INDEX = Hours(9 * 60 + 30, 16 * 60, 9 * 60 + 30, 16 * 60, 13 * 60, 13 * 60, "XNYS")
_FUTURE = Hours(-6 * 60, 17 * 60, 9 * 60 + 30, 16 * 60, 13 * 60, 13 * 60, "CMES")
_FOREX = Hours(17 * 60 + 15 - MINUTES_PER_DAY, 17 * 60, 9 * 60 + 30, 16 * 60, 16 * 60, 17 * 60, "24/5")
_HOLIDAYS = {"24/5": ((1, 1), (12, 25))}  # of currencies: that calendar knows weekends only
HOURS = {
    AssetClass.EQUITY: _EQUITY, AssetClass.OPTION: _INDEX, AssetClass.INDEX: _INDEX, AssetClass.FUTURE: _FUTURE,
    AssetClass.FOREX: _FOREX,
}  # fmt: skip


class Sessions:
    """The hours of one asset class; with `always_open` the market never closes and a day is a UTC day."""

    def __init__(self, asset_class: AssetClass, *, always_open: bool) -> None:
        self.always_open = always_open
        self.hours = HOURS[asset_class]
        self._masks: dict[int, tuple[Mask, Mask]] = {}

    def masks(self, day: int) -> tuple[Mask, Mask]:
        """Which of the 1,440 minutes of UTC day number `day` are open, and which are regular hours."""
        if day not in self._masks:
            if len(self._masks) > 1_000:
                self._masks.clear()
            self._masks[day] = self._all_open() if self.always_open else self._by_calendar(day)
        return self._masks[day]

    def trading_day(self, ts: int) -> int:
        """Days since the epoch of the trading day that `ts` belongs to; after the close it is the next one's
        only where the next one's hours have begun."""
        if self.always_open:
            return ts // NS_PER_DAY
        return _local_minute(ts - self.hours.day_start * NS_PER_MINUTE if self.hours.day_start < 0 else ts)[0]

    def day_start(self, trading_day: int) -> int:
        """UTC nanoseconds at which `trading_day` begins."""
        if self.always_open:
            return trading_day * NS_PER_DAY
        return _at_new_york(trading_day, self.hours.day_start)

    def is_open(self, ts: int) -> bool:
        day, rest = divmod(ts, NS_PER_DAY)
        return bool(self.masks(day)[0][rest // NS_PER_MINUTE])

    def _all_open(self) -> tuple[Mask, Mask]:
        everything = np.ones(MINUTES_PER_DAY, dtype=np.bool_)
        return everything, everything

    def _by_calendar(self, day: int) -> tuple[Mask, Mask]:
        is_open = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
        regular = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
        for trading_day in range(day - 1, day + 3):
            kind = _day_kind(self.hours.calendar, trading_day)
            if kind == "closed":
                continue
            hours, early = self.hours, kind == "early"
            _mark(is_open, day, trading_day, hours.day_start, hours.early_end if early else hours.day_end)
            end = hours.early_regular_end if early else hours.regular_end
            _mark(regular, day, trading_day, hours.regular_start, end)
        return is_open, regular


def _mark(mask: Mask, day: int, trading_day: int, start: int, end: int) -> None:
    first = _at_new_york(trading_day, start) // NS_PER_MINUTE - day * MINUTES_PER_DAY
    last = _at_new_york(trading_day, end) // NS_PER_MINUTE - day * MINUTES_PER_DAY
    mask[max(first, 0) : max(last, 0)] = True


@lru_cache(maxsize=4_096)
def _at_new_york(day: int, minute: int) -> int:
    """UTC nanoseconds of `minute` after New York's midnight of day number `day` (by the clock on the wall there)."""
    days, minute = divmod(minute, MINUTES_PER_DAY)
    when = date(1970, 1, 1) + timedelta(days=day + days)
    local = datetime(when.year, when.month, when.day, minute // 60, minute % 60, tzinfo=NEW_YORK)
    return int(local.timestamp()) * 1_000_000_000


def _local_minute(ts: int) -> tuple[int, int]:
    """(day number, minute of day) in New York."""
    local = datetime.fromtimestamp(ts // 1_000_000_000, UTC).astimezone(NEW_YORK)
    return (local.date() - date(1970, 1, 1)).days, local.hour * 60 + local.minute


@lru_cache(maxsize=4_096)
def _day_kind(calendar: str, day: int) -> str:
    """closed | early | full."""
    full, early = _calendar_days(calendar)
    return "early" if day in early else "full" if day in full else "closed"


@lru_cache(maxsize=4)
def _calendar_days(name: str) -> tuple[frozenset[int], frozenset[int]]:
    # Lazy: the library pulls in pandas, and a market that never closes does not need it.
    from exchange_calendars import get_calendar

    calendar = get_calendar(name)
    epoch = date(1970, 1, 1)
    days = [stamp.date() for stamp in calendar.sessions]
    full = frozenset((day - epoch).days for day in days if (day.month, day.day) not in _HOLIDAYS.get(name, ()))
    return full, frozenset((stamp.date() - epoch).days for stamp in calendar.early_closes)
