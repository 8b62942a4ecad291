"""What runs ahead of the rest, and what it starts."""

import os
import subprocess
import sys

import pytest

from infra.processes.priority import may_run_ahead

pytestmark = pytest.mark.skipif(not may_run_ahead(), reason="real-time priority is not permitted here")

PROGRAM = """
import os, subprocess, sys, threading
from infra.processes.priority import run_ahead
assert run_ahead(with_children=sys.argv[1] == "yes")
seen = [os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK]
thread = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
thread.start(); thread.join()
ask = "import os; print(os.sched_getscheduler(0))"
seen.append(int(subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout))
print(*seen)
"""


@pytest.mark.parametrize(
    ("with_children", "expected"),
    [("yes", (os.SCHED_RR, os.SCHED_RR, os.SCHED_RR)), ("no", (os.SCHED_RR, os.SCHED_OTHER, os.SCHED_OTHER))],
)
def test_the_process_runs_ahead_and_what_it_starts_only_if_asked(with_children, expected):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, with_children], capture_output=True, text=True, check=True, cwd=os.getcwd()
    )
    assert tuple(map(int, done.stdout.split())) == expected


def test_asking_changes_nobody():
    assert may_run_ahead()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
