"""The simulator as a process of its own, configured from the command line and over HTTP."""

import asyncio
import re
import signal
import sys
from decimal import Decimal as D
from pathlib import Path

import httpx

from simulators.schwab.__main__ import parse

ROOT = Path(__file__).parents[3]


def test_the_command_line_says_what_the_simulator_is():
    config = parse(["--port", "0", "--account", "777:5000", "--order-fault", "partial_fills", "--fault", "mute:5:2"])
    assert [(each.number, each.cash) for each in config.accounts] == [("777", D(5000))]
    assert [each.name for each in config.order_faults] == ["partial_fills"]
    assert [(each.name, each.after_s, each.for_s) for each in config.faults] == [("mute", 5, 2)]
    assert [each.number for each in parse([]).accounts] == ["12345678"]


async def test_it_serves_until_it_is_asked_to_stop():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.schwab", "--port", "0", "--always-open", "--symbols", "SPY",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        url = re.search(r"REST (\S+)", line)
        assert url is not None, line
        async with httpx.AsyncClient(base_url=url[1], trust_env=False) as client:
            status = (await client.get("/status")).json()
            assert (status["venue"], status["accounts"], status["symbols"]) == ("schwab", ["12345678"], ["SPY"])
            fault = {"name": "drop_answer", "times": 1}
            assert (await client.post("/faults", json=fault)).status_code == 201
            assert (await client.get("/faults")).json()["active"] == ["drop_answer"]
            assert (await client.post("/faults", json={"name": "drop_anser"})).status_code == 400
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
