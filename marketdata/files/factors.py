"""Factor files: what a symbol's old prices are multiplied with, one row per change."""

from pathlib import Path

from engine.errors import InvalidInput
from engine.instruments.adjustments import Adjustments, Factor
from marketdata.files.numbers import to_floats
from marketdata.files.select import select_symbol
from marketdata.files.table import CSV, PARQUET, column_names, read_table
from marketdata.files.times import to_ns

_COLUMNS = ("symbol", "date", "price_factor", "split_factor")


def are_factors(path: Path) -> bool:
    """Whether the file has the columns of factors and is no other kind of history."""
    if not path.is_file() or path.suffix.lower() not in (*CSV, *PARQUET, ".gz", ".zip"):
        return False
    names = set(column_names(path))
    return {"price_factor", "split_factor"} <= names and not {"open", "price"} & names


def read_factors(path: str | Path, symbol: str) -> Adjustments:
    """The factors of `symbol` from a file with `symbol date price_factor split_factor`.

    A row holds for every day after the row before it, up to and including its own `date` (YYYYMMDD or ISO).
    """
    table = read_table(Path(path))
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InvalidInput(f"{missing[0]}: a file of factors needs {', '.join(_COLUMNS)}", field=missing[0])
    rows, _ = select_symbol(table, {"symbol": "symbol"}, symbol)
    days = to_ns(_as_text(rows.column("date")), name="date").astype("datetime64[ns]").astype("datetime64[D]").tolist()
    prices = to_floats(rows.column("price_factor"), name="price_factor").tolist()
    splits = to_floats(rows.column("split_factor"), name="split_factor").tolist()
    return Adjustments([Factor(*row) for row in zip(days, splits, prices, strict=True)])


def _as_text(column: object) -> object:
    """20140606 is a date here, not a number of seconds."""
    import pyarrow as pa  # on first use: slow to import
    import pyarrow.compute as pc

    return pc.cast(column, pa.string())
