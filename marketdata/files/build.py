"""Bars built from a file of prints, and bars written to one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.bars.columns import BarColumns, build_columns
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import SessionOf
from marketdata.files.bars import OHLC
from marketdata.files.numbers import Array
from marketdata.files.ticks import read_ticks


def build_bars(
    path: str | Path,
    timeframe: str,
    symbol: str | None = None,
    *,
    contract: str | None = None,
    mapping: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    exclude: int = 0,
    session: SessionOf | None = None,
    start: int | None = None,
    end: int | None = None,
) -> BarColumns:
    """Bars of a file of prints. Without a `session`, day, tick and volume bars are anchored to the trading day of the
    symbol's market."""
    ticks = read_ticks(path, symbol, contract=contract, mapping=mapping, timezone=timezone, start=start, end=end)
    return build_columns(ticks, timeframe, session=session or (bar_session(ticks.symbol) if ticks.symbol else None),
                         exclude=exclude)  # fmt: skip


def write_bars(bars: BarColumns, path: str | Path) -> None:
    """`ts_open ts symbol timeframe open high low close volume trade_count vwap` as .parquet or .csv.

    The file appears whole or not at all. In a CSV times are ISO 8601 UTC with nine decimals, an absent vwap is empty.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InvalidInput(f"out: a folder that exists was expected, found {path.parent}", field="out")
    draft = path.with_name(f".{path.name}.part")
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq  # on first use: slow to import

        pq.write_table(_arrow(bars, as_text=False), draft)
    elif path.suffix.lower() == ".csv":
        from pyarrow import csv  # on first use: slow to import

        options = csv.WriteOptions(quoting_style="none", quoting_header="none")
        csv.write_csv(_arrow(bars, as_text=True), draft, options)
    else:
        raise InvalidInput(f"out: expected .csv or .parquet, found {path.name}", field="out")
    draft.replace(path)


def _arrow(bars: BarColumns, *, as_text: bool) -> Any:
    import pyarrow as pa  # on first use: slow to import

    def stamps(column: Array) -> Any:
        if as_text:
            return pa.array(np.char.add(np.datetime_as_string(column.astype("datetime64[ns]"), unit="ns"), "Z"))
        return pa.array(column, pa.timestamp("ns", "UTC"))

    count = len(bars)
    return pa.table(
        {
            "ts_open": stamps(bars.ts_open),
            "ts": stamps(bars.ts),
            "symbol": pa.array([bars.symbol] * count, pa.string()),
            "timeframe": pa.array([bars.timeframe] * count, pa.string()),
            **{name: pa.array(getattr(bars, name)) for name in (*OHLC, "volume", "trade_count")},
            "vwap": pa.array(bars.vwap, from_pandas=True),
        }
    )
