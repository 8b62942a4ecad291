"""Simulated execution calls nobody: orders are filled while every way to the network is shut."""

import socket
from decimal import Decimal

import pytest

from engine.core import Engine, EngineConfig
from engine.model.orders import ApprovedOrder, OrderFilled
from engine.venue.matching import SimulatedVenue
from tests.engine.scenario import INSTRUMENTS, STRATEGIES, bars, slot
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
    config = EngineConfig("r1", (slot({1: 1, 3: -1}, quantity=accounts),), INSTRUMENTS)
    desk = SimulatedDesk(engine=Engine(config, strategies=STRATEGIES), venue=SimulatedVenue(instruments=INSTRUMENTS))
    out = []
    for bar in bars([100, 100, 101, 102, 103]):
        facts = list(desk.handle(bar))
        await desk.committed(facts)
        out += facts
    assert len([event for event in out if isinstance(event, ApprovedOrder)]) == 4
    fills = [(event.broker, event.quantity) for event in out if isinstance(event, OrderFilled)]
    assert sorted(fills) == [
        ("schwab", Decimal(10)), ("schwab", Decimal(20)), ("tastytrade", Decimal(1)), ("tastytrade", Decimal(2)),
    ]  # fmt: skip
