"""What a recording is made of, and its files: segments of framed records, each readable up to where it was torn."""

import struct
import zlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.errors import FortifiedError
from engine.model.market import Bar, FeedGap, Tick, TickCorrected

OPEN, SEALED, KEPT = ".open", ".seg", ".seg.zst"
_KINDS = frozenset({Tick, TickCorrected, FeedGap, Bar})
_HEAD = struct.Struct("<QII")  # number of the record, length of what follows, its CRC-32


Recorded = Tick | TickCorrected | FeedGap | Bar
"""What of a feed's events changes bars."""


class Received(msgspec.Struct, frozen=True, tag=True):
    """Events of one frame, as they were given to the aggregators."""

    events: list[Recorded]


class Advanced(msgspec.Struct, frozen=True, tag=True):
    """The venue's clock came to `ts` for these symbols, and quiet bars of theirs ended."""

    ts: int
    ts_recv: int
    symbols: list[str]


class Began(msgspec.Struct, frozen=True, tag=True):
    """A symbol was taken up: with the aggregators' `state` as it was found, and whether prints were lost before. Of
    the timeframes in `passed` the vendor sent the bars; prints with a condition in `exclude` made no price."""

    symbol: str
    timeframes: list[str]
    state: bytes | None
    is_lossy: bool
    passed: list[str] = []
    exclude: int = 0


class Changed(msgspec.Struct, frozen=True, tag=True):
    """A symbol's timeframes are these from here on; `clock` is the latest ts that its aggregators had seen."""

    symbol: str
    timeframes: list[str]
    clock: int


class Missed(msgspec.Struct, frozen=True, tag=True):
    """So many records were not written here, because the disk did not keep up."""

    records: int


Record = Received | Advanced | Began | Changed | Missed

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class Numbered(NamedTuple):
    """A record and its number in the recording of its feed."""

    number: int
    record: Record


class RecordingDamaged(FortifiedError):
    """A sealed segment cannot be read to its end."""

    code = "recording_damaged"


def frame(number: int, record: Record) -> bytes:
    """A record as it stands in a segment."""
    body = _encoder.encode(record)
    return _HEAD.pack(number, len(body), zlib.crc32(body)) + body


def recordable(events: Sequence[Any], symbols: Container[str]) -> list[Recorded]:
    """What of a frame changes bars of these symbols."""
    return [event for event in events if type(event) in _KINDS and event.symbol in symbols]


def whole_length(data: bytes) -> int:
    """How many bytes of `data` are whole records: what a killed writer left behind that is torn."""
    at = 0
    while (end := _end_of(data, at)) is not None:
        at = end
    return at


def parse(data: bytes) -> Iterator[Numbered]:
    """The records of a segment; `RecordingDamaged` where one is torn."""
    at = 0
    while at < len(data):
        end = _end_of(data, at)
        if end is None:
            raise RecordingDamaged(f"a recording was expected to go on at byte {at}, found what is no whole record")
        number, _, _ = _HEAD.unpack_from(data, at)
        yield Numbered(number, _decoder.decode(data[at + _HEAD.size : end]))
        at = end


def read_segment(path: Path, *, is_strict: bool = True) -> list[Numbered]:
    """All records of one file, whatever state it is in; unless `is_strict` up to where it is damaged."""
    data = path.read_bytes()
    if path.name.endswith(KEPT):
        data = _decompress(data)
    if path.name.endswith(OPEN) or not is_strict:
        data = data[: whole_length(data)]
    try:
        return list(parse(data))
    except RecordingDamaged as error:
        raise RecordingDamaged(f"{path.name}: {error.detail}") from error


def segments(folder: Path) -> list[Path]:
    """The files of one feed's recording, oldest first. Of one that was killed while it was packed, the unpacked."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*")):
        suffix = next((each for each in (KEPT, SEALED, OPEN) if path.name.endswith(each)), None)
        if suffix is None:
            continue
        stem = path.name.removesuffix(suffix)
        if stem not in found or suffix != KEPT:
            found[stem] = path
    return [found[stem] for stem in sorted(found)]


def records(folder: Path, *, after: int = 0, is_strict: bool = True) -> Iterator[Numbered]:
    """Every record with a number above `after`."""
    paths = segments(folder)
    for at, path in enumerate(paths):
        if at + 1 == len(paths) or first_number(paths[at + 1]) > after + 1:
            yield from (each for each in read_segment(path, is_strict=is_strict) if each.number > after)


def first_number(path: Path) -> int:
    """The number of the first record of a segment: its name."""
    return int(path.name.partition(".")[0])


def compressed(data: bytes) -> bytes:
    import pyarrow as pa  # on first use: slow to import

    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return len(data).to_bytes(8, "little") + packed


def _decompress(data: bytes) -> bytes:
    import pyarrow as pa  # on first use: slow to import

    found: bytes = pa.decompress(data[8:], int.from_bytes(data[:8], "little"), codec="zstd", asbytes=True)
    return found


def _end_of(data: bytes, at: int) -> int | None:
    """Where the record at `at` ends; None where there is no whole one."""
    if at + _HEAD.size > len(data):
        return None
    _, length, check = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + int(length)
    return end if end <= len(data) and zlib.crc32(data[at + _HEAD.size : end]) == check else None
