"""One supervised service: started, its output relayed, started again when it ends unasked."""

import ctypes
import multiprocessing.synchronize
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from itertools import chain, repeat
from typing import IO

from honcho.process import Process

from infra.processes.priority import run_ahead
from infra.processes.services import Service

# Waits before the next start; a service that ran for STEADY_S begins with the first again.
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def die_with_parent(signum: int) -> None:
    """Have the kernel send `signum` to this process when its parent ends, however it ends (Linux only)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)


def _in_the_child(*, runs_ahead: bool) -> None:
    """Between fork and exec. The signals we ignore here are not to be ignored by the service."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    die_with_parent(signal.SIGTERM)
    if runs_ahead:
        run_ahead(with_children=False)


class RespawningProcess(Process):
    """honcho's process, whose end is not the end of everything. `cmd` is a `Service`.

    `run` is the body of a small process of its own: it ends when `stopping` is set and the service has ended, or,
    for a one-shot service, when that has ended.
    """

    stopping: multiprocessing.synchronize.Event

    def run(self, events: object = None, ignore_signals: bool = False) -> None:
        self._events = events
        if ignore_signals:
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN)
        die_with_parent(signal.SIGKILL)
        returncode = self._run_until_stopped()
        self._send_message({"returncode": returncode}, type="stop")

    def _run_until_stopped(self) -> int:
        service: Service = self.cmd
        waits = chain(BACKOFF_S, repeat(BACKOFF_S[-1]))
        while True:
            started = time.monotonic()
            returncode = self._run_once(service)
            if service.is_one_shot or self.stopping.is_set():
                return returncode
            if time.monotonic() - started > STEADY_S:
                waits = chain(BACKOFF_S, repeat(BACKOFF_S[-1]))
            wait_s = next(waits)
            self._send_message(f"{service.name} ended ({describe(returncode)}); starting it again in {wait_s:g} s\n")
            if self.stopping.wait(wait_s):
                return returncode

    def _run_once(self, service: Service) -> int:
        try:
            child = subprocess.Popen(  # noqa: S603  our own table
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**self.env, **service.environment},
                cwd=self.cwd,
                start_new_session=True,  # Ctrl-C of the terminal reaches the manager only, which then asks in order
                preexec_fn=partial(_in_the_child, runs_ahead=service.runs_ahead),  # noqa: PLW1509  short system calls
            )
        except OSError as error:
            self._send_message(f"cannot start {service.command[0]}: {error}\n")
            return 127
        self._send_message({"pid": child.pid}, type="start")
        if self.stopping.is_set():  # asked between the check and the start
            child.terminate()
        reader = threading.Thread(target=self._relay, args=(child.stdout,), daemon=True)
        reader.start()
        returncode = child.wait()
        _sweep(child.pid)
        reader.join(timeout=2.0)
        return returncode

    def _relay(self, output: IO[bytes]) -> None:
        for line in iter(output.readline, b""):
            self._send_message(line)
        output.close()


def describe(returncode: int) -> str:
    """ "status 1", or the name of the signal that ended it."""
    if returncode >= 0:
        return f"status {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"


def _sweep(group: int) -> None:
    """What a service that was killed left behind in its group must not outlive it."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left, which is the rule
        return
