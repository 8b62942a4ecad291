"""Simulated venues as processes of their own, configured from the command line and over HTTP."""

import asyncio
import re
import signal
import sys
from decimal import Decimal as D
from pathlib import Path

import httpx
import pytest

from simulators.alpaca.__main__ import parse as parse_alpaca
from simulators.massive.__main__ import parse as parse_massive

ROOT = Path(__file__).parents[2]


def test_the_command_line_says_what_the_simulator_is():
    line = ["--port", "0", "--account", "PA7:5000", "--order-fault", "partial_fills", "--fault", "mute:5:2"]
    alpaca = parse_alpaca(line)
    assert (alpaca.account.number, alpaca.account.cash) == ("PA7", D(5000))
    assert [each.name for each in alpaca.order_faults] == ["partial_fills"]
    assert [(each.name, each.after_s, each.for_s) for each in alpaca.faults] == [("mute", 5, 2)]
    assert parse_alpaca([]).account.number == "PA3SIM000001"
    massive = parse_massive([*line, "--speed", "3", "--symbols", "SPY"])
    assert (massive.speed, massive.market.symbols, len(massive.faults)) == (3.0, ("SPY",), 1)


@pytest.mark.parametrize("venue", ["alpaca", "massive", "ibkr"])
async def test_it_serves_until_it_is_asked_to_stop(venue):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"simulators.{venue}", "--port", "0", "--always-open", "--symbols", "SPY",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        url = re.search(r"REST (\S+)", line)
        assert url is not None, line
        async with httpx.AsyncClient(base_url=url[1], trust_env=False) as client:
            status = (await client.get("/status")).json()
            assert (status["venue"], status["symbols"]) == (venue, ["SPY"])
            assert (await client.post("/faults", json={"name": "mute"})).status_code == 201
            assert (await client.post("/faults", json={"name": "mutee"})).status_code == 400
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
