"""A file as an Arrow table, whatever its format."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput, NotFound

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".txt")


def column_names(path: Path) -> list[str]:
    """The file's columns, without reading its rows where the format allows."""
    if path.suffix.lower() in PARQUET:
        import pyarrow.parquet as pq  # on first use: slow to import

        return list(_guarded(path, lambda: pq.read_schema(path)).names)
    if path.suffix.lower() in (*CSV, ".gz"):
        return list(_guarded(path, lambda: _csv_header(path)))
    return list(read_table(path).column_names)


def read_table(path: Path, columns: Sequence[str] | None = None) -> Any:
    """The rows of a Parquet file, a CSV (also .gz), or the CSVs in a .zip below each other; only `columns` if given."""
    if not path.is_file():
        raise NotFound(f"file: {path} does not exist", field="file")
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        import pyarrow.parquet as pq  # on first use: slow to import

        return _guarded(path, lambda: pq.read_table(path, columns=list(columns) if columns else None))
    if suffix == ".zip":
        return _guarded(path, lambda: _read_zip(path, columns))
    if suffix in (*CSV, ".gz"):
        import pyarrow as pa  # on first use: slow to import

        return _guarded(path, lambda: _read_csv(pa.input_stream(str(path), compression="detect"), columns))
    raise InvalidInput(f"file: expected .parquet, .csv, .csv.gz or .zip, found {path.name}", field="file")


def _csv_header(path: Path) -> list[str]:
    import pyarrow as pa  # on first use: slow to import
    from pyarrow import csv

    return list(csv.open_csv(pa.input_stream(str(path), compression="detect")).schema.names)


def _read_csv(stream: Any, columns: Sequence[str] | None) -> Any:
    from pyarrow import csv

    options = csv.ConvertOptions(include_columns=list(columns) if columns else None, strings_can_be_null=True)
    return csv.read_csv(stream, convert_options=options)


def _read_zip(path: Path, columns: Sequence[str] | None) -> Any:
    import pyarrow as pa  # on first use: slow to import

    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(CSV))
        if not names:
            raise InvalidInput(
                f"file: expected CSVs in {path.name}, found {', '.join(archive.namelist()) or 'nothing'}"
            )
        tables = [_read_csv(pa.BufferReader(archive.read(name)), columns) for name in names]
    return pa.concat_tables(tables, promote_options="permissive")


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    """What the library raises over a damaged file, as ours."""
    import pyarrow as pa  # on first use: slow to import

    if not path.is_file():
        raise NotFound(f"file: {path} does not exist", field="file")
    try:
        return read()
    except (pa.ArrowException, zipfile.BadZipFile, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"file: {path.name} cannot be read: {error}", field="file") from error
