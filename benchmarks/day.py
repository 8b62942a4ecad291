"""A day of market time in three minutes, through the real processes: what grows with the hours of a market?

The venue's clock runs 480 times as fast, quotes and prints with it. So whatever is kept by prints, bars, sessions and
days has a day's time to grow. What is kept by our own clock (partial bars of the last minute in Redis, leases) has
three minutes: that is the soak's affair. `FORTIFIED_DAY_HOURS` shortens it.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.pipeline import free_ports, names, row
from benchmarks.soak import Soak

SYMBOLS = 10
PRINTS_PER_S = 0.5  # of market time, a symbol
SPEED = 480.0
HOURS = float(os.environ.get("FORTIFIED_DAY_HOURS", "24"))
SETTLE_HOURS = 4.0  # history, caches, the first of everything
PER_HOUR = 3600.0 / SPEED  # seconds of ours
GROWTH_MB_PER_HOUR = 0.5


def run() -> list[dict[str, Any]]:
    """All rows."""
    with tempfile.TemporaryDirectory(prefix="fortified-day-") as folder:
        day = Day(Path(folder))
        try:
            day.start()
            return day.measure(HOURS * PER_HOUR)
        finally:
            day.stop()


class Day(Soak):
    """The soak's processes with the simulated venue, which prints by its own clock, in place of the one that sends.
    None of them runs ahead: no time is measured here."""

    ahead = ()

    def start(self) -> None:
        self.ports["venue"], stream = free_ports(2)
        venue = ("--port", str(self.ports["venue"]), "--feed-port", str(stream), "--speed", str(SPEED))
        market = ("--always-open", "--tick-rate", str(PRINTS_PER_S), "--symbols", ",".join(names(SYMBOLS)))
        self._spawn("venue", sys.executable, "-m", "simulators", *venue, *market)
        self.start_stores()
        url = f"http://127.0.0.1:{self.ports['venue']}"
        self._call("-m", "benchmarks._day_setup", url, str(SYMBOLS), str(SPEED))
        self._spawn("feed", sys.executable, "manage.py", "run_feed", "soak")
        self._until(lambda: self._beat().get("ticks", 0) > 0, within_s=90)

    def measure(self, seconds: float) -> list[dict[str, Any]]:
        time.sleep(SETTLE_HOURS * PER_HOUR)
        before, began = self._beat(), time.monotonic()
        used: dict[str, list[float]] = {name: [] for name in ("feed", "venue", "redis", "redis_data")}
        while time.monotonic() - began < seconds:
            time.sleep(PER_HOUR / 2)
            self._check_alive()
            for name, process in self.processes.items():
                used[name].append(psutil.Process(process.pid).memory_info().rss / 1e6)
            used["redis_data"].append(int(self.client.info("memory")["used_memory"]) / 1e6)
        after, elapsed = self._beat(), time.monotonic() - began
        hours = elapsed / PER_HOUR
        return [
            row("symbols", SYMBOLS, "symbols"),
            row("market_hours", hours, "h"),
            row("prints", after["ticks"] - before["ticks"], "prints"),
            row("gaps", after["gaps"] - before["gaps"], "gaps", target=0, is_ceiling=True),
            row("longest_stream_of_bars", self._longest("bars_stream:*", "xlen"), "entries"),
            row("most_recent_bars", self._longest("bars:*", "zcard"), "bars"),
            row("recording_mb_per_h", self._recorded_mb() / (hours + SETTLE_HOURS), "MB/h"),
            row("feed_mb", used["feed"][-1], "MB"),
            row("redis_mb", used["redis_data"][-1], "MB"),
            *(
                row(f"{name}_growth_mb_per_h", growth(samples, hours), "MB/h", target=limit, is_ceiling=True)
                for (name, samples), limit in zip(used.items(), (GROWTH_MB_PER_HOUR, None, None, None), strict=True)
            ),
        ]

    def _longest(self, pattern: str, count: str) -> int:
        return max((int(getattr(self.client, count)(key)) for key in self.client.scan_iter(pattern)), default=0)

    def _recorded_mb(self) -> float:
        return sum(path.stat().st_size for path in (self.folder / "var").glob("**/recordings/**/*.*")) / 1e6


def growth(samples: list[float], hours: float) -> float:
    """Per hour of market time: the median of the last third against that of the one before."""
    third = len(samples) // 3
    if third < 2:
        return 0.0
    change = statistics.median(samples[-third:]) - statistics.median(samples[-2 * third : -third])
    return change / (hours / 3)
