"""State to bytes and back: versioned, and refused in words when it does not fit."""

from typing import TypeVar

import msgspec

from engine.errors import SnapshotIncompatible

State = TypeVar("State")


class _Sealed(msgspec.Struct, frozen=True):
    kind: str
    version: int
    body: msgspec.Raw


def seal(kind: str, version: int, state: msgspec.Struct) -> bytes:
    """MessagePack of `state` with its kind and version around it."""
    return msgspec.msgpack.encode(_Sealed(kind, version, msgspec.Raw(msgspec.msgpack.encode(state))))


def unseal(data: bytes, kind: str, version: int, state: type[State]) -> State:
    """The state that `seal` packed; `SnapshotIncompatible` when it is of another kind or version, or damaged."""
    try:
        sealed = msgspec.msgpack.decode(data, type=_Sealed)
    except msgspec.MsgspecError as error:
        raise SnapshotIncompatible(f"a {kind} snapshot was expected, found something unreadable: {error}") from error
    if (sealed.kind, sealed.version) != (kind, version):
        raise SnapshotIncompatible(
            f"a {kind} snapshot of version {version} was expected, found {sealed.kind} of version {sealed.version}"
        )
    try:
        return msgspec.msgpack.decode(sealed.body, type=state)
    except msgspec.MsgspecError as error:
        raise SnapshotIncompatible(
            f"the {kind} snapshot does not hold what version {version} should: {error}"
        ) from error
