"""One file into the archive, symbol by symbol."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.bars.columns import BarColumns, TickColumns
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import asset_class_of, bar_session, normalize_symbol
from engine.instruments.instrument import AssetClass
from marketdata.archive import tables
from marketdata.archive.imports.check import Rejections, Sieve, check_amounts, check_prices, moments, numbers
from marketdata.archive.imports.load import ROW, Loaded, load
from marketdata.archive.store import Archive, Written
from marketdata.files.bars import OHLC
from marketdata.files.names import recognise, require
from marketdata.files.numbers import Array
from marketdata.files.select import select_symbol
from marketdata.files.stamps import bar_span, bar_timeframe

KINDS = ("bars", "ticks")


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says about a file. `kind` empty: bars where there are four prices, else prints. `source` names
    where it comes from; `is_adjusted` that its prices are split-adjusted already."""

    kind: str = ""
    symbol: str | None = None
    contract: str | None = None
    timeframe: str | None = None
    time_is: str | None = None
    timezone: str = "UTC"
    mapping: dict[str, str] = {}
    source: str = ""
    quality: str = "vendor"
    asset_class: AssetClass | None = None
    is_adjusted: bool = False
    replace: bool = False
    dry_run: bool = False


class Imported(msgspec.Struct, kw_only=True):
    """What became of one symbol's rows: written, in the way of something better or there already, rejected and why."""

    symbol: str
    kind: str
    timeframe: str = ""
    rows: int = 0
    first: int = 0
    last: int = 0
    written: Written = Written()
    rejections: dict[str, tuple[int, int]] = {}


def import_file(archive: Archive, path: Path, options: ImportOptions) -> Iterator[Imported]:
    """Import `path`; one result per symbol as it is done. With `dry_run` all is read and checked, nothing written."""
    loaded = load(path)
    found = _recognised(loaded, options)
    kind = options.kind or ("bars" if set(OHLC) <= found.keys() else "ticks")
    if kind not in KINDS:
        raise InvalidInput(f"kind: expected bars or ticks, found {kind!r}", field="kind")
    _require(found, kind, loaded.table.column_names)
    if loaded.rejected:
        yield Imported(symbol="", kind=kind, rejections={why: (n, 0) for why, n in loaded.rejected.items()})
    for name, table in _by_symbol(loaded.table, found, options):
        yield _import_symbol(archive, name, table, found, kind, options, path)


def _recognised(loaded: Loaded, options: ImportOptions) -> dict[str, str]:
    found = recognise([name for name in loaded.table.column_names if name != ROW], options.mapping)
    if "size" not in found and "price" in found and "volume" in found:
        found["size"] = found["volume"]
    return found


def _require(found: Mapping[str, str], kind: str, columns: list[str]) -> None:
    names = [name for name in columns if name != ROW]
    require(found, OHLC if kind == "bars" else ("price",), names, what=kind)
    if not {"ts", *(("ts_open", "ts_close") if kind == "bars" else ())} & found.keys():
        require(found, ("ts",), names, what=kind)


def _by_symbol(table: Any, found: dict[str, str], options: ImportOptions) -> Iterator[tuple[str, Any]]:
    """The rows of each symbol, or of the one that was asked for."""
    import pyarrow.compute as pc

    if options.symbol or options.contract or "symbol" not in found:
        rows, name = select_symbol(table, found, options.symbol, options.contract)
        if not name:
            raise InvalidInput("symbol: the file names none; say it with --symbol", field="symbol")
        yield options.symbol or name, rows
        return
    if {"expiry", "right", "strike"} <= found.keys():
        select_symbol(table, found, None)  # says which form of symbol is expected
    column = table.column(found["symbol"])
    for name in sorted(name for name in pc.unique(column).to_pylist() if name is not None):
        yield str(name), table.filter(pc.equal(column, name))
    if column.null_count:
        yield "", table.filter(pc.is_null(column))


