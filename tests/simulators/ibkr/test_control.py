"""The simulated gateway from the command line and over HTTP: its accounts, its faults, and trades by hand."""

import asyncio
from decimal import Decimal as D

import httpx
import pytest

from simulators.ibkr.__main__ import parse
from simulators.ibkr.serve import IbkrConfig, serve
from simulators.market import MarketConfig


def test_the_command_line_says_what_the_gateway_is():
    line = ["--port", "4000", "--account", "DU7:5000", "--account", "DU8", "--order-fault", "upstream_lost"]
    config = parse(line)
    assert (config.port, config.gateway_port) == (4000, None)  # the next one
    assert [(each.number, each.cash) for each in config.accounts] == [("DU7", D(5000)), ("DU8", D(100_000))]
    assert [each.name for each in config.order_faults] == ["upstream_lost"]
    assert [each.number for each in parse([]).accounts] == ["DU1234567"]
    assert parse(["--port", "0"]).port == 0


@pytest.fixture
async def control():
    config = IbkrConfig(market=MarketConfig(seed=5, symbols=("SPY",), always_open=True, tick_rate=20.0))
    async with (
        await serve(config) as simulator,
        httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as client,
    ):
        yield simulator, client


async def test_faults_are_scheduled_listed_and_ended(control):
    _, client = control
    for name in ("upstream_lost", "mute"):
        assert (await client.post("/faults", json={"name": name, "after_s": 100})).status_code == 201
    assert (await client.get("/faults")).json()["scheduled"] == ["mute", "upstream_lost"]
    assert (await client.delete("/faults")).json() == {"scheduled": [], "active": []}
    assert (await client.post("/faults", json={"name": "no_such_fault"})).status_code == 400


async def test_a_person_trades_beside_the_programs(control):
    simulator, client = control
    trade = {"account": "DU1234567", "symbol": "SPY", "side": "buy", "quantity": "3"}
    assert (await client.post("/by-hand", json=trade)).status_code == 201
    async with asyncio.timeout(60):
        while not simulator.brokerage.executions("DU1234567"):
            await asyncio.sleep(0.01)
    assert (await client.post("/by-hand", json={**trade, "quantity": "90000"})).status_code == 422
    status = (await client.get("/status")).json()
    assert (status["venue"], status["gateway"]) == ("ibkr", simulator.gateway_address)
    assert (await client.get("/orders")).status_code == 404
