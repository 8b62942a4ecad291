"""How many symbols one book carries: one real trader process, more and more symbols, until its decisions come late.

Every symbol prints twenty times a second, as in the soak, and is traded by two strategies on two timeframes (every
fifth by a third one), warm from the first bar, with stops that trail: every partial bar is looked at. The prints go
straight into the product's publisher: what is looked at is the trader, which has a core of its own here, with the
market and Redis on the other one. Then the most symbols dealt out to two books, whose two processes and the rest share
the cores. `FORTIFIED_BOOK_SYMBOLS` are the numbers that are tried, `FORTIFIED_BOOK_S` the seconds for each.
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import psutil

from benchmarks.pipeline import difference, names, row
from benchmarks.soak import Soak
from trading.runtime.latency import quantile

SYMBOLS = tuple(int(each) for each in os.environ.get("FORTIFIED_BOOK_SYMBOLS", "100,250,400").split(","))
SECONDS = float(os.environ.get("FORTIFIED_BOOK_S", "10"))
PRINTS_PER_S = 20.0  # a symbol
SETTLE_S = 3.0  # the first of everything
READY_S = 90.0
P99_MS = 100.0  # a book whose decisions come later is carried no more
EXITS = {"stop": {"value": 0.003}, "trailing": {"value": 0.002}}


class Slot(NamedTuple):
    """A strategy and what it trades: every symbol, or every so many of them."""

    strategy: str
    timeframe: str
    every: int = 1


SLOTS = (Slot("ema", "144t"), Slot("supertrend", "1"), Slot("triple_ema", "5", every=5))


def pairs(symbols: int) -> list[tuple[str, str]]:
    """What the market publishes: what some slot reads."""
    return sorted({(symbol, slot.timeframe) for slot in SLOTS for symbol in names(symbols)[:: slot.every]})


def books_of(symbols: int, books: int) -> tuple[str, ...]:
    """Their names: each measurement has its own."""
    return tuple(f"{symbols}-{number}-of-{books}" for number in range(1, books + 1))


def run() -> list[dict[str, Any]]:
    """Rows for each number of symbols in one book, then of the largest in two."""
    rows, carried = [], 0
    with tempfile.TemporaryDirectory(prefix="fortified-book-") as folder:
        stage = Stage(Path(folder))
        try:
            stage.start_stores()
            for symbols in SYMBOLS:
                found = stage.carry(symbols, books=1)
                rows += found
                carried = symbols if found[0]["met"] else carried
            rows.append(row("carried", carried, "symbols"))
            rows += stage.carry(max(SYMBOLS), books=2)
        finally:
            stage.stop()
    return rows


class Stage(Soak):
    """Redis, the market, and one trader for each book; market and traders anew for each measurement."""

    core: ClassVar = {"redis": 0, "market": 0, "trader": 1}
    ahead = ("redis", "market")

    def carry(self, symbols: int, *, books: int) -> list[dict[str, Any]]:
        """Rows of so many symbols in so many books; the first is the 99th percentile of all decisions' lag."""
        running = dict(zip(("trader", "second"), books_of(symbols, books), strict=False))
        self.client.flushdb()
        self._call("-m", "benchmarks._book_setup", str(symbols), str(books))
        recording = str(self.folder / f"recording-{symbols}-{books}")
        market = (self.environment["REDIS_URL"], recording, str(symbols), str(symbols * PRINTS_PER_S))
        self._spawn("market", sys.executable, "-m", "benchmarks._book_market", *market)
        for name, book in running.items():
            self._spawn(name, sys.executable, "manage.py", "run_trader", book)
        self._until(lambda: all(self._told(book)["lags"] for book in running.values()), within_s=READY_S)
        time.sleep(SETTLE_S)
        before, busy = [self._told(book) for book in running.values()], self._cpu_s()
        time.sleep(SECONDS)
        self._check_alive()
        after, busy_after = [self._told(book) for book in running.values()], self._cpu_s()
        rss = {name: psutil.Process(self.processes[name].pid).memory_info().rss / 1e6 for name in running}
        for name in ("market", *running):
            self._end(name)
        lags: Counter[int] = Counter()
        for first, last in zip(before, after, strict=True):
            lags.update(difference(last["lags"], first["lags"]))
        of = f"{symbols}" if books == 1 else f"{symbols}_in_{books}"
        elapsed = after[0]["at"] - before[0]["at"]
        return [
            row(f"p99_ms_{of}", quantile(lags, 0.99), "ms", target=P99_MS, is_ceiling=True),
            row(f"p50_ms_{of}", quantile(lags, 0.5), "ms"),
            row(f"events_per_s_{of}", sum(lags.values()) / elapsed, "events/s"),
            row(f"orders_{of}", self._orders(), "orders"),
            *(row(f"cpu_{name}_{of}", (busy_after[name] - busy[name]) / SECONDS, "cores") for name in busy),
            *(row(f"rss_mb_{name}_{of}", rss[name], "MB") for name in running),
        ]

    def _told(self, book: str) -> dict[str, Any]:
        """What its heartbeat says; empty counts before the first."""
        found = json.loads(str(self.client.get(f"heartbeat:trader:{book}") or "{}"))
        lags = {int(bucket): count for bucket, count in found.get("decision_buckets", {}).items()}
        return {"at": found.get("at", 0.0), "lags": lags}

    def _orders(self) -> int:
        return int(self.client.xlen("orders.new"))

    def _end(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        process.wait(timeout=30)
