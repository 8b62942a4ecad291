"""The whole system, started as a person starts it, for tests that look at it from outside."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[1]
STARTS_WITHIN_S = 240.0
ENDS_WITHIN_S = 120.0
_BANNER = re.compile(r"Fortified is at (\S+)")
_STARTED = re.compile(r"\| (\w+) started \(pid (\d+)\)")


class Stack:
    """A `./run` of its own: port, database, Redis and log in a folder of its own."""

    email = "demo@fortified.local"

    def __init__(self, var: Path, *, command: str, port: int, options: tuple[str, ...] = ()) -> None:
        self.var = var / "rehearsal" if "--live" in options else var
        self.var.mkdir(exist_ok=True)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._out = (self.var.parent / f"{self.var.name}.log").open("w+")
        self.process = subprocess.Popen(
            [ROOT / "run", command, *options, "--port", str(port)],
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "FORTIFIED_VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "fortified.settings"},
            start_new_session=True,
            preexec_fn=_heed_ctrl_c,
        )

    @property
    def log(self) -> str:
        return (self.var.parent / f"{self.var.name}.log").read_text()

    @property
    def password(self) -> str:
        return (self.var / "demo_password").read_text().strip()

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{(self.var / 'redis' / 'port').read_text()}/0"

    @property
    def pids(self) -> dict[str, int]:
        """The latest process of each service."""
        return {name: int(pid) for name, pid in _STARTED.findall(self.log)}

    def until(self, is_met: Callable[[], bool], *, what: str, within_s: float = DEADLINE_S) -> None:
        """Wait for a condition; the end of `./run` or of the time fails with the log."""
        deadline = time.monotonic() + within_s
        while not is_met():
            assert self.process.poll() is None, f"./run ended while waiting for {what}:\n{self.log[-8000:]}"
            assert time.monotonic() < deadline, f"no {what} within {within_s:g} s:\n{self.log[-8000:]}"
            time.sleep(0.1)

    def until_ready(self) -> None:
        self.until(lambda: bool(_BANNER.search(self.log)), within_s=STARTS_WITHIN_S, what="page")

    def processes(self) -> list[psutil.Process]:
        """Everything that runs with this folder, found by its environment: also what lost its parent."""
        mark = str(self.var)
        return [process for process in psutil.process_iter() if _environment(process).get("FORTIFIED_VAR_DIR") == mark]

    def stop(self, signum: int = signal.SIGINT) -> int:
        """Ask it to stop as Ctrl-C does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(timeout=ENDS_WITHIN_S)
        finally:
            self.process.kill()
            self._out.close()


def _heed_ctrl_c() -> None:
    """A suite that was started in the background of a shell ignores SIGINT, and so would everything it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ()) if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:
        return {}
