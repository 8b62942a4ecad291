"""A DBN stream cut into runs of records of one kind; nothing is believed whose frame does not fit."""

from typing import NamedTuple

from marketdata.feeds.errors import FeedProtocolError

TRADE, TOP, STATUS, DEFINITION, ERROR, MAPPING, SYSTEM, STATISTIC = 0x00, 0x01, 0x12, 0x13, 0x15, 0x16, 0x17, 0x18
BAR_SECOND, BAR_MINUTE = 0x20, 0x21

# Bytes of a record by kind; several where the versions of DBN differ.
# https://databento.com/docs/standards-and-conventions/databento-binary-encoding
SIZES: dict[int, tuple[int, ...]] = {
    TRADE: (48,),
    TOP: (80,),
    STATUS: (40,),
    DEFINITION: (520, 400, 360),
    ERROR: (320, 80),
    MAPPING: (176, 80),
    SYSTEM: (320, 80),
    STATISTIC: (80, 64),
    BAR_SECOND: (56,),
    BAR_MINUTE: (56,),
}
_HEAD = 8  # "DBN", the version, the length of what follows
_MAX_HEAD = 1 << 24
_WORD = 4


class Run(NamedTuple):
    """Whole records of one kind and size, one after the other."""

    kind: int
    size: int
    data: bytes


class Framer:
    """One connection's bytes. The stream has no marks to find the next record by: once `broken` it stays so."""

    def __init__(self) -> None:
        self.version = 0
        self.broken = ""
        self._rest = b""

    def runs(self, data: bytes) -> list[Run]:
        """The whole records up to here, or up to where it broke.

        There, the record before is left out too: where a stream loses bytes, that is the one which lost its end.
        """
        if self.broken:
            raise FeedProtocolError(self.broken)
        data = self._rest + data if self._rest else data
        start = 0
        if not self.version:
            start = self._head(data)
            if not start:
                self._rest = data
                return []
        found, end = self._cut(data, start)
        self._rest = data[end:]
        if self.broken and found:
            last = found[-1]
            found[-1] = last._replace(data=last.data[: -last.size])
        return found

    def _head(self, data: bytes) -> int:
        """Where the records begin; 0 while that is not known."""
        if len(data) < _HEAD:
            return 0
        length = int.from_bytes(data[4:_HEAD], "little")
        if data[:3] != b"DBN" or not 1 <= data[3] <= 3 or length > _MAX_HEAD:
            self.broken = f"a DBN header of version 1 to 3 was expected, found {data[:_HEAD]!r}"
            raise FeedProtocolError(self.broken)
        if len(data) < _HEAD + length:
            return 0
        self.version = data[3]
        return _HEAD + length

    def _cut(self, data: bytes, at: int) -> tuple[list[Run], int]:
        found: list[Run] = []
        end = len(data)
        while end - at >= _WORD:
            size, kind = data[at] * _WORD, data[at + 1]
            if size not in SIZES.get(kind, ()):
                self.broken = f"a record of kind {kind:#04x} with {size} bytes makes no sense here"
                break
            if end - at < size:
                break
            count = _alike(data, at, size, end)
            found.append(Run(kind, size, data[at : at + count * size]))
            at += count * size
        return found, at


def _alike(data: bytes, at: int, size: int, end: int) -> int:
    """How many whole records from `at` on have the same length and kind: counted by column, not one by one."""
    end -= (end - at) % size
    lengths, kinds = data[at:end:size], data[at + 1 : end : size]
    same = len(lengths) - len(lengths.lstrip(lengths[:1]))
    return min(same, len(kinds) - len(kinds.lstrip(kinds[:1])))
