"""Ending a task that lost its first cancellation."""

import asyncio

from infra.cancelling import cancel


async def test_a_task_that_loses_its_first_cancellation_ends_all_the_same():
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await cancel(task)
    assert task.cancelled()
    assert lost == 1


async def test_a_task_that_failed_is_ended_without_a_word():
    async def broken() -> None:
        raise ValueError("its own affair")

    task = asyncio.create_task(broken())
    await asyncio.sleep(0)
    await cancel(task)
    assert task.done()
