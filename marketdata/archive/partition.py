"""One Parquet file: read, cut by time, written whole or not at all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import FortifiedError
from marketdata.archive.layout import SUFFIX, Span
from marketdata.archive.tables import column


class ArchiveDamaged(FortifiedError):
    """A stored file cannot be read. Nothing was changed; remove the file and fetch its time again."""

    code = "archive_damaged"


def read_partition(path: Path, span: Span) -> Any:
    """The rows of one file."""
    import pyarrow as pa  # on first use: slow to import
    import pyarrow.parquet as pq

    file = path / f"{span.name}{SUFFIX}"
    try:
        # Not through the dataset layer, which would add the folder names as columns.
        return pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise ArchiveDamaged(f"archive: {file} cannot be read: {error}") from error


def rows_of(path: Path, span: Span) -> int:
    """How many rows one file has, from its footer."""
    import pyarrow as pa  # on first use: slow to import
    import pyarrow.parquet as pq

    file = path / f"{span.name}{SUFFIX}"
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise ArchiveDamaged(f"archive: {file} cannot be read: {error}") from error


def write_partition(path: Path, span: Span, table: Any) -> None:
    """Whole or not at all, also through a power cut: a draft beside it, made durable, then renamed."""
    import pyarrow.parquet as pq  # on first use: slow to import

    file = path / f"{span.name}{SUFFIX}"
    draft = path / f".{span.name}.{os.getpid()}.part"
    try:
        with draft.open("wb") as out:
            pq.write_table(table, out, compression="zstd", coerce_timestamps=None)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def rows_in(table: Any, *, after: int, until: int) -> Any:
    """The rows with after < ts ≤ until."""
    import pyarrow as pa  # on first use: slow to import

    ts = column(table, "ts")
    inside = (ts > after) & (ts <= until)
    return table if inside.all() else table.filter(pa.array(np.asarray(inside)))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One writer at a time below `path`; the lock ends with the process that holds it."""
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
