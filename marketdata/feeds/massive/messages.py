"""Massive's messages: a type for each that is received, builders for those that are sent."""

from collections.abc import Iterable
from typing import Any

import msgspec


class _Message(msgspec.Struct, tag_field="ev", frozen=True):
    pass


class Trade(_Message, tag="T", frozen=True):
    sym: str
    p: float
    s: float
    t: int
    i: str | int = ""
    x: int = 0
    c: list[int] = []
    q: int = 0
    ds: str = ""  # the size with fractions


class Quote(_Message, tag="Q", frozen=True):
    sym: str
    t: int
    bp: float = 0.0
    bs: float = 0.0
    ap: float = 0.0
    as_: float = msgspec.field(default=0.0, name="as")


class Minute(_Message, tag="AM", frozen=True):
    """A window of `s` to `e`; `vw` is its own average, `a` the day's."""

    sym: str
    o: float
    h: float
    l: float  # noqa: E741  # the venue's name
    c: float
    v: float
    s: int
    e: int
    vw: float | None = None
    z: float = 0.0
    dv: str = ""  # the volume with fractions


class Second(Minute, tag="A", frozen=True):
    pass


class IndexValue(_Message, tag="V", frozen=True):
    T: str
    val: float
    t: int

    @property
    def sym(self) -> str:
        return self.T


class Status(_Message, tag="status", frozen=True):
    status: str
    message: str = ""


Message = Trade | Quote | Minute | Second | IndexValue | Status
KNOWN = frozenset(("T", "Q", "AM", "A", "V", "status"))

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[Message]).decode
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_one: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_loose = msgspec.json.Decoder()


def decode_known(frame: bytes) -> tuple[list[Message], list[str]]:
    """The messages whose kind we know, and the kinds that we do not. `msgspec.DecodeError` for a broken frame."""
    known: list[Message] = []
    others: list[str] = []
    for raw in _raws.decode(frame):
        loose: Any = _loose.decode(raw)
        kind = loose.get("ev") if isinstance(loose, dict) else None
        if kind in KNOWN:
            known.append(_one.decode(raw))
        else:
            others.append(str(kind))
    return known, others


def auth(key: str) -> bytes:
    return encode({"action": "auth", "params": key})


def ask(action: str, channels: Iterable[str], symbols: Iterable[str], *, batch: int) -> list[bytes]:
    """Messages that subscribe or unsubscribe each channel of each symbol, not too long."""
    wanted = [f"{channel}.{symbol}" for symbol in symbols for channel in channels]
    return [
        encode({"action": action, "params": ",".join(wanted[at : at + batch])}) for at in range(0, len(wanted), batch)
    ]
