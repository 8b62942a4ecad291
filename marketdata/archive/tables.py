"""The archive's two tables, and the way between them and our events and columns."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from engine.bars.columns import BarColumns, TickColumns
from engine.model.market import NAN, Bar, Tick
from marketdata.files.numbers import Array

PRICES = ("open", "high", "low", "close")
PROVENANCE = ("source", "quality")
TICK_KEY = ("ts", "price", "size", "bid", "ask", "conditions")


def bar_schema() -> Any:
    """Times in nanoseconds; `source`, `quality` and `is_adjusted` say where each row comes from and what it is."""
    import pyarrow as pa  # on first use: slow to import

    stamp, word = pa.timestamp("ns", "UTC"), pa.dictionary(pa.int16(), pa.string())
    return pa.schema(
        [
            ("ts_open", stamp), ("ts", stamp), *[(name, pa.float64()) for name in (*PRICES, "volume")],
            ("trade_count", pa.int64()), ("vwap", pa.float64()), ("is_complete", pa.bool_()),
            ("source", word), ("quality", word), ("is_adjusted", pa.bool_()),
        ]
    )  # fmt: skip


def tick_schema() -> Any:
    """`ts_recv` is when we received a print, 0 where it was never received but imported."""
    import pyarrow as pa  # on first use: slow to import

    stamp, word = pa.timestamp("ns", "UTC"), pa.dictionary(pa.int16(), pa.string())
    return pa.schema(
        [
            ("ts", stamp), ("price", pa.float64()), ("size", pa.float64()), ("bid", pa.float64()),
            ("ask", pa.float64()), ("conditions", pa.int64()), ("ts_recv", pa.int64()), ("source", word),
            ("quality", word),
        ]
    )  # fmt: skip


def table_of_bars(bars: Iterable[Bar], *, is_adjusted: bool = False) -> Any:
    """Bars as they were published, with what they say of themselves."""
    rows = list(bars)
    names = ("ts_open", "ts", *PRICES, "volume", "trade_count", "vwap", "is_complete", *PROVENANCE)
    columns: dict[str, Any] = {name: [getattr(bar, name) for bar in rows] for name in names}
    return _table(bar_schema(), {**columns, "is_adjusted": [is_adjusted] * len(rows)})


def table_of_columns(bars: BarColumns, *, source: str, quality: str, is_adjusted: bool = False) -> Any:
    """Whole columns of bars from one source."""
    count = len(bars)
    names = ("ts_open", "ts", *PRICES, "volume", "trade_count", "vwap", "is_complete")
    columns: dict[str, Any] = {name: getattr(bars, name) for name in names}
    columns |= {"source": [source] * count, "quality": [quality] * count, "is_adjusted": [is_adjusted] * count}
    return _table(bar_schema(), columns)


def table_of_ticks(ticks: TickColumns, *, source: str, quality: str = "vendor", ts_recv: Array | None = None) -> Any:
    """Whole columns of prints from one source."""
    count = len(ticks)
    absent = np.full(count, np.nan)
    columns: dict[str, Any] = {
        "ts": ticks.ts,
        "price": ticks.price,
        "size": ticks.size,
        "bid": absent if ticks.bid is None else ticks.bid,
        "ask": absent if ticks.ask is None else ticks.ask,
        "conditions": np.zeros(count, np.int64) if ticks.conditions is None else ticks.conditions,
        "ts_recv": np.zeros(count, np.int64) if ts_recv is None else ts_recv,
        "source": [source] * count,
        "quality": [quality] * count,
    }
    return _table(tick_schema(), columns)


def table_of_prints(ticks: Sequence[Tick], *, source: str, quality: str = "built") -> Any:
    """Prints as they were received."""
    columns: dict[str, Any] = {name: [getattr(tick, name) for tick in ticks] for name in (*TICK_KEY, "ts_recv")}
    count = len(ticks)
    return _table(tick_schema(), {**columns, "source": [source] * count, "quality": [quality] * count})


def column(table: Any, name: str) -> Array:
    """One column as NumPy: int64 nanoseconds for times, objects for words."""
    import pyarrow as pa  # on first use: slow to import

    values = table.column(name)
    if pa.types.is_timestamp(values.type):
        values = values.cast("int64")
    elif pa.types.is_dictionary(values.type):
        values = values.cast("string")
    return np.asarray(values.to_numpy(zero_copy_only=False))


def to_columns(table: Any, symbol: str, timeframe: str) -> BarColumns:
    names = ("ts_open", "ts", *PRICES, "volume", "trade_count", "vwap", "is_complete")
    return BarColumns(symbol=symbol, timeframe=timeframe, **{name: column(table, name) for name in names})


def to_tick_columns(table: Any, symbol: str) -> TickColumns:
    """Columns that hold nothing are None, as from a file that has none."""
    bid, ask, conditions = (column(table, name) for name in ("bid", "ask", "conditions"))
    return TickColumns(
        symbol,
        column(table, "ts"),
        column(table, "price"),
        column(table, "size"),
        conditions if conditions.any() else None,
        None if np.isnan(bid).all() else bid,
        None if np.isnan(ask).all() else ask,
    )


def to_bars(table: Any, symbol: str, timeframe: str) -> list[Bar]:
    """The rows as events, each with its own provenance."""
    names = ("ts_open", "ts", *PRICES, "volume", "trade_count", "vwap", "is_complete", *PROVENANCE)
    rows = zip(*[column(table, name).tolist() for name in names], strict=True)
    return [
        Bar(ts, symbol, timeframe, ts_open, o, h, low, c, volume, count, vwap if vwap == vwap else NAN,
            is_complete, source, quality)
        for ts_open, ts, o, h, low, c, volume, count, vwap, is_complete, source, quality in rows
    ]  # fmt: skip


def _table(schema: Any, columns: dict[str, Any]) -> Any:
    import pyarrow as pa  # on first use: slow to import

    # By way of int64: a float or a list of Python ints must not pass through another unit.
    arrays = [
        pa.array(np.asarray(columns[field.name], np.int64)).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array(columns[field.name]).cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
