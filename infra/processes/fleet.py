"""Supervises the services: honcho's manager and its log, made to heal a service and to stop in order."""

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from honcho.manager import Manager

from infra.processes.log import RunLog
from infra.processes.respawn import RespawningProcess, describe
from infra.processes.services import Service, StopPhase

GRACE_S = 15.0  # for a phase of services to finish what they hold: a trader saves and gives its lease back
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Fleet(Manager):
    """The services of one `./run`. `pump` does a slice of the work; `loop` pumps until everything has ended."""

    def __init__(self, *, root: Path, log: RunLog) -> None:
        super().__init__(printer=log)
        self.was_killed = False  # something had to be killed because it did not end in time
        self.failed: str | None = None
        self._root = root
        self._log = log
        self._process_ctor = RespawningProcess
        self._stopping = multiprocessing.Event()
        self._requests = 0
        self._answered = 0
        self._phase: StopPhase | None = None
        self._deadline = 0.0

    # ---- what a launcher calls -----------------------------------------------------------------------------

    def listen_for_signals(self) -> None:
        """From here on Ctrl-C, SIGTERM and a closed terminal stop everything in order; a second one kills."""
        for signum in _SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup asks to outlive the terminal
                signal.signal(signum, self._on_signal)

    def start(self, service: Service) -> None:
        """Start `service` and keep it running."""
        process = self.add_process(service.name, service, cwd=str(self._root))
        process.stopping = self._stopping
        self._spawn(service.name)

    def run_to_end(self, service: Service) -> int | None:
        """Start a one-shot service and wait for its status; None when everything is being stopped meanwhile."""
        self.start(service)
        self.pump_until(lambda: "returncode" in self._processes[service.name])
        return self._processes[service.name].get("returncode") if not self.is_stopping else None

    def pump_until(self, is_met: Callable[[], bool], *, within_s: float = float("inf")) -> bool:
        """Relay output until the condition holds; False when the time is over or everything is being stopped."""
        deadline = time.monotonic() + within_s
        while not is_met():
            if self.is_stopping or time.monotonic() > deadline:
                return False
            self.pump()
        return True

    def stop(self, reason: str) -> None:
        """Begin to stop: phase after phase, each with `GRACE_S`."""
        if self.is_stopping:
            return
        self.say(reason)
        self._stopping.set()
        self._enter(StopPhase.FIRST)

    @property
    def is_stopping(self) -> bool:
        return self._phase is not None

    def say(self, text: str) -> None:
        """A line of our own in the log."""
        self._system_print(f"{text}\n")

    def banner(self, lines: list[str]) -> None:
        """What a person is waiting for, without a prefix."""
        self._log.banner(lines)

    def loop(self) -> None:
        """Until everything has ended, which only a signal or `stop` brings about."""
        while not (self.is_stopping and self._has_ended(set(StopPhase))):
            self.pump()
        while self._handle_next(timeout=0.05):
            pass

    def pump(self) -> None:
        """Relay what was printed, notice what ended, do the next step of stopping."""
        if self._handle_next(timeout=0.1):
            for _ in range(500):
                if not self._handle_next(timeout=0):
                    break
        self._answer_signals()
        if self._phase is not None:
            self._advance(self._phase)
        elif self._log.reader_is_gone:
            self.stop("Nobody reads the log any more: stopping")
        else:
            self._replace_lost_guards()

    # ---- how ---------------------------------------------------------------------------------------------

    def _on_signal(self, signum: int, _frame: Any) -> None:
        self._requests += 1  # printing here could interrupt a print

    def _answer_signals(self) -> None:
        if self._requests == self._answered:
            return
        self._answered = self._requests
        if self._phase is not None:
            self._kill_phase(self._phase, "asked again")
        else:
            self.stop("Stopping every service (once more to kill them)")

    def _handle_next(self, *, timeout: float) -> bool:
        try:
            message = self.events.get(timeout=timeout) if timeout else self.events.get_nowait()
        except queue.Empty:
            return False
        if message.type == "line":
            self._printer.write(message)
        elif message.type == "start":
            self._note_start(message.name, message.data["pid"])
        else:
            self._note_stop(message.name, message.data["returncode"])
        return True

    def _note_start(self, name: str, pid: int) -> None:
        self._processes[name]["pid"] = pid
        self.say(f"{name} started (pid {pid})")

    def _note_stop(self, name: str, returncode: int) -> None:
        self._processes[name]["returncode"] = returncode
        if self.is_stopping or returncode != 0:
            self.say(f"{name} stopped ({describe(returncode)})")

    def _spawn(self, name: str) -> None:
        entry = self._processes[name]
        entry["process"] = multiprocessing.get_context("fork").Process(
            name=name, target=entry["obj"].run, args=(self.events, True)
        )
        entry["process"].start()

    def _replace_lost_guards(self) -> None:
        """The small process that guards a service was killed: its service is ending too, so both begin anew."""
        for name, entry in self._processes.items():
            if "returncode" not in entry and entry.get("process") and not entry["process"].is_alive():
                if self._handle_next(timeout=0.05):
                    return  # it may just have said goodbye
                self.say(f"the guard of {name} was lost; starting both again")
                self._spawn(name)

    # ---- stopping ------------------------------------------------------------------------------------------

    def _enter(self, phase: StopPhase) -> None:
        self._phase = phase
        self._deadline = time.monotonic() + GRACE_S
        for pid in self._pids(phase):
            _send(pid, signal.SIGTERM)

    def _advance(self, phase: StopPhase) -> None:
        if self._has_ended({earlier for earlier in StopPhase if earlier <= phase}):
            if phase < max(StopPhase):
                self._enter(StopPhase(phase + 1))
        elif time.monotonic() > self._deadline:
            self._kill_phase(phase, f"did not end within {GRACE_S:g} s")

    def _kill_phase(self, phase: StopPhase, why: str) -> None:
        self._deadline = time.monotonic() + GRACE_S
        for name, entry in self._running(phase):
            self.was_killed = True
            self.say(f"killing {name}: {why}")
            if entry.get("pid"):
                self._procmgr.kill(entry["pid"])

    def _running(self, phase: StopPhase) -> list[tuple[str, dict[str, Any]]]:
        return [
            (name, entry)
            for name, entry in self._processes.items()
            if entry["obj"].cmd.stop_phase == phase and not _is_over(entry)
        ]

    def _pids(self, phase: StopPhase) -> list[int]:
        return [entry["pid"] for _, entry in self._running(phase) if entry.get("pid")]

    def _has_ended(self, phases: set[StopPhase]) -> bool:
        return not any(self._running(phase) for phase in phases)


def _is_over(entry: dict[str, Any]) -> bool:
    return "returncode" in entry or not entry.get("process") or not entry["process"].is_alive()


def _send(pid: int, signum: int) -> None:
    """To the process alone, not to its children: a Celery worker tells its own when to finish."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return
