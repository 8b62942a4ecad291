"""What the times of a file of bars mean: each bar's open, its close and the timeframe."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

import numpy as np

from engine.bars.timeframe import Timeframe, parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.sessions import Session, SessionOf, from_new_york, new_york
from engine.model.time import NS_PER_DAY, NS_PER_S, to_datetime
from marketdata.files.numbers import Array

_NOON = time(12)


def bar_timeframe(
    table: Any, found: Mapping[str, str], timeframe: str | None, stamps: Mapping[str, Array]
) -> Timeframe:
    if timeframe is not None:
        return parse_timeframe(timeframe)
    if "timeframe" in found:
        named = table.column(found["timeframe"]).unique().to_pylist()
        if len(named) != 1:
            raise InvalidInput(f"timeframe: the file holds {named}; one of them was expected", field="timeframe")
        return parse_timeframe(str(named[0]))
    if "ts_open" in stamps and ("ts" in stamps or "ts_close" in stamps):
        closes = stamps.get("ts_close", stamps.get("ts"))
        return _spelled(np.asarray(closes) - stamps["ts_open"])
    return _spelled(np.diff(np.sort(next(iter(stamps.values())))))


def _spelled(gaps: Array) -> Timeframe:
    """The timeframe of the span most often found."""
    spans, counts = np.unique(gaps[gaps > 0], return_counts=True)
    if not len(spans):
        raise InvalidInput("timeframe: cannot be seen from so few bars; give it", field="timeframe")
    seconds = int(spans[np.argmax(counts)]) // NS_PER_S
    return parse_timeframe(f"{min(max(seconds, 1), 86_400)}s")


def bar_span(
    stamps: Mapping[str, Array], timeframe: Timeframe, time_is: str | None, session: SessionOf | None
) -> tuple[Array, Array]:
    """(ts_open, ts) from whichever of them the file gives."""
    if time_is not in (None, "open", "close"):
        raise InvalidInput(f"time-is: expected open or close, found {time_is!r}", field="time_is")
    opens, closes, either = stamps.get("ts_open"), stamps.get("ts_close"), stamps.get("ts")
    if either is not None and closes is None and (opens is not None or time_is == "close"):
        closes = either
    elif either is not None and opens is None and time_is == "open":
        opens = either
    if opens is None and closes is None:
        raise InvalidInput(
            "time-is: the file does not say whether a bar's time is its open or its close; "
            "say --time-is open or --time-is close",
            field="time_is",
        )
    if opens is None and closes is not None:
        if timeframe.text == "1d" and session is not None:
            _refuse_dates(closes, session)
            return np.array([_day_open(ts, session) for ts in closes.tolist()], np.int64), closes
        return closes - _nominal(timeframe), closes
    if closes is None and opens is not None:
        if timeframe.text == "1d" and session is not None:
            return _day_spans(opens, session)
        return opens, opens + _nominal(timeframe)
    return np.asarray(opens), np.asarray(closes)


def _nominal(timeframe: Timeframe) -> int:
    if timeframe.duration_ns is None:
        raise InvalidInput(f"timeframe: bars of {timeframe} must have both ts_open and ts", field="timeframe")
    return timeframe.duration_ns


def _day_spans(opens: Array, session: SessionOf) -> tuple[Array, Array]:
    """The trading day that each stamp opens or, where it is midnight, that it is the date of: a winter's midnight in
    Greenwich is still in the evening before, and its bar must not be known a day too early."""
    days = [(_date_of(ts), ts) for ts in opens.tolist()]
    found = [(ts, session(ts)) if day is None else (None, session(from_new_york(day, _NOON))) for day, ts in days]
    spans = [(day.open if opened is None else opened, day.close) for opened, day in found]
    return tuple(np.array(spans, np.int64).reshape(-1, 2).T)  # type: ignore[return-value]  # two rows


def _day_open(close: int, session: SessionOf) -> int:
    """Where the trading day that `close` is in began: its date says which splits are behind it."""
    opened = session(close - 1).open
    return opened if opened < close else close - NS_PER_DAY


def _refuse_dates(closes: Array, session: SessionOf) -> None:
    """Midnight closes no trading day, but where days end with it."""
    for ts in closes.tolist():
        if _date_of(ts) is not None and session(ts - 1) != Session(ts - NS_PER_DAY, ts):
            raise InvalidInput(
                "time-is: bars of days that are stamped with midnight carry their date, which is no close; "
                "say --time-is open, or give both ts_open and ts",
                field="time_is",
            )


def _date_of(ts: int) -> date | None:
    """The date that a midnight of Greenwich or New York stands for; None for any other moment."""
    if ts % NS_PER_DAY == 0:
        return to_datetime(ts).date()
    local = new_york(ts)
    return local.date() if local.time() == time() and ts % NS_PER_S == 0 else None
