"""DXLink's messages: one type for everything received, builders for everything sent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

VERSION = "0.1-DXF-JS/0.3.0"  # what dxFeed's own client calls itself; servers look at the protocol number only
MAX_BYTES = 8_000  # of one subscription message: servers close with 1009 beyond 8 KiB

_encode = msgspec.json.encode


class Received(msgspec.Struct):
    """Any message of the server; a field that the type does not have keeps its default."""

    type: str
    channel: int
    data: Any = None
    state: str = ""
    event_fields: dict[str, list[str]] | None = msgspec.field(default=None, name="eventFields")
    error: str = ""
    message: str = ""
    service: str = ""
    keepalive_timeout: float = msgspec.field(default=60.0, name="keepaliveTimeout")


decoder: msgspec.json.Decoder[Received] = msgspec.json.Decoder(Received)


class Channel(msgspec.Struct, frozen=True):
    """A service channel we open: its odd id, which events it carries, and how they are bundled."""

    id: int
    fields: dict[str, list[str]]
    aggregation_s: float
    contract: str = "AUTO"


def setup(keepalive_s: float) -> bytes:
    return _encode(
        {
            "type": "SETUP",
            "channel": 0,
            "version": VERSION,
            "keepaliveTimeout": keepalive_s,
            "acceptKeepaliveTimeout": keepalive_s,
        }
    )


def auth(token: str) -> bytes:
    return _encode({"type": "AUTH", "channel": 0, "token": token})


KEEPALIVE = _encode({"type": "KEEPALIVE", "channel": 0})


def channel_request(channel: Channel) -> bytes:
    parameters = {"contract": channel.contract}
    return _encode({"type": "CHANNEL_REQUEST", "channel": channel.id, "service": "FEED", "parameters": parameters})


def feed_setup(channel: Channel, data_format: str) -> bytes:
    return _encode(
        {
            "type": "FEED_SETUP",
            "channel": channel.id,
            "acceptAggregationPeriod": channel.aggregation_s,
            "acceptDataFormat": data_format,
            "acceptEventFields": channel.fields,
        }
    )


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event type of one symbol; `from_time` (ms) asks for history first."""

    type: str
    symbol: str
    from_time: int | None = msgspec.field(default=None, name="fromTime")


def subscribe(channel: int, subscriptions: Iterable[Subscription]) -> Iterator[bytes]:
    """Messages that add `subscriptions`, each short enough for the server."""
    return _batches(channel, "add", subscriptions)


def unsubscribe(channel: int, subscriptions: Iterable[Subscription]) -> Iterator[bytes]:
    """Messages that remove `subscriptions`."""
    return _batches(channel, "remove", subscriptions)


def _batches(channel: int, verb: str, subscriptions: Iterable[Subscription]) -> Iterator[bytes]:
    head = f'{{"type":"FEED_SUBSCRIPTION","channel":{channel},"{verb}":['.encode()
    waiting: list[bytes] = []
    size = len(head) + 2
    for item in map(_encode, subscriptions):
        if waiting and size + len(item) + 1 > MAX_BYTES:
            yield _joined(head, waiting)
            waiting, size = [], len(head) + 2
        waiting.append(item)
        size += len(item) + 1
    if waiting:
        yield _joined(head, waiting)


def _joined(head: bytes, items: Sequence[bytes]) -> bytes:
    return head + b",".join(items) + b"]}"
