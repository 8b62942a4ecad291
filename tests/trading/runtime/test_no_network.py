"""Simulated execution calls nobody: orders are filled while every way to the network is shut."""

import socket
from decimal import Decimal

import pytest

from brokers.paper.dialects import speaker
from engine.core import Engine, EngineConfig
from engine.model.orders import ApprovedOrder, OrderFilled, OrderRejected
from engine.venue.matching import SimulatedVenue
from tests.engine.scenario import INSTRUMENTS, STRATEGIES, bars, slot
from trading.runtime.house_rules import HouseRules
from trading.runtime.simulated import SimulatedDesk


class Called(AssertionError):
    """Somebody wanted to leave this machine."""


@pytest.fixture
def shut(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise Called

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


async def test_orders_are_filled_without_a_call(shut):
    with pytest.raises(Called):
        socket.create_connection(("127.0.0.1", 9))
    accounts = {"schwab": 10, "tastytrade": 1}
    slots = (slot({1: 1, 3: -1}, quantity=accounts),)
    config = EngineConfig("r1", slots, INSTRUMENTS, linked_reversal=dict.fromkeys(accounts, True))
    engine = Engine(config, strategies=STRATEGIES)
    speakers = {name: speaker.__wrapped__(name) for name in accounts}  # made here, while the ways are shut
    rules = HouseRules(engine, venues=speakers, rates=None, allow_short=True)
    desk = SimulatedDesk(engine=engine, venue=SimulatedVenue(instruments=INSTRUMENTS, refuses=rules.refusal))
    out = []
    for bar in bars([100, 100, 101, 102, 103]):
        facts = list(desk.handle(bar))
        await desk.committed(facts)
        out += facts
    assert len([event for event in out if isinstance(event, ApprovedOrder)]) == 6
    assert not [event for event in out if isinstance(event, OrderRejected)]
    fills = [(event.broker, event.quantity) for event in out if isinstance(event, OrderFilled)]
    assert sorted(fills) == [
        *[("schwab", Decimal(10))] * 3, *[("tastytrade", Decimal(1))] * 3,
    ]  # fmt: skip
