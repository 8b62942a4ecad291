"""The bars of a study: read once per worker, cut into trading days, each with what kind of day it was."""

import hashlib
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backtest.distributed.spec import StudySpec
from backtest.source import read_archive, read_file
from engine.bars.columns import BarColumns, build_columns, sessions_in
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import new_york

KEPT = 4  # data sets that a worker remembers: workers are few, and a data set is tens of megabytes
TREND_SHARE = 0.5  # of the day's range that lies between its open and its close
WIDE, NARROW = 1.5, 0.67  # of the middle range

_remembered: "OrderedDict[tuple[Any, ...], Bars]" = OrderedDict()


class Day(NamedTuple):
    """One trading day: its bars are [first, after), `behaviour` names all that it was."""

    day: date
    first: int
    after: int
    behaviour: tuple[str, ...]


class Bars(NamedTuple):
    """`digest` is of the content: the same bars have the same, wherever they lie."""

    columns: BarColumns
    days: tuple[Day, ...]
    digest: str


def bars_of(spec: StudySpec, *, archive: str | Path) -> Bars:
    """The bars that `spec` asks for; `InvalidInput` says what is missing. Read once per process and data set."""
    stamp = Path(spec.data).stat().st_mtime_ns if spec.data else 0
    key = (spec.data, stamp, str(archive), spec.symbol, spec.timeframe, spec.start, spec.end, spec.time_is, spec.adjust)
    if key in _remembered:
        _remembered.move_to_end(key)
        return _remembered[key]
    made = _remembered[key] = _read(spec, archive)
    while len(_remembered) > KEPT:
        _remembered.popitem(last=False)
    return made


def _read(spec: StudySpec, archive: str | Path) -> Bars:
    from marketdata.archive.store import Archive  # on first use: it loads pyarrow

    request = spec.request
    if spec.data:
        series = read_file(request, Path(spec.data), spec.symbol, (spec.timeframe,))
    else:
        series = read_archive(request, Archive(archive), spec.symbol, (spec.timeframe,))
    session = bar_session(spec.symbol)
    columns = series.bars[0] if series.ticks is None else build_columns(series.ticks, spec.timeframe, session=session)
    if not len(columns):
        raise InvalidInput(f"start: {series.name} holds nothing of {spec.symbol} in that time", field="start")
    return bars_from(columns)


def bars_from(columns: BarColumns) -> Bars:
    """Columns that are there already, cut into days and named by their content."""
    return Bars(columns, tuple(_days(columns, bar_session(columns.symbol))), _digest(columns))


def _days(columns: BarColumns, session: Any) -> list[Day]:
    """By the session that each bar began in."""
    found = [
        (new_york(close - 1).date(), first, after) for first, after, _, close in sessions_in(columns.ts_open, session)
    ]
    ranges = [float(columns.high[first:after].max() - columns.low[first:after].min()) for _, first, after in found]
    middle = float(np.median(ranges))
    return [
        Day(day, first, after, _behaviour(columns, first, after, width, middle))
        for (day, first, after), width in zip(found, ranges, strict=True)
    ]


def _behaviour(columns: BarColumns, first: int, after: int, width: float, middle: float) -> tuple[str, ...]:
    moved = abs(float(columns.close[after - 1]) - float(columns.open[first]))
    kinds = ["trend" if width > 0 and moved / width >= TREND_SHARE else "range"]
    if width > WIDE * middle:
        kinds.append("volatile")
    elif width < NARROW * middle:
        kinds.append("quiet")
    return tuple(kinds)


def _digest(columns: BarColumns) -> str:
    digest = hashlib.sha256(f"{columns.symbol}|{columns.timeframe}".encode())
    for name in ("ts", "open", "high", "low", "close", "volume"):
        digest.update(np.ascontiguousarray(getattr(columns, name)).tobytes())
    return digest.hexdigest()[:16]
