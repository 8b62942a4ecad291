"""Prints from a file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.bars.columns import TickColumns
from engine.errors import InvalidInput
from engine.model.market import Tick
from marketdata.files.names import recognise, require
from marketdata.files.numbers import Array, time_order, to_floats, to_ints
from marketdata.files.select import select_symbol
from marketdata.files.table import column_names, read_table
from marketdata.files.times import times, to_ns


def read_ticks(
    path: str | Path,
    symbol: str | None = None,
    *,
    contract: str | None = None,
    mapping: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    start: int | None = None,
    end: int | None = None,
) -> TickColumns:
    """The prints of `symbol`, oldest first; prints of one moment keep the file's order.

    A file without sizes has a size of 1 per print; a single empty size is 0. `start` and `end` are UTC nanoseconds,
    start ≤ ts < end. See `select_symbol` for how a symbol is found.
    """
    path = Path(path)
    table, found = _load(path, mapping)
    table, name = select_symbol(table, found, symbol, contract)
    ts = to_ns(times(table, found, "ts"), name=found["ts"], timezone=timezone)
    rows = _rows(ts, start, end)
    return TickColumns(
        symbol=name,
        ts=ts[rows],
        price=to_floats(table.column(found["price"]), name=found["price"])[rows],
        size=_sizes(table, found, len(ts))[rows],
        conditions=to_ints(table.column(found["cond"]), name=found["cond"])[rows] if "cond" in found else None,
        bid=_optional(table, found, "bid", rows),
        ask=_optional(table, found, "ask", rows),
    )


def iter_ticks(path: str | Path, symbol: str | None = None, *, chunk: int = 8_192, **options: Any) -> Iterator[Tick]:
    """The prints as events, made chunk by chunk; `options` are those of `read_ticks`."""
    return read_ticks(path, symbol, **options).ticks(chunk=chunk)


def _load(path: Path, mapping: Mapping[str, str] | None) -> tuple[Any, dict[str, str]]:
    names = column_names(path)
    found = recognise(names, mapping)
    if "price" not in found and {"open", "high", "low", "close"} <= found.keys():
        raise InvalidInput(f"file: expected prints, {path.name} holds bars", field="file")
    if "size" not in found and "volume" in found:
        found["size"] = found["volume"]
    require(found, ("ts", "price"), names, what="prints")
    wanted = ("ts", "date", "price", "size", "cond", "bid", "ask", "symbol", "expiry", "right", "strike")
    found = {name: found[name] for name in wanted if name in found}
    return read_table(path, sorted(set(found.values()))), found


def _rows(ts: Array, start: int | None, end: int | None) -> Array | slice:
    """Which rows, in which order."""
    order = time_order(ts)
    if start is None and end is None:
        return slice(None) if order is None else order
    order = np.arange(len(ts)) if order is None else order
    first = 0 if start is None else int(np.searchsorted(ts[order], start))
    last = len(ts) if end is None else int(np.searchsorted(ts[order], end))
    return order[first:last]


def _sizes(table: Any, found: Mapping[str, str], count: int) -> Array:
    if "size" not in found or table.column(found["size"]).null_count == count:
        return np.ones(count)
    sizes = to_floats(table.column(found["size"]), name=found["size"], empty=0.0)
    if count and sizes.min() < 0:
        raise InvalidInput(f"{found['size']}: expected sizes of 0 or more, found {sizes.min()}", field=found["size"])
    return sizes


def _optional(table: Any, found: Mapping[str, str], name: str, rows: Array | slice) -> Array | None:
    """nan where there is none; None where there never is one."""
    if name not in found or table.column(found[name]).null_count == table.num_rows:
        return None
    values: Array = to_floats(table.column(found[name]), name=found[name], empty=float("nan"))[rows]
    return values
