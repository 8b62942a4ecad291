"""The campaign: starts the venue, the market and the traders, kills traders, and judges every book in the end."""

# ruff: noqa: E402
import django

django.setup()  # before anything below imports a model

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError

from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from tests.chaos.orders import books, verdict
from tests.chaos.orders.market import play
from tests.chaos.orders.traders import LEASE_TTL_S
from tests.waiting import DEADLINE_S

T = TypeVar("T")
AT_ONCE = 6  # books that trade side by side
SETTLE_S = DEADLINE_S  # a book that is not quiet by then has failed


async def asked(question: Callable[..., T], *args: Any, **options: Any) -> T:
    """What the database answers, as soon as it does."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            found: T = await database_sync_to_async(question)(*args, **options)
            return found
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


class Lines:
    """A child process that answers each line with one."""

    def __init__(self, *arguments: str, folder: Path, name: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(folder / f"{name}.log").open("w"), env=environment, text=True,
        )  # fmt: skip
        self._turn = asyncio.Lock()

    async def read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        line = await asyncio.get_running_loop().run_in_executor(None, stdout.readline)
        assert line, "a process of the campaign ended"
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, **asked: Any) -> dict[str, Any]:
        async with self._turn:
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(json.dumps(asked) + "\n")
            stdin.flush()
            return await self.read()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Campaign:
    """`runs` books, some side by side."""

    def __init__(self, *, runs: int, seed: int, folder: Path) -> None:
        self.runs = runs
        self.seed = seed
        self.folder = folder
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> dict[str, Any]:
        environment = dict(os.environ)
        self.venue = Lines(
            "tests.chaos.orders.venue", str(self.runs), str(self.seed), folder=self.folder, name="venue",
            environment=environment,
        )  # fmt: skip
        try:
            found = await self.venue.read()
            environment |= {"CHAOS_VENUE_URL": found["url"], "CHAOS_STREAM_URL": found["stream"]}
            await self._prepare(found)
            self.traders = Lines(
                "tests.chaos.orders.traders", str(self.folder), folder=self.folder, name="traders",
                environment=environment,
            )  # fmt: skip
            try:
                await self.traders.read()
                market = asyncio.create_task(play(self.seed))
                await asyncio.sleep(2.0)  # so that there is some history to warm up with
                await asyncio.gather(*(self._one(run) for run in range(self.runs)))
                await cancel(market)
                await aclose_clients()
            finally:
                self.traders.end()
        finally:
            self.venue.end()
        return {"failures": self.failures, **self.counts}

    async def _prepare(self, found: dict[str, Any]) -> None:
        await asked(books.prepare, found["url"], found["stream"])

    async def _one(self, run: int) -> None:
        async with self._places:
            began = time.monotonic()
            try:
                await self._trade(run)
            except Exception as error:
                self.failures.append(f"run {run}: {type(error).__name__}: {error}{self._last_words(run)}")
            self.counts["slowest_run_ms"] = max(self.counts["slowest_run_ms"], int(1000 * (time.monotonic() - began)))

    def _last_words(self, run: int) -> str:
        """What the traders of the run logged in the end."""
        log = self.folder / f"{books.name(run)}.log"
        lines = (
            log.read_text(errors="replace").splitlines()[-3:] if log.exists() else ["no trader of it logged anything"]
        )
        return "; its log ends with: " + " | ".join(line.strip() for line in lines)

    async def _trade(self, run: int) -> None:
        """Trade, be killed a few times, be told to end, and be judged."""
        rng = random.Random(f"{self.seed}/{run}")
        book = await asked(books.make, run, rng)
        for _ in range(rng.randint(1, 3)):
            pid = (await self.traders.ask(start=book))["pid"]
            await self._moment(book, rng)
            await self._kill(book, pid)
            if rng.random() < 0.1:
                await self.venue.ask(what="cut", for_s=0.3)
        if rng.random() < 0.15:
            await self._pause(book, rng)
        pid = (await self.traders.ask(start=book))["pid"]
        try:
            await asyncio.sleep(rng.uniform(0.3, 1.0))
            is_flat = await asked(books.has_stops, book) or rng.random() < 0.5
            await asked(books.finish, book, flatten=is_flat)
            found = await self._settled(book, books.number(run), must_be_flat=is_flat)
        finally:
            await self.traders.ask(kill=pid)
        self.failures += [f"run {run}: {failure}" for failure in found.failures]
        self.counts.update(found.counts)

    async def _settled(self, book: str, account: str, *, must_be_flat: bool) -> verdict.Verdict:
        """The verdict once the book has come to rest and tells the venue's story; the last one where it never does."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            open_ = await asked(verdict.is_quiet, book, must_be_flat=must_be_flat)
            if not open_:
                truth = await self.venue.ask(what="truth", account=account)
                found = await asked(verdict.judge, book, truth, unit=books.UNIT)
                if not found.failures or time.monotonic() > deadline:
                    return found
            assert time.monotonic() < deadline, f"not at rest within {SETTLE_S:g} s: {open_}"
            await asyncio.sleep(0.2)

    async def _moment(self, book: str, rng: random.Random) -> None:
        """When to kill: while it begins, or about when it deals with an order."""
        if rng.random() < 0.25:
            await asyncio.sleep(rng.uniform(0.02, 0.8))
            return
        before, deadline = await asked(verdict.news, book), time.monotonic() + 12.0
        while await asked(verdict.news, book) == before and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.sleep(rng.choice((0.0, rng.uniform(0.0, 0.1), rng.uniform(0.0, 1.5))))

    async def _kill(self, book: str, pid: int) -> None:
        """Nobody waits for the end of the lease of a process that is dead for certain."""
        await self.traders.ask(kill=pid)
        self.counts["kills"] += 1
        await async_client(settings.REDIS_URL).delete(keys.lease("trader", book))

    async def _pause(self, book: str, rng: random.Random) -> None:
        """A process that sleeps beyond its lease and wakes up beside its successor: it must not send anything."""
        sleeper = (await self.traders.ask(start=book))["pid"]
        await asyncio.sleep(rng.uniform(0.5, 2.0))
        await self.traders.ask(signal=int(signal.SIGSTOP), pid=sleeper)
        successor = (await self.traders.ask(start=book))["pid"]
        await asyncio.sleep(LEASE_TTL_S + rng.uniform(0.3, 1.0))
        await self.traders.ask(signal=int(signal.SIGCONT), pid=sleeper)
        await asyncio.sleep(rng.uniform(0.1, 0.5))
        await self.traders.ask(kill=sleeper)
        await self._kill(book, successor)
        self.counts["sleepers"] += 1


def main() -> None:
    runs, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    campaign = Campaign(runs=runs, seed=seed, folder=folder)
    print(json.dumps(uvloop.run(campaign.run())))


if __name__ == "__main__":
    main()
