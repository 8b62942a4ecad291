"""How long brokers take to answer: every call of every adapter is measured by the broker's name."""

import time
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from prometheus_client import Histogram

from brokers.features import Features
from brokers.venue import (
    AccountUpdate,
    Answer,
    Balances,
    LearnsNames,
    OrderRefused,
    OutcomeUnknown,
    PairsExits,
    Unknown,
    Venue,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueRequest,
)
from engine.instruments.instrument import Instrument
from engine.model.orders import Order

T = TypeVar("T")
NAME = "broker_call_seconds"
BROKER_CALL = Histogram(
    NAME,
    "Calls of brokers until their answer, by broker, call and how they ended (ok, refused, unknown)",
    ["broker", "call", "end"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)


class TimedVenue:
    """The same venue, with a watch on it."""

    def __init__(self, venue: Venue, broker: str) -> None:
        self.features: Features = venue.features
        self._venue = venue
        self._broker = broker

    async def open(self) -> None:
        await self._timed("open", self._venue.open())

    async def close(self) -> None:
        await self._venue.close()

    def adopt(self, client_id: str, venue_id: str) -> None:
        """Passed on where the venue learns names; nothing elsewhere."""
        if isinstance(self._venue, LearnsNames):
            self._venue.adopt(client_id, venue_id)

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        return self._venue.request_for(order, instrument)

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        return await self._timed("place", self._venue.place(order, instrument))

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        return await self._timed("replace", self._venue.replace(working, order, instrument))

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return self._pairs().request_for_pair(stop, target, instrument)

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        return await self._timed("place_pair", self._pairs().place_pair(stop, target, instrument))

    def _pairs(self) -> PairsExits:
        if not isinstance(self._venue, PairsExits):
            raise OrderRefused(f"{self.features.title} takes no pairs of a stop and a target", field="group")
        return self._venue

    async def cancel(self, working: VenueOrder) -> None:
        await self._timed("cancel", self._venue.cancel(working))

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        return await self._timed("find", self._venue.find(order, since=since))

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        return await self._timed("orders", self._venue.orders(since=since))

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        return await self._timed("fills", self._venue.fills(since=since))

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        return await self._timed("positions", self._venue.positions())

    async def balances(self) -> Answer[Balances]:
        return await self._timed("balances", self._venue.balances())

    def updates(self) -> AsyncIterator[AccountUpdate]:
        return self._venue.updates()

    async def _timed(self, call: str, answer: Awaitable[T]) -> T:
        began, end = time.perf_counter(), "unknown"  # also where the caller gave up waiting
        try:
            found = await answer
            end = "unknown" if isinstance(found, Unknown) else "ok"
            return found
        except OrderRefused:
            end = "refused"
            raise
        except OutcomeUnknown:
            raise
        finally:
            BROKER_CALL.labels(self._broker, call, end).observe(time.perf_counter() - began)
