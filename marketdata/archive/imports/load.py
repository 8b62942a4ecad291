"""A file's rows with their numbers, and the lines that are no rows."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput, NotFound
from marketdata.archive.imports.dbn import is_dbn, read_dbn
from marketdata.files.table import CSV, PARQUET, read_table

ROW = "__row__"
_FORMATS = "expected .csv, .csv.gz, .parquet, .dbn, .dbn.zst or a .zip of these"


class Loaded:
    """`table` has a column `ROW`: which row of the file each is, from 1. `rejected` counts what is left out, by
    reason."""

    def __init__(self, table: Any, rejected: dict[str, int]) -> None:
        self.table = table
        self.rejected = rejected


def load(path: Path) -> Loaded:
    """All rows of one file."""
    import numpy as np
    import pyarrow as pa

    if not path.is_file():
        raise NotFound(f"file: {path} does not exist", field="file")
    table, rejected = _read(path)
    return Loaded(table.append_column(ROW, pa.array(np.arange(1, table.num_rows + 1))), rejected)


def _read(path: Path) -> tuple[Any, dict[str, int]]:
    suffix = path.suffix.lower()
    if is_dbn(path):
        return read_dbn(path)
    if suffix in PARQUET:
        return read_table(path), {}
    if suffix == ".zip":
        return _read_zip(path)
    try:
        if suffix == ".gz":
            return _read_csv(gzip.decompress(path.read_bytes()), path.name)
        if suffix in CSV:
            return _read_csv(path.read_bytes(), path.name)
    except (OSError, EOFError) as error:
        raise InvalidInput(f"file: {path.name} cannot be read: {error}", field="file") from error
    raise InvalidInput(f"file: {_FORMATS}; found {path.name}", field="file")


def _read_csv(data: bytes, name: str) -> tuple[Any, dict[str, int]]:
    """The rows that have as many fields as the header."""
    import pyarrow as pa
    from pyarrow import csv

    rejected: dict[str, int] = {}

    def reject(row: Any) -> str:
        reason = f"the line has {row.actual_columns} fields instead of {row.expected_columns}"
        rejected[reason] = rejected.get(reason, 0) + 1
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            parse_options=csv.ParseOptions(delimiter=_delimiter(data), invalid_row_handler=reject),
            convert_options=csv.ConvertOptions(strings_can_be_null=True),
        )
    except pa.ArrowException as error:
        raise InvalidInput(f"file: {name} cannot be read: {error}", field="file") from error
    return table, rejected


def _delimiter(data: bytes) -> str:
    """What the header uses most: comma, semicolon or tab."""
    header = data[:4096].split(b"\n", 1)[0].decode(errors="replace")
    return max(",;\t", key=header.count)


def _read_zip(path: Path) -> tuple[Any, dict[str, int]]:
    import pyarrow as pa

    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith((*CSV, *PARQUET)))
            if not names:
                found = ", ".join(archive.namelist()) or "nothing"
                raise InvalidInput(f"file: {path.name} holds {found}; {_FORMATS}", field="file")
            parts = [_read_member(archive.read(name), name) for name in names]
    except zipfile.BadZipFile as error:
        raise InvalidInput(f"file: {path.name} cannot be read: {error}", field="file") from error
    rejected: dict[str, int] = {}
    for _, each in parts:
        for reason, count in each.items():
            rejected[reason] = rejected.get(reason, 0) + count
    return pa.concat_tables([table for table, _ in parts], promote_options="permissive"), rejected


def _read_member(data: bytes, name: str) -> tuple[Any, dict[str, int]]:
    import pyarrow.parquet as pq

    if name.lower().endswith(PARQUET):
        return pq.read_table(io.BytesIO(data)), {}
    return _read_csv(data, name)
