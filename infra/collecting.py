"""Garbage collection in a loop that must not pause: what is young often, what is old when nothing is going on."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from infra.cancelling import cancel

YOUNG_EVERY_S = 0.25  # at ten thousand prints a second: half a millisecond of looking
OLD_EVERY_S = 900.0
OLD_AT_LATEST_S = 86_400.0


@asynccontextmanager
async def collecting_gently(work_done: Callable[[], int]) -> AsyncIterator[None]:
    """While inside, the collector looks at new objects a few times a second; at all of them only where `work_done` (a
    count) has not grown since the last look, at most every quarter of an hour, and at least once a day.

    Left alone it counts objects that come minus those that go: in a busy loop that keeps its size it waits long, and
    then looks through everything that has come since, for tens of milliseconds.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    _collect_all()
    task = asyncio.create_task(_collect(work_done))
    try:
        yield
    finally:
        await cancel(task)
        gc.unfreeze()
        if was_enabled:
            gc.enable()


async def _collect(work_done: Callable[[], int]) -> None:
    last, done = time.monotonic(), work_done()
    while True:
        await asyncio.sleep(YOUNG_EVERY_S)
        gc.collect(0)
        gc.freeze()  # what outlived its first look is left alone until all is looked through
        before, done = done, work_done()
        passed = time.monotonic() - last
        if passed > OLD_AT_LATEST_S or (done == before and passed > OLD_EVERY_S):
            _collect_all()
            last = time.monotonic()


def _collect_all() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
