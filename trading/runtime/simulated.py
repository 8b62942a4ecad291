"""The desk of a book whose venue is simulated: the engine and the venue move in one step."""

from collections.abc import Iterable, Sequence

import msgspec

from engine.core import Engine
from engine.errors import SnapshotIncompatible
from engine.model.event import Event
from engine.model.orders import Order, OrderFilled
from engine.simulation import begin, step
from engine.venue.matching import SimulatedVenue
from trading.runtime.house_rules import HouseRules


class _Saved(msgspec.Struct, frozen=True):
    engine: bytes
    venue: bytes


class SimulatedDesk:
    """Orders execute in the venue as soon as they are approved; the journal commits both sides together."""

    def __init__(self, *, engine: Engine, venue: SimulatedVenue, rules: HouseRules | None = None) -> None:
        self.engine = engine
        self.venue = venue
        self.rules = rules  # what the venue refuses orders by
        self.opening: Sequence[Event] = ()

    def handle(self, event: Event) -> Sequence[Event]:
        """All that follows from `event`, in order."""
        return step(self.engine, self.venue, event)

    def inherit(self, history: Iterable[tuple[Order, OrderFilled]]) -> None:
        """Continue from the fills of earlier runs; `opening` is what arming the exits put out."""
        self.opening = begin(self.engine, self.venue, history)

    def save(self) -> bytes:
        return msgspec.msgpack.encode(_Saved(self.engine.snapshot(), self.venue.snapshot()))

    def restore(self, data: bytes) -> None:
        """`SnapshotIncompatible` where another version or configuration wrote `data`; use a new desk then."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except msgspec.DecodeError as error:
            raise SnapshotIncompatible(f"the saved state is not one of ours: {error}") from error
        self.engine.restore(saved.engine)
        self.venue.restore(saved.venue)

    async def committed(self, outputs: Sequence[Event]) -> None:
        """Nothing to send: the venue already has the orders."""
