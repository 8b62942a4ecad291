"""The simulator as a service: its REST calls, and as a process with signals."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engine.errors import NotFound
from simulators.__main__ import parse
from simulators.dxlink.quote_tokens import Credentials
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve

ROOT = Path(__file__).parents[2]
REFRESH = {"grant_type": "refresh_token", "refresh_token": "r", "client_secret": "s"}


@pytest.fixture
async def rest():
    async with (
        await serve(SimulatorConfig(credentials=Credentials("s", "r", strict_user_agent=True))) as simulator,
        httpx.AsyncClient(
            base_url=simulator.rest_url, trust_env=False, headers={"User-Agent": "fortified/1.0"}
        ) as http,
    ):
        yield http


async def test_a_quote_token_needs_an_access_token(rest):
    refused = await rest.get("/api-quote-tokens")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_invalid")
    reply = (await rest.post("/oauth/token", json=REFRESH)).json()
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 900)
    found = await rest.get("/api-quote-tokens", headers={"Authorization": f"Bearer {reply['access_token']}"})
    data = found.json()["data"]
    assert data["dxlink-url"].startswith("ws://127.0.0.1:")
    assert data["level"] == "api"
    assert data["token"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "x"}, 400, "invalid_grant"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"client_secret": 5}, 400, "invalid_input"),
    ],
)
async def test_a_wrong_login_is_refused(rest, change, status, code):
    reply = await rest.post("/oauth/token", json={**REFRESH, **change})
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("agent", ["", "fortified", "python httpx/1", "fortified/1.0 (x11)"])
async def test_a_user_agent_of_another_form_is_refused_where_that_is_asked_for(rest, agent):
    reply = await rest.post("/oauth/token", json=REFRESH, headers={"User-Agent": agent})
    assert reply.status_code == 401


async def test_another_path_is_not_found_and_the_status_tells_the_market(rest):
    assert (await rest.get("/nothing")).status_code == 404
    status = (await rest.get("/status")).json()
    assert "SPY" in status["symbols"]
    assert (status["connections"], status["prints_served"]) == (0, 0)


async def test_access_tokens_run_out():
    credentials = Credentials(access_life_s=0.0)
    async with (
        await serve(SimulatorConfig(credentials=credentials)) as simulator,
        httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http,
    ):
        token = (await http.post("/oauth/token", json=REFRESH)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert (await http.post("/sessions/validate", headers=headers)).status_code == 401


def test_the_command_line_says_what_is_simulated():
    options = "--port 9000 --seed 4 --speed 10 --symbols SPY,MSFT --tick-rate 8 --always-open"
    config = parse([*options.split(), "--fault", "mute:5:2", "--fault", "cut:9"])
    assert config.market == MarketConfig(seed=4, symbols=("SPY", "MSFT"), tick_rate=8.0, always_open=True)
    assert (config.port, config.speed) == (9000, 10.0)
    assert [(fault.name, fault.after_s, fault.for_s) for fault in config.faults] == [("mute", 5, 2), ("cut", 9, 1e9)]
    assert parse(["--symbols", "100"]).market.extra_symbols == 100
    with pytest.raises(NotFound, match="mute"):
        parse(["--fault", "mutee"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_ends_cleanly_on_a_signal(number):
    command = [sys.executable, "-m", "simulators", "--port", "0", "--always-open"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"REST (http://\S+) · stream (ws://\S+)", line)
            assert found, line
            assert httpx.get(f"{found[1]}/status", trust_env=False).json()["feed_url"] == found[2]
            process.send_signal(number)
            rest, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")
