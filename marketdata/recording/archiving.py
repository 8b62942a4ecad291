"""Carries the prints of sealed recordings into the archive, each exactly once, and packs the recordings away."""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.model.market import Tick, TickCorrected
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

logger = logging.getLogger(__name__)

FOLDER = "recordings"


class Archived(NamedTuple):
    """What one run did."""

    segments: int = 0
    prints: int = 0
    damaged: int = 0

    def plus(self, other: "Archived") -> "Archived":
        return Archived(*(a + b for a, b in zip(self, other, strict=True)))


def folder_of(archive_root: str | Path, feed: str) -> Path:
    """Where the recording of `feed` is."""
    return Path(archive_root) / FOLDER / feed


def archive_recordings(archive: Archive) -> Archived:
    """Every sealed segment of every feed, oldest first. Killed anywhere, the next run does the rest: a delivery that
    is repeated changes nothing."""
    total = Archived()
    for folder in sorted(path for path in (archive.root / FOLDER).glob("*") if path.is_dir()):
        with locked(folder):
            total = total.plus(_archive_feed(archive, folder))
    return total


def _archive_feed(archive: Archive, folder: Path) -> Archived:
    total = Archived()
    before: Path | None = None
    for path in segments(folder):
        if path.name.endswith(SEALED):
            try:
                count = _archive_segment(archive, folder.name, path, before)
            except RecordingDamaged as error:
                logger.error("%s: a segment is put aside: %s", folder.name, error.detail)  # noqa: TRY400 - said in full
                path.rename(path.with_name(path.name + ".damaged"))
                total = total.plus(Archived(damaged=1))
                continue
            total = total.plus(Archived(1, count))
            path = _pack(path)
        if not path.name.endswith(OPEN):
            before = path
    return total


def _archive_segment(archive: Archive, feed: str, path: Path, before: Path | None) -> int:
    """How many prints the segment holds.

    The archive tells two equal prints from one that was delivered twice by how often the *delivery* holds them. So
    what the segment before has of the same time goes along: equal prints on both sides of the cut stay two.
    """
    found = _prints(read_segment(path))
    earlier = _prints(read_segment(before)) if before is not None and found else {}
    for symbol, ticks in found.items():
        first = min(tick.ts for tick in ticks)
        delivery = [tick for tick in earlier.get(symbol, ()) if tick.ts >= first] + ticks
        delivery.sort(key=_time)
        archive.append_ticks(symbol, tables.table_of_prints(delivery, source=feed))
    return sum(len(ticks) for ticks in found.values())


def _prints(records: Iterable[Numbered]) -> dict[str, list[Tick]]:
    """By symbol, in the order of arrival; corrected where the correction came within the segment."""
    found: dict[str, list[Tick]] = {}
    for event in _events(records):
        if isinstance(event, Tick):
            found.setdefault(event.symbol, []).append(event)
        elif isinstance(event, TickCorrected):
            ticks = found.get(event.symbol, [])
            if event.original in ticks:
                at = ticks.index(event.original)
                ticks[at : at + 1] = [event.replacement] if event.replacement is not None else []
    return found


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
