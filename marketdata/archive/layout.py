"""Where a symbol's history lies: folders by kind, symbol and timeframe, one file for each span of time."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from engine.bars.timeframe import parse_timeframe
from engine.errors import InvalidInput
from engine.model.time import NS_PER_MINUTE, from_datetime, to_datetime

BARS, TICKS, FACTORS = "bars", "ticks", "factors"
SUFFIX = ".parquet"
_NAME = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_BY_DAY_BELOW_NS = 15 * NS_PER_MINUTE  # coarser bars are so few a day that a file a month holds them


class Span(NamedTuple):
    """One file's time, [start, end) in UTC nanoseconds. Its name is the date as far as it goes: day, month or year."""

    name: str
    start: int
    end: int

    @property
    def first_day(self) -> date:
        return to_datetime(self.start).date()

    @property
    def last_day(self) -> date:
        return to_datetime(self.end - 1).date()

    def holds(self, other: "Span") -> bool:
        """Whether `other` lies within this one and is another."""
        return self != other and self.start <= other.start and other.end <= self.end


def parse_span(name: str) -> Span | None:
    """The span called `name` ("2026", "2026-11", "2026-11-20"); None for what is no such name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        start = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        end = date.fromordinal(start.toordinal() + 1)
    else:
        end = date(year + 1, 1, 1) if month in (0, 12) else date(year, month + 1, 1)
    return Span(name, _ns(start), _ns(end))


def span_at(ts: int, width: int) -> Span:
    """The span of `width` characters of the date (4 a year, 7 a month, 10 a day) that `ts` falls in."""
    found = parse_span(to_datetime(ts).date().isoformat()[:width])
    if found is None:
        raise InvalidInput(f"ts: a moment between the years 1 and 9998 was expected, found {ts}", field="ts")
    return found


def width_of(kind: str, timeframe: str) -> int:
    """How wide new files are: a year of days, a month of quarter hours and more, else one UTC day."""
    if kind == TICKS:
        return 10
    duration = parse_timeframe(timeframe).duration_ns
    if timeframe == "1d":
        return 4
    return 7 if duration is not None and duration >= _BY_DAY_BELOW_NS else 10


def folder(root: Path, kind: str, symbol: str, timeframe: str = "") -> Path:
    """`bars/symbol=%2FNQ/timeframe=144t`: every symbol is one folder name, and the way back is exact.

    The form is the one that DuckDB, Polars and Spark read as columns ("hive partitioning").
    """
    path = root / kind / f"symbol={quote(symbol, safe='')}"
    return path / f"timeframe={timeframe}" if kind == BARS else path


def symbol_of(path: Path) -> str:
    """The symbol of a folder "symbol=%2FNQ"."""
    return unquote(path.name.removeprefix("symbol="))


def timeframe_of(path: Path) -> str:
    return path.name.removeprefix("timeframe=")


def spans_in(path: Path) -> list[Span]:
    """The files of one folder by time. A coarser file holds everything of its time: finer ones within it are what a
    killed compaction left, and are not listed."""
    if not path.is_dir():
        return []
    found = [span for each in path.glob(f"*{SUFFIX}") if (span := parse_span(each.stem)) is not None]
    return sorted(
        (span for span in found if not any(other.holds(span) for other in found)), key=lambda span: span.start
    )


def leftovers_in(path: Path) -> list[Span]:
    """Finer files whose content a coarser one holds."""
    found = [span for each in path.glob(f"*{SUFFIX}") if (span := parse_span(each.stem)) is not None]
    return [span for span in found if any(other.holds(span) for other in found)]


def _ns(day: date) -> int:
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))
