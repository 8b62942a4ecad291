"""The desk of a book whose venue is simulated: the engine and the venue move in one step."""

from collections.abc import Sequence

import msgspec

from engine.core import Engine
from engine.model.event import Event
from engine.simulation import step
from engine.venue.matching import SimulatedVenue


class _Saved(msgspec.Struct, frozen=True):
    engine: bytes
    venue: bytes


class SimulatedDesk:
    """Orders execute in the venue as soon as they are approved; the journal commits both sides together."""

    def __init__(self, *, engine: Engine, venue: SimulatedVenue) -> None:
        self.engine = engine
        self.venue = venue

    def handle(self, event: Event) -> Sequence[Event]:
        """All that follows from `event`, in order."""
        return step(self.engine, self.venue, event)

    def save(self) -> bytes:
        return msgspec.msgpack.encode(_Saved(self.engine.snapshot(), self.venue.snapshot()))

    def restore(self, data: bytes) -> None:
        saved = msgspec.msgpack.decode(data, type=_Saved)
        self.engine.restore(saved.engine)
        self.venue.restore(saved.venue)

    async def committed(self, outputs: Sequence[Event]) -> None:
        """Nothing to send: the venue already has the orders."""
