"""Orders while everything breaks: real trader processes killed with SIGKILL, against a venue that drops answers.

Each run is a book of its own at an account of its own: the real host loop with a real database, Redis and lease
trades at the tastytrade simulator, which runs in a process of its own and drops, delays, repeats and reorders what it
tells. The trader is killed at random moments and another one takes over. In the end every order of the book is held
against what the venue has: none twice, none lost, no position that is not the sum of its fills, no more held at any
moment than asked for.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.servers import redis_server

ROOT = Path(__file__).resolve().parents[3]


AT_A_TIME = 100  # accounts of one login at the venue


def run(*, runs: int, seed: int) -> dict[str, Any]:
    """`runs` books; the document of what was found."""
    return campaigns(runs=runs, seed=seed)


def campaigns(*, runs: int, seed: int, **environment: str) -> dict[str, Any]:
    """The same with more said to the processes, such as another database."""
    total: Counter[str] = Counter()
    failures: list[str] = []
    slowest = 0
    for number, first in enumerate(range(0, runs, AT_A_TIME)):
        found = _campaign(min(AT_A_TIME, runs - first), seed + 1000 * number, environment)
        failures += found.pop("failures")
        slowest = max(slowest, found.pop("slowest_run_ms", 0))
        total.update(found)
    wanted = dict.fromkeys(("duplicate_orders", "lost_orders", "wrong_fills", "wrong_positions"), 0)
    return {"passed": not failures, "failures": failures[:50], **wanted, **total, "slowest_run_ms": slowest}


def _campaign(runs: int, seed: int, said: dict[str, str]) -> dict[str, Any]:
    """One venue, one database, `runs` books."""
    kept = os.environ.get("FORTIFIED_CHAOS_FOLDER", "")  # logs and database stay there
    with redis_server() as url, contextlib.ExitStack() as stack:
        folder = Path(kept) / str(seed) if kept else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.orders.settings",
            "TEST_DATABASE_URL": f"sqlite:///{folder}/chaos.sqlite3",
            "TEST_REDIS_URL": url,
            "FORTIFIED_ENV_FILE": "none",
            "PYTHONPATH": str(ROOT),
            **said,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.orders.campaign", str(runs), str(seed), str(folder)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr, check=False,
        )  # fmt: skip
        if done.returncode:
            return {"failures": [f"the campaign ended with status {done.returncode}"]}
        found: dict[str, Any] = json.loads(done.stdout)
        return found
