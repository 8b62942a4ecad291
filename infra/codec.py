"""Events to bytes and back: JSON that `redis-cli` can read, tagged by class name."""

from typing import Any

import msgspec

from engine.model import accounts, commands, market, orders, positions, signals
from engine.model.event import Event
from engine.options import events as options


def _concrete(base: type[Event]) -> list[type[Event]]:
    found: list[type[Event]] = []
    for kind in base.__subclasses__():
        below = _concrete(kind)
        found += below or [kind]
    return found


# Importing the modules above defines every event; the union is closed here.
_MODULES = (accounts, commands, market, options, orders, positions, signals)
_UNION: Any = None
for _kind in _concrete(Event):
    _UNION = _kind if _UNION is None else _UNION | _kind

UNION = _UNION  # every event there is, for decoders of other formats

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_UNION)


def encode(event: Event) -> bytes:
    """JSON of one event; the class name is its "type"."""
    return _encoder.encode(event)


def decode(data: bytes | str) -> Event:
    """The event behind `encode`'s bytes; `msgspec.ValidationError` where it is none of ours."""
    event: Event = _decoder.decode(data)
    return event


def to_builtins(event: Event) -> dict[str, Any]:
    """The event as a plain dict with JSON values (Decimal as string, nan as None), for pages and databases."""
    document: dict[str, Any] = msgspec.json.decode(_encoder.encode(event))
    return document
