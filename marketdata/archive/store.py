"""The archive as one object: append, read, list. No database, no Redis, no clock."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine.bars.columns import BarColumns, TickColumns, adjusted
from engine.bars.timeframe import canonical
from engine.instruments.adjustments import Adjustments, Factor
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_S
from marketdata.archive import layout, tables
from marketdata.archive.layout import BARS, FACTORS, TICKS, Span
from marketdata.archive.merge import Change, change_ticks, merge_bars, merge_ticks, without_overlap
from marketdata.archive.partition import locked, read_partition, rows_in, rows_of, write_partition
from marketdata.files.numbers import Array

_FOREVER = (0, 2**63 - 1)


class Written(NamedTuple):
    """What an append did: new rows, stored rows that gave way, incoming rows that did not stand."""

    added: int = 0
    replaced: int = 0
    refused: int = 0

    def plus(self, other: "Written") -> "Written":
        return Written(*(a + b for a, b in zip(self, other, strict=True)))


class Holding(NamedTuple):
    """What is stored of one symbol: `timeframe` is empty for prints; first and last UTC day of its files."""

    kind: str
    symbol: str
    timeframe: str
    first: date
    last: date
    files: int
    size_bytes: int


class Archive:
    """Stored history below `root`; a `BarStore`. Any number of processes may read; writers of one symbol queue.

    Appending rewrites the partitions that it touches, each whole or not at all. What stands where two deliveries meet
    is said in `merge_bars` and `merge_ticks`.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    # ---- writing ------------------------------------------------------------------------------------------

    def append(self, symbol: str, timeframe: str, bars: Iterable[Bar], *, is_adjusted: bool = False) -> Written:
        """Bars of one symbol and timeframe with the provenance that they carry themselves."""
        return self.append_bars(symbol, timeframe, tables.table_of_bars(bars, is_adjusted=is_adjusted))

    def append_bars(self, symbol: str, timeframe: str, table: Any, *, replace: bool = False) -> Written:
        """A table of `tables.bar_schema`. A bar belongs to the date of its last moment."""
        path = layout.folder(self.root, BARS, symbol, canonical(timeframe))
        width = layout.width_of(BARS, canonical(timeframe))
        return self._append(path, width, tables.column(table, "ts") - 1, table, kind=BARS, replace=replace)

    def append_ticks(self, symbol: str, table: Any, *, replace: bool = False) -> Written:
        """A table of `tables.tick_schema`."""
        path = layout.folder(self.root, TICKS, symbol)
        width = layout.width_of(TICKS, "")
        return self._append(path, width, tables.column(table, "ts"), table, kind=TICKS, replace=replace)

    def correct_ticks(self, symbol: str, changes: Sequence[Change]) -> int:
        """Prints that the venue took back or changed; how many of them are stored. Said again, it changes nothing."""
        path, done = layout.folder(self.root, TICKS, symbol), 0
        if not changes or not path.is_dir():
            return 0
        with locked(path):
            for span in layout.spans_in(path):
                within = [each for each in changes if span.start <= each.ts < span.end]
                if within:
                    table, count = change_ticks(read_partition(path, span), within)
                    if count:
                        write_partition(path, span, table)
                    done += count
        return done

    def set_factors(self, symbol: str, factors: Sequence[Factor]) -> None:
        """The splits and dividends of a symbol, in place of those known so far."""
        path = self._factors(symbol)
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            draft = path.with_suffix(".part")
            draft.write_bytes(msgspec.json.encode(list(factors)))
            draft.replace(path)

    # ---- reading ------------------------------------------------------------------------------------------

    def bars(
        self, symbol: str, timeframe: str, *, start: int = 0, end: int = _FOREVER[1], adjust: bool = False
    ) -> list[Bar]:
        """Bars with start < ts ≤ end, oldest first; with `adjust` as if every known split had always been."""
        table = self.bar_table(symbol, timeframe, start=start, end=end)
        if adjust:
            table = self._adjusted(table, symbol, canonical(timeframe))
        return tables.to_bars(table, symbol, canonical(timeframe))

    def bar_columns(
        self, symbol: str, timeframe: str, *, start: int = 0, end: int = _FOREVER[1], adjust: bool = False
    ) -> BarColumns:
        """The same as columns, for research."""
        table = self.bar_table(symbol, timeframe, start=start, end=end)
        if adjust:
            table = self._adjusted(table, symbol, canonical(timeframe))
        return tables.to_columns(table, symbol, canonical(timeframe))

    def bar_table(self, symbol: str, timeframe: str, *, start: int = 0, end: int = _FOREVER[1]) -> Any:
        """The same as a table with all its provenance; prices as they were traded."""
        path = layout.folder(self.root, BARS, symbol, canonical(timeframe))
        found = self._read(path, tables.bar_schema(), start, end)
        return without_overlap(rows_in(found, after=start, until=end))

    def tick_columns(self, symbol: str, *, start: int = 0, end: int = _FOREVER[1]) -> TickColumns:
        """Prints with start ≤ ts < end, oldest first, as columns."""
        return tables.to_tick_columns(self.tick_table(symbol, start=start, end=end), symbol)

    def ticks(self, symbol: str, *, start: int = 0, end: int = _FOREVER[1]) -> Iterator[Tick]:
        """The same as events, file by file: memory holds one partition at a time."""
        path = layout.folder(self.root, TICKS, symbol)
        for span in layout.spans_in(path):
            if span.start < end and start < span.end:
                table = rows_in(read_partition(path, span), after=start - 1, until=end - 1)
                yield from tables.to_tick_columns(table, symbol).ticks()

    def adjustments(self, symbol: str) -> Adjustments:
        """What is known of the splits and dividends of `symbol`; none where nothing was imported."""
        path = self._factors(symbol)
        if not path.is_file():
            return Adjustments([])
        return Adjustments(msgspec.json.decode(path.read_bytes(), type=list[Factor]))

    def last_ts(self, symbol: str, timeframe: str) -> int:
        """The close of the newest bar; 0 where there is none."""
        path = layout.folder(self.root, BARS, symbol, canonical(timeframe))
        spans = layout.spans_in(path)
        return int(tables.column(read_partition(path, spans[-1]), "ts").max()) if spans else 0

    def start_for(self, symbol: str, timeframe: str, count: int, *, end: int = _FOREVER[1]) -> int:
        """A `start` from which on there are at least `count` bars up to `end`, where there are so many: found from the
        sizes of the newest files alone, so that the last bars of ten years are read as quickly as those of a day."""
        path = layout.folder(self.root, BARS, symbol, canonical(timeframe))
        found = 0
        for span in reversed([span for span in layout.spans_in(path) if span.start <= end]):
            if span.end <= end:  # of a file that reaches beyond, it is not known how many are before
                found += rows_of(path, span)
            if found >= count:
                return span.start
        return 0

    def holdings(self, kind: str | None = None, symbol: str | None = None) -> list[Holding]:
        """What there is, from names of files alone, sorted by kind, symbol and timeframe."""
        found = [self._holding(path, *what) for path, *what in self.folders() if kind in (None, what[0])]
        return sorted(each for each in found if each is not None and symbol in (None, each.symbol))

    def timeframes(self, symbol: str) -> list[str]:
        """Of which bars of `symbol` are stored."""
        path = layout.folder(self.root, BARS, symbol, "").parent
        return sorted(layout.timeframe_of(each) for each in path.glob("timeframe=*"))

    def tick_table(self, symbol: str, *, start: int = 0, end: int = _FOREVER[1]) -> Any:
        """Prints with start ≤ ts < end with all their provenance."""
        path = layout.folder(self.root, TICKS, symbol)
        return rows_in(self._read(path, tables.tick_schema(), start, end), after=start - 1, until=end - 1)

    def folders(self) -> Iterator[tuple[Path, str, str, str]]:
        """(folder, kind, symbol, timeframe) of everything that holds files."""
        for path in sorted(self.root.glob(f"{BARS}/symbol=*/timeframe=*")):
            yield path, BARS, layout.symbol_of(path.parent), layout.timeframe_of(path)
        for path in sorted(self.root.glob(f"{TICKS}/symbol=*")):
            yield path, TICKS, layout.symbol_of(path), ""

    # ---- parts --------------------------------------------------------------------------------------------

    def _append(self, path: Path, width: int, days: Array, table: Any, *, kind: str, replace: bool) -> Written:
        total = Written()
        if not len(days):
            return total
        path.mkdir(parents=True, exist_ok=True)
        with locked(path):
            for span, rows in _by_span(path, days, width):
                merge = merge_bars if kind == BARS else merge_ticks
                merged = merge(self._stored(path, span, table.schema), table.take(rows), replace=replace)
                if merged.added or merged.replaced:
                    write_partition(path, span, merged.table)
                total = total.plus(Written(merged.added, merged.replaced, merged.refused))
        return total

    def _stored(self, path: Path, span: Span, schema: Any) -> Any:
        return read_partition(path, span) if (path / f"{span.name}{layout.SUFFIX}").is_file() else schema.empty_table()

    def _read(self, path: Path, schema: Any, start: int, end: int) -> Any:
        import pyarrow as pa  # on first use: slow to import

        # A bar that closes at midnight is in the file of the day it ends; one second of slack costs nothing.
        wanted = [span for span in layout.spans_in(path) if span.start <= end and start <= span.end + NS_PER_S]
        parts = [read_partition(path, span) for span in wanted]
        return pa.concat_tables([schema.empty_table(), *parts]).unify_dictionaries()

    def _adjusted(self, table: Any, symbol: str, timeframe: str) -> Any:
        """Rows that are not adjusted yet, adjusted; what says it is already is left alone."""
        raw = ~tables.column(table, "is_adjusted")
        if not raw.any():
            return table
        bars = tables.to_columns(table, symbol, timeframe)
        scaled = adjusted(bars, self.adjustments(symbol))
        for name in (*tables.PRICES, "vwap", "volume"):
            values = np.where(raw, getattr(scaled, name), getattr(bars, name))
            table = table.set_column(table.column_names.index(name), name, [values])
        return table

    def _holding(self, path: Path, kind: str, symbol: str, timeframe: str) -> Holding | None:
        spans = layout.spans_in(path)
        if not spans:
            return None
        size = sum((path / f"{span.name}{layout.SUFFIX}").stat().st_size for span in spans)
        return Holding(kind, symbol, timeframe, spans[0].first_day, spans[-1].last_day, len(spans), size)

    def _factors(self, symbol: str) -> Path:
        return layout.folder(self.root, FACTORS, symbol) / "factors.json"


def _by_span(path: Path, days: Array, width: int) -> Iterator[tuple[Span, Array]]:
    """The partitions that these moments fall in, and the rows of each: a coarser file that is there already is used."""
    present = layout.spans_in(path)
    left = np.argsort(days, kind="stable")
    while len(left):
        ts = int(days[left[0]])
        span = next((each for each in present if each.start <= ts < each.end), None) or layout.span_at(ts, width)
        cut = int(np.searchsorted(days[left], span.end, side="left"))
        yield span, np.sort(left[:cut])
        left = left[cut:]
