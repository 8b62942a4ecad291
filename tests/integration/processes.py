"""Real processes of the product for tests: Celery workers and management commands on the test's database and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from django.db import connection

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]


def environment(redis_url: str, settings_module: str = "tests.process_settings") -> dict[str, str]:
    """What a child needs to work on this test's database and Redis."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings_module,
        "TEST_DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "TEST_REDIS_URL": redis_url,
        "FORTIFIED_ENV_FILE": "none",
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "INFO",
    }


class Processes:
    """Children of one test; each writes a log of its own."""

    def __init__(self, redis_url: str, folder: Path, **environ: str) -> None:
        self._environment = environment(redis_url, **environ)
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{name}.log").open("wb")
        child = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
        )
        self._children[name] = child
        return child

    def worker(self, name: str, queue: str, *, concurrency: int = 1, beat: bool = False) -> subprocess.Popen[bytes]:
        """A Celery worker on one queue; with `beat` it keeps the schedule too."""
        schedule = ("--beat", "--schedule", str(self._folder / "beat")) if beat else ()
        return self.start(
            name, "-m", "celery", "--app", "celery_app", "worker", "--queues", queue, "--hostname", f"{name}@%h",
            "--concurrency", str(concurrency), "--loglevel", "INFO", "--without-gossip", "--without-mingle", *schedule,
        )  # fmt: skip

    def manage(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start(name, "manage.py", *arguments)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def logs(self) -> str:
        return "\n".join(f"===== {name}\n{self.log(name)[-6000:]}" for name in self._children)

    def stop(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                kill_tree(child.pid)
            child.wait(timeout=DEADLINE_S)


def kill_tree(pid: int, signum: int = signal.SIGKILL) -> None:
    """`signum` to a process and everything below it."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.send_signal(signum)
        except psutil.NoSuchProcess:
            continue


@contextmanager
def running(redis_url: str, folder: Path, **environ: str) -> Iterator[Processes]:
    """Processes that end with the block; their logs are printed when it fails."""
    processes = Processes(redis_url, folder, **environ)
    try:
        yield processes
    except BaseException:
        print(processes.logs())
        raise
    finally:
        processes.stop()


def wait_for(condition: Callable[[], object], *, what: str) -> object:
    """The first true answer of `condition`; the test fails where none came in time."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {DEADLINE_S:g} s")
        time.sleep(0.05)
