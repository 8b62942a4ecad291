"""All state of an expander as bytes, and back."""

import msgspec

from engine.bars.compose import ComposerState
from engine.bars.lane import LaneState
from engine.errors import SnapshotIncompatible
from engine.model.market import Tick

_VERSION = 1


class ExpanderState(msgspec.Struct):
    """What an expander that goes on as if nothing had happened must know."""

    symbol: str
    exclude: int
    seq: int
    late: int
    clock: int
    last: Tick | None
    lanes: dict[str, LaneState]
    composed: dict[str, ComposerState] = {}
    version: int = _VERSION


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ExpanderState)


def encode(state: ExpanderState) -> bytes:
    return _encoder.encode(state)


def decode(data: bytes, *, symbol: str, exclude: int) -> ExpanderState:
    """The state in `data`, which must be of this symbol and these excluded conditions."""
    try:
        found = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise SnapshotIncompatible(f"{symbol}: not a snapshot of bars: {error}") from error
    mine = (_VERSION, symbol, exclude)
    if (found.version, found.symbol, found.exclude) != mine:
        raise SnapshotIncompatible(
            f"bars: expected a snapshot of version, symbol and excluded conditions {mine}, "
            f"found {(found.version, found.symbol, found.exclude)}"
        )
    return found
