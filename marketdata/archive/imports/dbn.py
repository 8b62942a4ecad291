"""Databento's DBN files as Arrow tables with our column names."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput
from engine.instruments.futures import parse_contract
from engine.model.time import to_datetime

SUFFIXES = (".dbn", ".dbn.zst")
_CHUNK = 1 << 20
_SCALE = 1e9  # https://databento.com/docs/standards-and-conventions/common-fields-enums-types
_TIMEFRAMES = {"OHLCV_1S": "1s", "OHLCV_1M": "1", "OHLCV_1H": "1h", "OHLCV_1D": "1d"}
_READABLE = "trades, tbbo, mbp-1, ohlcv-1s, ohlcv-1m, ohlcv-1h or ohlcv-1d"


def is_dbn(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def read_dbn(path: Path) -> tuple[Any, dict[str, int]]:
    """The file's rows as a table, and how many records were left out, by reason.

    Prints have `ts price size bid ask symbol`, bars `ts_open timeframe open high low close volume symbol`. Times are
    the exchange's (`ts_event`); a bar's is its open. Of the top of the book only its trades are taken.
    """
    import databento_dbn  # on first use: only imports need it
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    skipped: dict[str, int] = {}
    names: dict[tuple[int, date], str] = {}
    try:
        for record in _records(path):
            if isinstance(record, databento_dbn.Metadata):
                names = _names(record)
                continue
            row = _row(record)
            if isinstance(row, str):
                skipped[row] = skipped.get(row, 0) + 1
                continue
            stamp = to_datetime(record.ts_event).date()
            row["symbol"] = _spelled(names.get((record.instrument_id, stamp)) or str(record.instrument_id), stamp)
            rows.append(row)
    except (databento_dbn.DBNError, RuntimeError) as error:  # the latter for a bad zstd frame
        raise InvalidInput(f"file: {path.name} cannot be read: {error}", field="file") from error
    if not rows and skipped:
        held = ", ".join(f"{count} {what}" for what, count in skipped.items())
        raise InvalidInput(
            f"file: {path.name} holds no print and no bar, but {held}; {_READABLE} are read", field="file"
        )
    if not rows:
        raise InvalidInput(f"file: {path.name} holds no records", field="file")
    table = pa.Table.from_pylist(rows)
    for name in ("ts", "ts_open"):
        if name in table.column_names:
            at = table.column_names.index(name)
            table = table.set_column(at, name, table.column(name).cast(pa.timestamp("ns", "UTC")))
    return table, skipped


def _records(path: Path) -> Iterator[Any]:
    import databento_dbn

    is_packed = path.name.lower().endswith(".zst")
    packing: Any = databento_dbn.Compression.ZSTD if is_packed else databento_dbn.Compression.NONE
    decoder = databento_dbn.DBNDecoder(compression=packing)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            decoder.write(chunk)
            yield from decoder.decode()
    if decoder.buffer():
        raise InvalidInput(f"file: {path.name} ends in the middle of a record", field="file")


def _names(metadata: Any) -> dict[tuple[int, date], str]:
    """(instrument id, day) → the symbol that was asked for."""
    return {
        (int(each["symbol"]), date.fromordinal(day)): symbol
        for symbol, mappings in metadata.mappings.items()
        for each in mappings
        if each["symbol"].isdigit()
        for day in range(each["start_date"].toordinal(), each["end_date"].toordinal())
    }


@lru_cache
def _spelled(symbol: str, day: date) -> str:
    """The exchange writes one digit of a contract's year: which decade it is, the day of the record says."""
    try:
        return parse_contract(symbol, as_of=day).symbol
    except InvalidInput:
        return symbol


def _row(record: Any) -> dict[str, Any] | str:
    """One record as a row; a text says why it is none."""
    import databento_dbn

    if isinstance(record, databento_dbn.OHLCVMsg):
        timeframe = _TIMEFRAMES.get(record.rtype.name)
        if timeframe is None:
            return f"bars of {record.rtype.name}"
        prices = {name: _price(getattr(record, name)) for name in ("open", "high", "low", "close")}
        return {"ts_open": record.ts_event, "timeframe": timeframe, **prices, "volume": float(record.volume)}
    if not isinstance(record, databento_dbn.TradeMsg | databento_dbn.MBP1Msg):
        return f"{type(record).__name__} records"
    if str(record.action) != "T":
        return "changes of the book that are no trades"
    row = {"ts": record.ts_event, "price": _price(record.price), "size": float(record.size)}
    if isinstance(record, databento_dbn.MBP1Msg):
        (level,) = record.levels
        row |= {"bid": _price(level.bid_px), "ask": _price(level.ask_px)}
    return row


def _price(raw: int) -> float:
    return float("nan") if raw == 2**63 - 1 else raw / _SCALE
