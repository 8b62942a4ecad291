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
from pathlib import Path
from typing import Any

from tests.chaos.servers import redis_server

ROOT = Path(__file__).resolve().parents[3]


def run(*, runs: int, seed: int) -> dict[str, Any]:
    """`runs` books; the document of what was found."""
    kept = os.environ.get("FORTIFIED_CHAOS_FOLDER", "")  # logs and database stay there
    with redis_server() as url, contextlib.ExitStack() as stack:
        folder = kept or stack.enter_context(tempfile.TemporaryDirectory(prefix="fortified-orders-"))
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.orders.settings",
            "TEST_DATABASE_URL": f"sqlite:///{folder}/chaos.sqlite3",
            "TEST_REDIS_URL": url,
            "FORTIFIED_ENV_FILE": "none",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.orders.campaign", str(runs), str(seed), folder],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr, check=False,
        )  # fmt: skip
        if done.returncode:
            return {"passed": False, "failures": [f"the campaign ended with status {done.returncode}"]}
        found: dict[str, Any] = json.loads(done.stdout)
        return found
