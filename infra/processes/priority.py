"""Lets what must not wait run ahead of everything else on the machine, where the system permits it (Linux).

A backtest on every core would otherwise keep prints waiting for tens of milliseconds: the scheduler shares fairly, and
niceness means nothing between processes of different sessions (`sched_autogroup`, sched(7)).
"""

import os
from concurrent.futures import ThreadPoolExecutor

_LOWEST = 1  # of the real-time priorities: ahead of ordinary processes, behind whatever else is real-time


def run_ahead(*, with_children: bool) -> bool:
    """Give the calling thread real-time priority (SCHED_RR); False where that is not permitted.

    What it starts later, threads included, gets the same only `with_children`. The kernel keeps a twentieth of the
    time for everybody else (`sched_rt_runtime_us`), and a machine with one core is left as it is.
    """
    if not hasattr(os, "sched_setscheduler") or (os.cpu_count() or 1) < 2:
        return False
    policy = os.SCHED_RR if with_children else os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(_LOWEST))
    except OSError:
        return False
    return True


def may_run_ahead() -> bool:
    """Whether `run_ahead` would do it here; tried in a thread of its own, which it changes alone."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run_ahead, with_children=False).result()
