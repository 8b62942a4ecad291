"""The supervision of services, with real processes."""

import io
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.processes.fleet import Fleet
from infra.processes.log import RunLog
from infra.processes.respawn import describe
from infra.processes.services import Service, StopPhase
from tests.waiting import DEADLINE_S

STEADY = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
WITH_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print('child', child.pid, flush=True)
time.sleep(60)
"""
SAYS_GOODBYE = """
import signal, sys, time
def end(*_):
    print('goodbye', NAME, flush=True)
    sys.exit(0)
signal.signal(15, end)
print('up', flush=True)
time.sleep(60)
"""


class Harness:
    """A fleet whose log can be read."""

    def __init__(self, folder: Path) -> None:
        self.output = io.StringIO()
        self.fleet = Fleet(root=folder, log=RunLog(folder / "run.log", self.output))

    @property
    def text(self) -> str:
        return self.output.getvalue()

    def start(self, name: str, code: str, **options: object) -> None:
        self.fleet.start(python(name, code, **options))

    def until(self, text: str, times: int = 1) -> None:
        assert self.fleet.pump_until(lambda: self.text.count(text) >= times, within_s=DEADLINE_S), self.text

    def pid(self, name: str) -> int:
        return int(self.text.split(f"{name} started (pid ")[-1].split(")")[0])

    def end(self) -> None:
        self.fleet.stop("the test is over")
        self.fleet.loop()


def python(name: str, code: str, **options: object) -> Service:
    return Service(name=name, command=(sys.executable, "-c", code), **options)  # type: ignore[arg-type]


@pytest.fixture
def harness(tmp_path):
    made = Harness(tmp_path)
    yield made
    made.end()


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_gone(pid)


def test_a_killed_service_is_started_again(harness):
    harness.start("steady", STEADY)
    harness.until("| up")
    first = harness.pid("steady")
    os.kill(first, signal.SIGKILL)
    harness.until("| up", times=2)
    assert "steady ended (killed by SIGKILL); starting it again" in harness.text
    assert harness.pid("steady") != first


def test_a_service_that_fails_again_and_again_waits_longer_each_time(harness):
    harness.start("broken", "raise SystemExit(3)")
    harness.until("ended (status 3)", times=3)
    waits = [line.rsplit("in ", 1)[1] for line in harness.text.splitlines() if "ended (status 3)" in line]
    assert waits[:3] == ["0.2 s", "0.5 s", "1 s"]


def test_a_command_that_does_not_exist_is_named_in_the_log(harness):
    harness.fleet.start(Service(name="typo", command=("no-such-program",)))
    harness.until("cannot start no-such-program")


def test_what_a_killed_service_leaves_behind_is_ended_with_it(harness):
    harness.start("parent", WITH_A_CHILD)
    harness.until("| child ")
    child = int(harness.text.split("| child ")[1].split()[0])
    os.kill(harness.pid("parent"), signal.SIGKILL)
    assert wait_until_gone(child)


def test_a_phase_is_stopped_only_after_the_one_before_has_ended(tmp_path):
    harness = Harness(tmp_path)
    for name, phase in (("store", StopPhase.LAST), ("market", StopPhase.MARKET), ("work", StopPhase.FIRST)):
        harness.start(name, SAYS_GOODBYE.replace("NAME", repr(name)), stop_phase=phase)
    harness.until("| up", times=3)
    harness.end()
    order = [harness.text.index(f"goodbye {name}") for name in ("work", "market", "store")]
    assert order == sorted(order)
    assert not harness.fleet.was_killed


def test_a_service_that_ignores_the_request_is_killed_and_the_run_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("infra.processes.fleet.GRACE_S", 0.5)
    harness = Harness(tmp_path)
    harness.start("stubborn", STUBBORN)
    harness.until("| up")
    pid = harness.pid("stubborn")
    harness.end()
    assert harness.fleet.was_killed
    assert "killing stubborn: did not end within 0.5 s" in harness.text
    assert wait_until_gone(pid)


def test_a_service_is_not_started_again_while_everything_stops(tmp_path):
    harness = Harness(tmp_path)
    harness.start("broken", "raise SystemExit(1)")
    harness.until("ended (status 1)", times=3)
    harness.end()
    started = harness.text.count("broken started")
    assert "broken stopped (status 1)" in harness.text
    assert started == harness.text.count("ended (status 1)") or started == harness.text.count("ended (status 1)") + 1


def test_a_one_shot_service_gives_its_status_and_is_not_repeated(harness):
    assert harness.fleet.run_to_end(python("setup", "raise SystemExit(4)", is_one_shot=True)) == 4
    assert harness.text.count("setup started") == 1


def test_the_environment_of_a_service_adds_to_ours(harness):
    code = "import os; print('PATH' in os.environ, os.environ['COLOUR'])"
    assert harness.fleet.run_to_end(python("env", code, is_one_shot=True, environment={"COLOUR": "blue"})) == 0
    harness.until("True blue")


def test_the_log_file_holds_what_the_terminal_showed(tmp_path, harness):
    harness.start("steady", STEADY)
    harness.until("| up")
    kept = (tmp_path / "run.log").read_text()
    assert "steady started" in kept
    assert "| up" in kept


def test_a_second_request_kills_what_has_not_ended(tmp_path):
    harness = Harness(tmp_path)
    harness.start("stubborn", STUBBORN)
    harness.until("| up")
    kept = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        harness.fleet.listen_for_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        harness.until("Stopping every service")
        os.kill(os.getpid(), signal.SIGTERM)
        harness.fleet.loop()
    finally:
        for signum, handler in kept.items():
            signal.signal(signum, handler)
    assert "killing stubborn: asked again" in harness.text


def test_services_end_when_the_manager_itself_is_killed(tmp_path):
    code = f"""
import pathlib
from infra.processes.fleet import Fleet
from infra.processes.log import RunLog
from infra.processes.services import Service
import sys
fleet = Fleet(root=pathlib.Path('.'), log=RunLog(pathlib.Path({str(tmp_path)!r}) / 'run.log'))
fleet.start(Service(name='steady', command=(sys.executable, '-c', {STEADY!r})))
fleet.loop()
"""
    import subprocess

    manager = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert manager.stdout is not None
    seen = ""
    while "| up" not in seen:
        line = manager.stdout.readline()
        assert line, seen
        seen += line
    service = int(seen.split("steady started (pid ")[1].split(")")[0])
    manager.kill()
    manager.wait()
    manager.stdout.close()
    assert wait_until_gone(service)


@pytest.mark.parametrize(("code", "text"), [(0, "status 0"), (3, "status 3"), (-9, "killed by SIGKILL")])
def test_an_exit_is_described_in_words(code, text):
    assert describe(code) == text
