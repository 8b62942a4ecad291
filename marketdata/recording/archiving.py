"""Carries the prints of sealed recordings into the archive, each exactly once, and packs the recordings away."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.errors import FortifiedError
from engine.model.market import Bar, Tick, TickCorrected
from marketdata.archive import tables
from marketdata.archive.partition import locked
from marketdata.archive.store import Archive
from marketdata.recording.records import (
    KEPT,
    OPEN,
    SEALED,
    Numbered,
    Received,
    RecordingDamaged,
    compressed,
    read_segment,
    segments,
)
from marketdata.recording.revising import revise

logger = logging.getLogger(__name__)

FOLDER = "recordings"


class Archived(NamedTuple):
    """What one run did. `corrected`: prints that the venue took back or changed; `revised`: bars that were made again
    because of it; `unknown`: corrections of prints that could not be found."""

    segments: int = 0
    prints: int = 0
    damaged: int = 0
    corrected: int = 0
    revised: int = 0
    unknown: int = 0

    def plus(self, other: "Archived") -> "Archived":
        return Archived(*(a + b for a, b in zip(self, other, strict=True)))


OnRevised = Callable[[str, list[Bar]], None]
"""Takes a feed's name and bars of one symbol, made again of other prints than when they were given out."""


def folder_of(archive_root: str | Path, feed: str) -> Path:
    """Where the recording of `feed` is."""
    return Path(archive_root) / FOLDER / feed


def archive_recordings(archive: Archive, *, on_revised: OnRevised = lambda feed, bars: None) -> Archived:
    """Every sealed segment of every feed, oldest first. Killed anywhere, the next run does the rest: a delivery that
    is repeated changes nothing."""
    total = Archived()
    for folder in sorted(path for path in (archive.root / FOLDER).glob("*") if path.is_dir()):
        with locked(folder):
            total = total.plus(_archive_feed(archive, folder, on_revised))
    return total


def _archive_feed(archive: Archive, folder: Path, on_revised: OnRevised) -> Archived:
    total = Archived()
    before: Path | None = None
    for path in segments(folder):
        if path.name.endswith(SEALED):
            try:
                total = total.plus(_archive_segment(archive, folder.name, path, before, on_revised))
            except RecordingDamaged as error:
                logger.error("%s: a segment is put aside: %s", folder.name, error.detail)  # noqa: TRY400 - said in full
                path.rename(path.with_name(path.name + ".damaged"))
                total = total.plus(Archived(damaged=1))
                continue
            path = _pack(path)
        if not path.name.endswith(OPEN):
            before = path
    return total


def _archive_segment(
    archive: Archive, feed: str, path: Path, before: Path | None, on_revised: OnRevised
) -> Archived:  # fmt: skip
    """Its prints, then its corrections.

    The archive tells two equal prints from one that was delivered twice by how often the *delivery* holds them. So
    what the segment before has of the same time goes along: equal prints on both sides of the cut stay two.
    """
    found, corrections = _taken(read_segment(path))
    earlier = _corrected(*_taken(read_segment(before))) if before is not None and found else {}
    for symbol, ticks in found.items():
        first = min(tick.ts for tick in ticks)
        delivery = [tick for tick in earlier.get(symbol, ()) if tick.ts >= first] + ticks
        delivery = _not_corrected_yet(archive, symbol, delivery, corrections.get(symbol, ()))
        delivery.sort(key=_time)
        archive.append_ticks(symbol, tables.table_of_prints(delivery, source=feed))
    done = Archived(1, sum(len(ticks) for ticks in found.values()))
    for symbol, events in corrections.items():
        done = done.plus(_correct(archive, feed, symbol, events, on_revised))
    return done


def _correct(
    archive: Archive, feed: str, symbol: str, events: list[TickCorrected], on_revised: OnRevised
) -> Archived:  # fmt: skip
    """The prints last: whoever is killed before them finds the bars right already, and nothing else is to be done. What
    cannot be corrected must not hold up the archive."""
    try:
        found = revise(archive, feed, symbol, events)
    except FortifiedError as error:
        logger.error("%s: corrections of %s are left out: %s", feed, symbol, error.detail)  # noqa: TRY400 - said in full
        return Archived(unknown=len(events))
    by_timeframe: dict[str, list[Bar]] = {}
    for bar in found.bars:
        by_timeframe.setdefault(bar.timeframe, []).append(bar)
    for timeframe, bars in by_timeframe.items():
        archive.append_bars(symbol, timeframe, tables.table_of_bars(bars), replace=True)
        on_revised(feed, bars)
    corrected = archive.correct_ticks(symbol, found.changes)
    return Archived(corrected=corrected, revised=len(found.bars), unknown=found.unknown)


Ticks = dict[str, list[Tick]]
Corrections = dict[str, list[TickCorrected]]


def _taken(records: Iterable[Numbered]) -> tuple[Ticks, Corrections]:
    """By symbol, in the order of arrival."""
    ticks: Ticks = {}
    corrections: Corrections = {}
    for event in _events(records):
        if isinstance(event, Tick):
            ticks.setdefault(event.symbol, []).append(event)
        elif isinstance(event, TickCorrected):
            corrections.setdefault(event.symbol, []).append(event)
    return ticks, corrections


def _corrected(found: Ticks, corrections: Corrections) -> Ticks:
    """Without the prints that were corrected: they are in the archive as they are now."""
    for symbol, events in corrections.items():
        gone = [_what(event.original) for event in events]
        found[symbol] = [tick for tick in found.get(symbol, ()) if _what(tick) not in gone]
    return found


def _not_corrected_yet(
    archive: Archive, symbol: str, ticks: list[Tick], events: Sequence[TickCorrected]
) -> list[Tick]:  # fmt: skip
    """Without the prints in whose place a run that was killed has put others already."""
    instead = {_what(event.original): event.replacement for event in events if event.replacement is not None}
    at = [tick.ts for tick in ticks if _what(tick) in instead]
    if not at:
        return ticks
    stored = archive.tick_table(symbol, start=min(at), end=max(at) + 1)
    names = ("ts", "price", "size", "ts_recv")
    there = set(zip(*(tables.column(stored, name).tolist() for name in names), strict=True))

    def is_done(tick: Tick) -> bool:
        now = instead.get(_what(tick))
        return now is not None and (tick.ts, now.price, now.size, tick.ts_recv) in there

    return [tick for tick in ticks if not is_done(tick)]


def _what(tick: Tick) -> tuple[int, float, float]:
    return tick.ts, tick.price, tick.size


def _events(records: Iterable[Numbered]) -> Iterator[object]:
    for _, record in records:
        if isinstance(record, Received):
            yield from record.events


def _pack(path: Path) -> Path:
    """The segment compressed, whole or not at all; the unpacked one goes last."""
    kept = path.with_name(path.name.removesuffix(SEALED) + KEPT)
    draft = kept.with_name(f".{kept.name}.part")
    with draft.open("wb") as out:
        out.write(compressed(path.read_bytes()))
        out.flush()
        os.fsync(out.fileno())
    draft.replace(kept)
    path.unlink()
    return kept


def retain_recordings(archive: Archive, *, before_s: float) -> int:
    """Remove packed segments that were last written before `before_s` (Unix seconds); how many."""
    removed = 0
    for path in (archive.root / FOLDER).glob(f"*/*{KEPT}"):
        if path.stat().st_mtime < before_s:
            path.unlink()
            removed += 1
    return removed


def _time(tick: Tick) -> int:
    return tick.ts
