"""Alpaca's messages: a type for each that is received, in JSON and in MessagePack; builders for those that are sent."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from engine.model.time import NS_PER_S, from_datetime

Moment = str | Ext


class _Message(msgspec.Struct, tag_field="T", frozen=True):
    pass


class Trade(_Message, tag="t", frozen=True):
    S: str
    p: float
    s: float
    t: Moment
    i: int = 0
    x: str = ""
    c: list[str] = []
    z: str = ""


class Quote(_Message, tag="q", frozen=True):
    S: str
    t: Moment
    bp: float = 0.0
    bs: float = 0.0
    ap: float = 0.0
    as_: float = msgspec.field(default=0.0, name="as")


class Bar(_Message, tag="b", frozen=True):
    S: str
    t: Moment
    o: float
    h: float
    l: float  # noqa: E741  # the venue's name
    c: float
    v: float
    n: int = 0
    vw: float | None = None


class UpdatedBar(Bar, tag="u", frozen=True):
    pass


class DailyBar(Bar, tag="d", frozen=True):
    pass


class Correction(_Message, tag="c", frozen=True):
    S: str
    t: Moment
    oi: int
    op: float
    os: float
    ci: int
    cp: float
    cs: float
    x: str = ""
    oc: list[str] = []
    cc: list[str] = []
    z: str = ""


class CancelError(_Message, tag="x", frozen=True):
    S: str
    t: Moment
    i: int
    p: float
    s: float
    x: str = ""
    a: str = ""


class Status(_Message, tag="s", frozen=True):
    S: str
    t: Moment
    sc: str = ""
    sm: str = ""
    rc: str = ""
    rm: str = ""
    z: str = ""


class Luld(_Message, tag="l", frozen=True):
    S: str
    t: Moment


class Success(_Message, tag="success", frozen=True):
    msg: str = ""


class Error(_Message, tag="error", frozen=True):
    code: int = 0
    msg: str = ""


class Subscription(_Message, tag="subscription", frozen=True):
    trades: list[str] = []
    quotes: list[str] = []
    bars: list[str] = []


Message = (
    Trade | Quote | Bar | UpdatedBar | DailyBar | Correction | CancelError | Status | Luld | Success | Error
    | Subscription
)  # fmt: skip
KNOWN = frozenset(("t", "q", "b", "u", "d", "c", "x", "s", "l", "success", "error", "subscription"))


class Codec:
    """One of the two languages of the stream; the header of the connection says which."""

    def __init__(self, name: str) -> None:
        self.is_text = name == "json"
        self.headers = {} if self.is_text else {"Content-Type": "application/msgpack"}
        self.decode: Callable[[bytes], list[Message]]
        if self.is_text:
            self.decode = msgspec.json.Decoder(list[Message]).decode
            self._loose: Callable[[bytes], Any] = msgspec.json.Decoder().decode
            self.encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
        else:
            self.decode = msgspec.msgpack.Decoder(list[Message]).decode
            self._loose = msgspec.msgpack.Decoder().decode
            self.encode = msgspec.msgpack.Encoder().encode
        self._raws = (msgspec.json if self.is_text else msgspec.msgpack).Decoder(list[msgspec.Raw])
        self._one = (msgspec.json if self.is_text else msgspec.msgpack).Decoder(Message)

    def decode_known(self, frame: bytes) -> tuple[list[Message], list[str]]:
        """The messages whose kind we know, and the kinds that we do not. `msgspec.DecodeError` for a broken frame."""
        known: list[Message] = []
        others: list[str] = []
        for raw in self._raws.decode(frame):
            loose = self._loose(bytes(raw))
            kind = loose.get("T") if isinstance(loose, dict) else None
            if kind in KNOWN:
                known.append(self._one.decode(raw))
            else:
                others.append(str(kind))
        return known, others


def auth(codec: Codec, key: str, secret: str) -> bytes:
    return codec.encode({"action": "auth", "key": key, "secret": secret})


def ask(codec: Codec, action: str, channels: Iterable[str], symbols: list[str]) -> bytes:
    """`action` is subscribe or unsubscribe."""
    wanted: Mapping[str, Any] = dict.fromkeys(channels, symbols)
    return codec.encode({"action": action, **wanted})


def nanoseconds(moment: Moment) -> int:
    """UTC ns of a MessagePack timestamp or an RFC 3339 text; `ValueError` for anything else."""
    if isinstance(moment, Ext):
        return _of_timestamp(moment)
    seconds, rest = _whole_seconds(moment[:19]), moment[19:]
    if rest == "Z":
        return seconds
    if rest[:1] != "." or rest[-1:] != "Z" or not rest[1:-1].isdigit():
        raise ValueError(f"a time in UTC was expected, found {moment!r}")
    return seconds + int(rest[1:-1].ljust(9, "0")[:9])


@lru_cache(maxsize=1_024)
def _whole_seconds(head: str) -> int:
    """The second repeats from print to print; its nanoseconds do not."""
    return from_datetime(datetime.fromisoformat(f"{head}+00:00"))


def _of_timestamp(moment: Ext) -> int:
    data = bytes(moment.data)
    if moment.code != -1 or len(data) not in (4, 8, 12):
        raise ValueError(f"a timestamp was expected, found extension {moment.code} of {len(data)} bytes")
    if len(data) == 8:
        both = int.from_bytes(data, "big")
        return (both & 0x3_FFFF_FFFF) * NS_PER_S + (both >> 34)
    if len(data) == 4:
        return int.from_bytes(data, "big") * NS_PER_S
    return int.from_bytes(data[4:], "big", signed=True) * NS_PER_S + int.from_bytes(data[:4], "big")
