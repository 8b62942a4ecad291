"""Keeping the archive small: many old files made one, and what is too old removed."""

from pathlib import Path
from typing import NamedTuple

from marketdata.archive import layout
from marketdata.archive.layout import BARS, SUFFIX, Span
from marketdata.archive.merge import without_overlap
from marketdata.archive.partition import locked, read_partition, write_partition
from marketdata.archive.store import Archive


class Upkeep(NamedTuple):
    """What was done: files removed, files written in their place, bytes gained."""

    removed: int = 0
    written: int = 0
    bytes_freed: int = 0

    def plus(self, other: "Upkeep") -> "Upkeep":
        return Upkeep(*(a + b for a, b in zip(self, other, strict=True)))


def compact(archive: Archive, *, before: int, symbol: str | None = None) -> Upkeep:
    """The daily bar files of each month that ended by `before`, as one file a month. Prints stay by day.

    A month is written first and its days removed after: a kill in between leaves files that nobody reads, and the
    next compaction removes them.
    """
    total = Upkeep()
    for path, kind, name, _ in archive.folders():
        if kind == BARS and symbol in (None, name):
            with locked(path):
                total = total.plus(_compact(path, before))
    return total


def retain(
    archive: Archive, *, kind: str, before: int, symbol: str | None = None, timeframe: str | None = None
) -> Upkeep:
    """Remove the files of `kind` whose time ended by `before`; a file that reaches beyond it stays whole."""
    total = Upkeep()
    for path, found, name, spelled in archive.folders():
        if found == kind and symbol in (None, name) and timeframe in (None, spelled):
            with locked(path):
                total = total.plus(_remove(path, [span for span in layout.spans_in(path) if span.end <= before]))
    return total


def _compact(path: Path, before: int) -> Upkeep:
    total = _remove(path, layout.leftovers_in(path))
    months: dict[Span, list[Span]] = {}
    for span in layout.spans_in(path):
        month = layout.span_at(span.start, 7)
        if month.holds(span) and month.end <= before:
            months.setdefault(month, []).append(span)
    for month, days in months.items():
        write_partition(path, month, _together(path, days))
        freed = _remove(path, days)
        size = (path / f"{month.name}{SUFFIX}").stat().st_size
        total = total.plus(Upkeep(freed.removed, 1, freed.bytes_freed - size))
    return total


def _together(path: Path, days: list[Span]) -> object:
    import pyarrow as pa  # on first use: slow to import

    return without_overlap(pa.concat_tables([read_partition(path, day) for day in days]).unify_dictionaries())


def _remove(path: Path, spans: list[Span]) -> Upkeep:
    files = [path / f"{span.name}{SUFFIX}" for span in spans]
    freed = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    return Upkeep(len(files), 0, freed)