def _import_symbol(
    archive: Archive, name: str, table: Any, found: dict[str, str], kind: str, options: ImportOptions, path: Path
) -> Imported:
    rejections = Rejections()
    result = Imported(symbol=name, kind=kind, rows=table.num_rows)
    rows = np.asarray(table.column(ROW).to_numpy())
    sieve = Sieve(rows, rejections)
    try:
        if not name:
            raise InvalidInput("the row names no symbol", field="symbol")
        result.symbol = normalize_symbol(name, options.asset_class)
        make = _bars if kind == "bars" else _ticks
        made, timeframe = make(table, found, result.symbol, options, sieve)
    except FortifiedError as error:
        if error.field not in ("symbol", "ts"):
            raise
        sieve.reject(np.ones(len(rows), np.bool_), error.detail)
        result.rejections = rejections.reasons
        return result
    ts = tables.column(made, "ts")
    result.timeframe, result.rejections = timeframe, rejections.reasons
    if len(ts):
        result.first, result.last = int(ts.min()), int(ts.max())
    if not options.dry_run:
        source = options.source or f"file:{path.name}"
        made = _with_source(made, source, options.quality)
        if kind == "bars":
            result.written = archive.append_bars(result.symbol, timeframe, made, replace=options.replace)
        else:
            result.written = archive.append_ticks(result.symbol, made, replace=options.replace)
    return result


def _bars(table: Any, found: dict[str, str], symbol: str, options: ImportOptions, sieve: Sieve) -> tuple[Any, str]:
    stamps: dict[str, Array] = {
        key: moments(table, found, key, timezone=options.timezone, sieve=sieve)
        for key in ("ts_open", "ts", "ts_close")
        if key in found
    }
    prices = {key: numbers(table, found[key]) for key in OHLC}
    check_prices(sieve, prices, may_be_negative=asset_class_of(symbol) is AssetClass.FUTURE)
    volume = check_amounts(sieve, _or_nan(table, found, "volume"), "volume")
    count = check_amounts(sieve, _or_nan(table, found, "trade_count"), "trade_count")
    vwap = _or_nan(table, found, "vwap")
    keep = sieve.keep.copy()
    stamps = {key: values[keep] for key, values in stamps.items()}
    parsed = bar_timeframe(table.filter(keep), found, options.timeframe, stamps)
    session = bar_session(symbol) if parsed.text == "1d" else None
    ts_open, ts = bar_span(stamps, parsed, options.time_is, session)
    within = Sieve(sieve.rows[keep], sieve.rejections)
    within.reject(ts_open > ts, "the bar ends before it begins")
    last = within.keep
    order = np.argsort(ts[last], kind="stable")

    def chosen(values: Array) -> Array:
        return values[keep][last][order]

    columns = BarColumns(
        symbol=symbol,
        timeframe=parsed.text,
        ts_open=ts_open[last][order],
        ts=ts[last][order],
        **{key: chosen(prices[key]) for key in OHLC},
        volume=chosen(volume),
        trade_count=chosen(count).astype(np.int64),
        vwap=chosen(vwap),
        is_complete=np.ones(len(order), np.bool_),
    )
    made = tables.table_of_columns(columns, source="", quality="", is_adjusted=options.is_adjusted)
    return made, parsed.text


def _ticks(table: Any, found: dict[str, str], symbol: str, options: ImportOptions, sieve: Sieve) -> tuple[Any, str]:
    ts = moments(table, found, "ts", timezone=options.timezone, sieve=sieve)
    price = numbers(table, found["price"])
    check_prices(sieve, {"price": price}, may_be_negative=asset_class_of(symbol) is not AssetClass.EQUITY)
    size = np.ones(len(ts)) if "size" not in found else check_amounts(sieve, numbers(table, found["size"]), "size")
    rows = np.flatnonzero(sieve.keep)
    rows = rows[np.argsort(ts[rows], kind="stable")]
    bid, ask = (_or_nan(table, found, name)[rows] for name in ("bid", "ask"))
    cond = np.nan_to_num(_or_nan(table, found, "cond")).astype(np.int64)[rows]
    return tables.table_of_ticks(TickColumns(symbol, ts[rows], price[rows], size[rows], cond, bid, ask), source=""), ""


def _or_nan(table: Any, found: Mapping[str, str], name: str) -> Array:
    return numbers(table, found[name]) if name in found else np.full(table.num_rows, np.nan)


def _with_source(table: Any, source: str, quality: str) -> Any:
    import pyarrow as pa

    for name, word in (("source", source), ("quality", quality)):
        at = table.column_names.index(name)
        words = pa.array([word] * table.num_rows, pa.string()).cast(table.schema.field(name).type)
        table = table.set_column(at, table.schema.field(name), words)
    return table
