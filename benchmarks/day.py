"""A day of market time in three minutes, through the whole product: what grows with the hours of a market?

The venue's clock runs 480 times as fast, quotes and prints with it. So whatever is kept by prints, bars, sessions,
days, orders and trades has a day's time to grow, in the feed, in a trader with thirty slots that enter and leave, in
the web process with its charts watched, and in the workers beside them. What is kept by our own clock (partial bars of
the last minute in Redis, leases, jobs of the night) has three minutes: that is the soak's affair.
`FORTIFIED_DAY_HOURS` shortens it. Memory is the share of each process tree in what it holds (PSS), so that the sum is
what the machine must have.
"""

import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from benchmarks.pipeline import free_ports, names, row
from benchmarks.soak import Soak
from infra.processes.services import product

SYMBOLS = 10
PRINTS_PER_S = 0.5  # of market time, a symbol
SPEED = 480.0
HOURS = float(os.environ.get("FORTIFIED_DAY_HOURS", "24"))
SETTLE_HOURS = 4.0  # history, caches, the first of everything
PER_HOUR = 3600.0 / SPEED  # seconds of ours
GROWTH_MB_PER_HOUR = 0.5
WHOLE_MB = 4_000  # the smallest machine that the product is for
VIEWED = 3  # charts
CALLED = {"feeds": "feed", "traders": "trader"}  # a worker by what it hosts
LIMITS = dict.fromkeys(("feed", "trader", "web"), GROWTH_MB_PER_HOUR)
TRADES = "from trading.models import Trade; print(Trade.objects.count())"


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
    """Everything that runs wherever the product runs, with the simulated venue, which prints by its own clock. None of
    them is told to run ahead: no time is measured here."""

    ahead = ()
    core: ClassVar[dict[str, int]] = {}

    def start(self) -> None:
        self.ports["venue"], self.ports["web"], stream = free_ports(3)
        venue = ("--port", str(self.ports["venue"]), "--feed-port", str(stream), "--speed", str(SPEED))
        market = ("--always-open", "--tick-rate", str(PRINTS_PER_S), "--symbols", ",".join(names(SYMBOLS)))
        self._spawn("venue", sys.executable, "-m", "simulators", *venue, *market)
        self.start_stores()
        url = f"http://127.0.0.1:{self.ports['venue']}"
        cookie = self._call("-m", "benchmarks._day_setup", url, str(SYMBOLS), str(SPEED)).strip().splitlines()[-1]
        for service in product(host="127.0.0.1", port=self.ports["web"]):
            self._spawn(CALLED.get(service.name, service.name), *service.command)
        self._until(lambda: self._beat().get("ticks", 0) > 0 and self._decided(), within_s=120)
        self.frames = [0] * VIEWED
        for number, symbol in enumerate(names(VIEWED)):
            threading.Thread(target=self._view, args=(number, symbol, cookie), daemon=True).start()

    def stop(self) -> None:
        """The product first, as its workers save what they hold; then what they need for it."""
        mine = [self.processes[name] for name in self.processes if name not in ("redis", "venue")]
        trees = [each for process in mine for each in tree(process.pid)]
        for process in mine:
            process.terminate()
        _, left = psutil.wait_procs(trees, timeout=30)
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        super().stop()

    def measure(self, seconds: float) -> list[dict[str, Any]]:
        time.sleep(SETTLE_HOURS * PER_HOUR)
        trades, before, began = self._trades(), self._beat(), time.monotonic()
        used: dict[str, list[float]] = {name: [] for name in (*self.processes, "redis_data")}
        while time.monotonic() - began < seconds:
            time.sleep(PER_HOUR / 2)
            self._check_alive()
            for name, process in self.processes.items():
                used[name].append(sum(map(pss_mb, tree(process.pid))))
            used["redis_data"].append(int(self.client.info("memory")["used_memory"]) / 1e6)
        after, elapsed = self._beat(), time.monotonic() - began
        hours = elapsed / PER_HOUR
        ours = [samples[-1] for name, samples in used.items() if name not in ("venue", "redis_data")]
        return [
            row("symbols", SYMBOLS, "symbols"),
            row("market_hours", hours, "h"),
            row("prints", after["ticks"] - before["ticks"], "prints"),
            row("gaps", after["gaps"] - before["gaps"], "gaps", target=0, is_ceiling=True),
            row("trades", self._trades() - trades, "trades"),
            row("frames_shown", sum(self.frames), "frames"),
            row("longest_stream_of_bars", self._longest("bars_stream:*", "xlen"), "entries"),
            row("most_recent_bars", self._longest("bars:*", "zcard"), "bars"),
            row("recording_mb_per_h", self._size_mb("**/recordings/**/*.*") / (hours + SETTLE_HOURS), "MB/h"),
            row("database_mb_per_h", self._size_mb("*.sqlite3*") / (hours + SETTLE_HOURS), "MB/h"),
            *(row(f"{name}_mb", used[name][-1], "MB") for name in used if name != "redis_data"),
            row("whole_mb", sum(ours), "MB", target=WHOLE_MB, is_ceiling=True),
            *(
                row(f"{name}_growth_mb_per_h", growth(found, hours), "MB/h", target=LIMITS.get(name), is_ceiling=True)
                for name, found in used.items()
            ),
        ]

    def _decided(self) -> bool:
        return bool(self.client.exists("heartbeat:trader:paper"))

    def _trades(self) -> int:
        return int(self._call("manage.py", "shell", "--no-imports", "-c", TRADES).strip().splitlines()[-1])

    def _view(self, number: int, symbol: str, cookie: str) -> None:
        """Watch a chart until the end."""
        at, headers = f"127.0.0.1:{self.ports['web']}", {"Cookie": f"sessionid={cookie}"}
        url, origin = f"ws://{at}/ws/chart?symbol={symbol}&timeframe=1", Origin(f"http://{at}")
        with connect(url, origin=origin, additional_headers=headers) as found, contextlib.suppress(ConnectionClosed):
            for _ in found:
                self.frames[number] += 1

    def _longest(self, pattern: str, count: str) -> int:
        return max((int(getattr(self.client, count)(key)) for key in self.client.scan_iter(pattern)), default=0)

    def _size_mb(self, pattern: str) -> float:
        return sum(path.stat().st_size for path in (self.folder / "var").glob(pattern)) / 1e6


def tree(pid: int) -> list[psutil.Process]:
    """The process and everything it started."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def pss_mb(process: psutil.Process) -> float:
    """Its share of the memory that it holds; 0 where it has just ended."""
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def growth(samples: list[float], hours: float) -> float:
    """Per hour of market time: the median of the last third against that of the one before."""
    third = len(samples) // 3
    if third < 2:
        return 0.0
    change = statistics.median(samples[-third:]) - statistics.median(samples[-2 * third : -third])
    return change / (hours / 3)
