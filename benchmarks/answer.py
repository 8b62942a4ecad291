"""From a decision to a broker's answer: the real order path in real processes, at a simulated tastytrade over a socket.

What is measured is ours: commit, checks, commit, request, answer. The simulator answers at once; a broker adds its own
time and the way there.
"""

import asyncio
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.pipeline import System, difference, row
from infra.processes.ports import first_free
from infra.processes.services import rehearsal
from trading.runtime.latency import quantile

BROKER_CALL, COMMIT = "broker_call_seconds", "trader_commit_seconds"
LIVE_BOOK = "live"  # as `trading.live_mode` names it, which needs Django
TELL_FEEDS = "from trading.runtime.supervisor import tell_feeds; tell_feeds()"  # what beat has done every two seconds
MEASURE_S = 60.0
READY_S = 90.0
TICK_RATE = 40.0  # prints a second and symbol: an order or two a second from the rehearsal's four tickers
TARGET_MS = 100.0


def run(*, seconds: float = MEASURE_S) -> list[dict[str, Any]]:
    """The rehearsal of live mode, for `seconds` after its first order was answered."""
    with tempfile.TemporaryDirectory(prefix="fortified-bench-") as folder:
        system = Rehearsal(Path(folder), symbols=0, ticks_per_s=0)
        try:
            system.start()
            return asyncio.run(system.measure(seconds))
        finally:
            system.stop()


class Rehearsal(System):
    """Redis, the market with its broker, one feed, and the trader of the book that trades for real."""

    def start(self) -> None:
        """Everything up, strategies running with `live_mode`."""
        self.ports["market"] = first_free(self.ports["market"], together=3)
        self.environment |= rehearsal(port=self.ports["market"])
        self.start_redis()
        self._python(
            "market", "-m", "simulators", "--port", str(self.ports["market"]), "--always-open", "--seed", "1",
            "--tick-rate", f"{TICK_RATE:g}",
        )  # fmt: skip
        self._wait_for_port("market")
        self._run("manage.py", "bootstrap", "--demo", f"http://127.0.0.1:{self.ports['market']}", "--live")
        self._run("manage.py", "shell", "--no-imports", "-c", TELL_FEEDS)
        self._python("feed", "manage.py", "run_feed", "dxlink")
        self._python("trader", "manage.py", "run_trader", LIVE_BOOK)

    async def measure(self, seconds: float) -> list[dict[str, Any]]:
        """The difference of two readings of what the trader says of its orders."""
        deadline = time.monotonic() + READY_S
        while not self._answered():
            self._check_alive()
            if time.monotonic() > deadline:
                raise RuntimeError(f"no order was answered within {READY_S:g} s")
            await asyncio.sleep(0.5)
        before, busy, began = self._answered(), self._cpu_seconds(), time.monotonic()
        calls = self._samples(BROKER_CALL, call="place", end="ok")
        await asyncio.sleep(seconds)
        self._check_alive()
        found, elapsed = difference(self._answered(), before), time.monotonic() - began
        busy_after = self._cpu_seconds()
        calls_after = self._samples(BROKER_CALL, call="place", end="ok")
        placed = {name: value - calls[name] for name, value in calls_after.items()}
        commit = self._samples(COMMIT, quantile="0.5")[COMMIT]
        mean = placed[f"{BROKER_CALL}_sum"] / (placed[f"{BROKER_CALL}_count"] or math.nan)
        return [
            row("orders_per_min", 60.0 * sum(found.values()) / elapsed, "orders/min"),
            row("decision_to_answer_p50_ms", quantile(found, 0.5), "ms"),
            row("decision_to_answer_p90_ms", quantile(found, 0.9), "ms"),
            row("decision_to_answer_p99_ms", quantile(found, 0.99), "ms", target=TARGET_MS, is_ceiling=True),
            row("commit_p50_ms", 1_000 * commit, "ms"),
            row("place_call_mean_ms", None if math.isnan(mean) else 1_000 * mean, "ms"),
            *(row(f"cpu_{name}", (busy_after[name] - busy[name]) / elapsed, "cores") for name in busy),
        ]

    def _answered(self) -> dict[int, int]:
        with redis.Redis(port=self.ports["redis"], decode_responses=True) as client:
            trader = json.loads(str(client.get(f"heartbeat:trader:{LIVE_BOOK}") or "{}"))
        return {int(bucket): count for bucket, count in trader.get("answer_buckets", {}).items()}

    def _samples(self, family: str, **labels: str) -> dict[str, float]:
        """What the trader's own metrics say under that name and these labels; without its buckets."""
        with redis.Redis(port=self.ports["redis"], decode_responses=True) as client:
            text = str(client.get(f"metrics:trader:{LIVE_BOOK}") or "")
        found = (each for told in text_string_to_metric_families(text) if told.name == family for each in told.samples)
        return {
            each.name: each.value for each in found if "le" not in each.labels and labels.items() <= each.labels.items()
        }
