"""The flag that tells loops in forked children to stop."""

import subprocess
import sys

from tests.waiting import DEADLINE_S

KILLS = """
import os, random, signal, time
from infra import draining

def child():
    pid = os.fork()
    if pid == 0:
        while not draining.is_requested():
            pass
        os._exit(0)
    return pid

for _ in range(30):
    pid = child()
    time.sleep(random.uniform(0.002, 0.006))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
last = child()
draining.request()
print(os.waitpid(last, 0)[1], draining.is_requested())
"""


def test_a_child_that_is_killed_while_it_looks_keeps_nobody_from_looking():
    done = subprocess.run(
        [sys.executable, "-c", KILLS], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.stdout.split() == ["0", "True"], done.stderr
