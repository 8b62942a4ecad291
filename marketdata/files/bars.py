"""Bars from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.instruments.sessions import SessionOf
from marketdata.files.names import recognise, require
from marketdata.files.numbers import Array, time_order, to_floats, to_ints
from marketdata.files.select import select_symbol
from marketdata.files.stamps import bar_span, bar_timeframe
from marketdata.files.table import column_names, read_table
from marketdata.files.times import times, to_ns

OHLC = ("open", "high", "low", "close")
_WANTED = ("ts_open", "ts", "ts_close", "date", *OHLC, "volume", "trade_count", "vwap", "symbol", "timeframe",
           "expiry", "right", "strike")  # fmt: skip


def read_bars(
    path: str | Path,
    symbol: str | None = None,
    *,
    contract: str | None = None,
    timeframe: str | None = None,
    time_is: str | None = None,
    mapping: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    session: SessionOf | None = None,
    start: int | None = None,
    end: int | None = None,
) -> BarColumns:
    """The bars of `symbol`, oldest first, stamped at their close whatever the file does.

    `time_is` says what the file's single stamp means: "open" or "close"; it must be given unless the file's columns
    say so themselves (`ts_open`, or a column named for the close). The timeframe is the one given, the file's column,
    or else the span most often found between two bars. A day stamped at its open ends with its `session`, if given,
    else 24 hours later. Volume that is empty is 0. `start` and `end` are UTC nanoseconds, start < ts ≤ end.
    """
    path = Path(path)
    table, found = _load(path, mapping)
    table, name = select_symbol(table, found, symbol, contract)
    stamps: dict[str, Array] = {
        key: to_ns(times(table, found, key), name=found[key], timezone=timezone)
        for key in ("ts_open", "ts", "ts_close")
        if key in found
    }
    parsed = bar_timeframe(table, found, timeframe, stamps)
    ts_open, ts = bar_span(stamps, parsed, time_is, session)
    rows = _rows(ts, start, end)
    prices = {key: to_floats(table.column(found[key]), name=found[key])[rows] for key in OHLC}
    return BarColumns(
        symbol=name,
        timeframe=parsed.text,
        ts_open=ts_open[rows],
        ts=ts[rows],
        **prices,
        volume=_column(table, found, "volume", 0.0)[rows],
        trade_count=(
            to_ints(table.column(found["trade_count"]), name=found["trade_count"])
            if "trade_count" in found
            else np.zeros(len(ts), np.int64)
        )[rows],
        vwap=_column(table, found, "vwap", float("nan"))[rows],
        is_complete=np.ones(len(ts), np.bool_)[rows],
    )


def _load(path: Path, mapping: Mapping[str, str] | None) -> tuple[Any, dict[str, str]]:
    names = column_names(path)
    found = recognise(names, mapping)
    if "price" in found and not set(OHLC) & found.keys():
        raise InvalidInput(f"file: expected bars, {path.name} holds prints; build bars from it first", field="file")
    require(found, OHLC, names, what="bars")
    if not {"ts", "ts_open", "ts_close"} & found.keys():
        require(found, ("ts",), names, what="bars")
    found = {name: found[name] for name in _WANTED if name in found}
    return read_table(path, sorted(set(found.values()))), found


def _rows(ts: Array, start: int | None, end: int | None) -> Array:
    order = time_order(ts)
    order = np.arange(len(ts)) if order is None else order
    first = 0 if start is None else int(np.searchsorted(ts[order], start, side="right"))
    last = len(ts) if end is None else int(np.searchsorted(ts[order], end, side="right"))
    return order[first:last]


def _column(table: Any, found: Mapping[str, str], name: str, empty: float) -> Array:
    if name not in found:
        return np.full(table.num_rows, empty)
    return to_floats(table.column(found[name]), name=found[name], empty=empty)
