"""The price columns of a bar file for indicators: whatever there is of them, beside the file's own columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidInput
from engine.instruments.sessions import SessionOf
from marketdata.files.names import recognise
from marketdata.files.numbers import Array, time_order, to_floats
from marketdata.files.select import select_symbol
from marketdata.files.table import column_names, read_table
from marketdata.files.times import times, to_ns

PRICES = ("open", "high", "low", "close", "volume", "vwap")


@dataclass(frozen=True)
class PriceTable:
    """Rows of one symbol, oldest first. `ts` is the stamp that the file gives, `is_close` what it means (None where
    the file does not say); both None where the file has no times: the rows are in order then."""

    table: Any
    columns: dict[str, Array]
    symbol: str
    ts: Array | None
    is_close: bool | None

    def sessions(self, session: SessionOf, *, time_is: str | None) -> Array:
        """The open of each row's trading day. A bar stamped at its close belongs to the day that it ends in."""
        if self.ts is None:
            raise InvalidInput("ts: a study of the session needs a column of times", field="ts")
        is_close = self.is_close if time_is is None else time_is == "close"
        if is_close is None:
            raise InvalidInput("time-is: say what the bars' stamp means with --time-is open or close", field="time_is")
        inside = self.ts - 1 if is_close else self.ts
        return np.array([session(int(ts)).open for ts in inside], dtype=np.float64)


def read_prices(
    path: str | Path,
    symbol: str | None = None,
    *,
    contract: str | None = None,
    mapping: Mapping[str, str] | None = None,
    timezone: str = "UTC",
) -> PriceTable:
    """What the file has of open, high, low, close, volume and vwap; an empty volume is 0, an empty price an error."""
    path = Path(path)
    found = recognise(column_names(path), mapping)
    if not found.keys() & set(PRICES):
        raise InvalidInput(f"file: expected columns of prices, found {', '.join(column_names(path))}", field="file")
    table, name = select_symbol(read_table(path), found, symbol, contract)
    stamp = next((key for key in ("ts_close", "ts_open", "ts") if key in found), None)
    ts = None if stamp is None else to_ns(times(table, found, stamp), name=found[stamp], timezone=timezone)
    order = None if ts is None else time_order(ts)
    if order is not None and ts is not None:
        table, ts = table.take(order), ts[order]
    columns = {
        key: to_floats(table.column(found[key]), name=found[key], empty=EMPTY.get(key))
        for key in PRICES
        if key in found
    }
    is_close = {"ts_close": True, "ts_open": False}.get(stamp or "")
    return PriceTable(table=table, columns=columns, symbol=name, ts=ts, is_close=is_close)


EMPTY = {"volume": 0.0, "vwap": float("nan")}


def write_with_columns(prices: PriceTable, added: Mapping[str, Array], path: str | Path) -> None:
    """The file's own columns and then `added`, as .parquet or .csv; nan becomes empty. Whole or not at all."""
    import pyarrow as pa  # on first use: slow to import

    path = Path(path)
    table = prices.table
    for name, values in added.items():
        table = table.append_column(name, pa.array(values, from_pandas=True))
    draft = path.with_name(f".{path.name}.part")
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, draft)
    elif path.suffix.lower() == ".csv":
        from pyarrow import csv

        csv.write_csv(table, draft)
    else:
        raise InvalidInput(f"out: expected .csv or .parquet, found {path.name}", field="out")
    draft.replace(path)
