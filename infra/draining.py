"""Tells the long-lived loops inside a Celery worker that the worker was asked to stop.

A warm shutdown is announced in the worker's main process only; the loops run in its forked children. The flag
lives in memory that both share, so it must be imported before the fork (the task modules do). It is a byte and no
`multiprocessing.Event`: that has a lock, and a child that is killed while it looks would keep it for ever, and with
it all the others.
"""

import ctypes
import mmap
import os
import signal
import sys
from typing import Any

from celery.signals import worker_process_init, worker_shutting_down

_flag = mmap.mmap(-1, 1)
_PR_SET_PDEATHSIG = 1


def is_requested() -> bool:
    """True once this process's worker was asked to stop: finish the current step, save, return."""
    return _flag[0] != 0


def request() -> None:
    """Ask the loops of this worker to stop."""
    _flag[0] = 1


@worker_shutting_down.connect
def _on_worker_shutting_down(**_: Any) -> None:
    request()


@worker_process_init.connect
def _die_with_the_worker(**_: Any) -> None:
    """A killed worker must not leave children behind that go on trading (Linux only; elsewhere the lease ends them)."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL("libc.so.6", use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between the fork and the call
        os.kill(os.getpid(), signal.SIGKILL)
