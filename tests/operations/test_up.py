"""`./run up` from outside: it starts, heals, stops without a trace, and starts again."""

import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections import Counter

import psutil
import pytest

from infra.log_levels import choose
from infra.processes.priority import may_run_ahead
from infra.redis.client import sync_client
from tests.conftest import free_port
from tests.stack import ROOT, Stack
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """One system for the tests that only look at it."""
    running = Stack(tmp_path_factory.mktemp("up"), command="up", port=free_port())
    try:
        running.until_ready()
        yield running
    finally:
        running.stop()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=DEADLINE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_page_answers_when_it_says_so(stack):
    assert status(stack.url) == 200
    assert "manage createsuperuser" in stack.log


def test_every_running_process_follows_a_level_of_logging_that_is_chosen(stack):
    """A worker is three processes: the one that takes tasks and two that run them."""
    processes = {"web": 1, "beat": 1, "feeds": 3, "traders": 3, "worker": 3, "backtests": 3}
    told = re.compile(r"^\S+ +(\w+) +\| .*levels of logging: trades DEBUG$", re.MULTILINE)
    choose(sync_client(stack.redis_url), "trades", "DEBUG")
    stack.until(lambda: Counter(told.findall(stack.log)) == processes, what="new level everywhere")


@pytest.mark.skipif(not may_run_ahead(), reason="real-time priority is not permitted here")
def test_redis_runs_ahead_of_what_computes(stack):
    assert os.sched_getscheduler(stack.pids["redis"]) == os.SCHED_RR | os.SCHED_RESET_ON_FORK
    assert os.sched_getscheduler(stack.pids["backtests"]) == os.SCHED_OTHER


@pytest.mark.parametrize("name", ["web", "redis", "beat"])
def test_a_killed_service_comes_back_and_the_system_is_well_again(stack, name):
    before = stack.pids[name]
    os.kill(before, signal.SIGKILL)
    stack.until(lambda: stack.pids[name] != before, what=f"new {name}")
    stack.until(lambda: status(stack.url) == 200, what="healthy page")


def test_a_second_start_in_the_same_folder_is_refused_naming_the_first(stack):
    command = [str(ROOT / "run"), "up", "--port", str(free_port())]
    env = {**os.environ, "FORTIFIED_VAR_DIR": str(stack.var), "DJANGO_SETTINGS_MODULE": "fortified.settings"}
    answer = subprocess.run(command, capture_output=True, text=True, env=env, timeout=DEADLINE_S, check=False)
    assert answer.returncode == 1
    assert f"already running in this folder (process {stack.process.pid}, port {stack.port})" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_a_busy_port_is_named_with_the_remedy(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [str(ROOT / "run"), "up", "--port", str(port)]
        env = {**os.environ, "FORTIFIED_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "fortified.settings"}
        answer = subprocess.run(command, capture_output=True, text=True, env=env, timeout=DEADLINE_S, check=False)
    assert answer.returncode == 1
    assert answer.stderr.strip() == (
        f"run: port {port} is in use by another program: stop that one, or choose another port with --port {port + 1}"
    )


def test_it_stops_without_a_trace_starts_again_and_ends_even_when_killed(stack):
    """The last one of this file: it ends the system that the others looked at."""
    assert stack.processes()
    ended_with = stack.stop()
    assert ended_with == 0, stack.log
    assert stack.processes() == []

    second = Stack(stack.var, command="up", port=free_port())
    second.until_ready()
    second.process.kill()
    second.process.wait()
    _, alive = psutil.wait_procs(second.processes(), timeout=DEADLINE_S)
    for process in alive:
        process.kill()
    assert alive == []
