"""Exits go before entries, and nobody faster than the venue allows."""

import asyncio

import pytest

from tests.waiting import DEADLINE_S
from trading.runtime.pacing import Pacing, Priority


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def goes(pacing: Pacing, priority: Priority) -> bool:
    """Whether a turn comes at once."""
    try:
        await asyncio.wait_for(pacing.turn(priority), 0.02)
    except TimeoutError:
        return False
    return True


async def test_entries_leave_a_part_of_the_burst_to_exits():
    pacing = Pacing(60, burst=9, now=Clock())
    assert [await goes(pacing, Priority.ENTRY) for _ in range(7)] == [True] * 6 + [False]
    assert [await goes(pacing, Priority.EXIT) for _ in range(4)] == [True] * 3 + [False]


async def test_turns_come_back_with_time():
    clock = Clock()
    pacing = Pacing(60, burst=3, now=clock)
    for _ in range(3):
        assert await goes(pacing, Priority.EXIT)
    assert not await goes(pacing, Priority.EXIT)
    clock.now += 1.01
    assert await goes(pacing, Priority.EXIT)


async def test_an_exit_that_comes_later_goes_before_a_waiting_entry():
    clock = Clock()
    pacing = Pacing(60, burst=1, now=clock)
    assert await goes(pacing, Priority.EXIT)
    order: list[Priority] = []

    async def wait(priority: Priority) -> None:
        await pacing.turn(priority)
        order.append(priority)

    tasks = [asyncio.create_task(wait(p)) for p in (Priority.ENTRY, Priority.EXIT, Priority.CANCEL)]
    for _ in range(3):
        await asyncio.sleep(0.01)
        clock.now += 1.01
        pacing.pause(0.0)
        pacing._ring()
    await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_S)
    assert order == [Priority.CANCEL, Priority.EXIT, Priority.ENTRY]


@pytest.mark.parametrize("per_minute", [None, 6_000])
async def test_a_pause_holds_everybody(per_minute):
    clock = Clock()
    pacing = Pacing(per_minute, now=clock)
    pacing.pause(1.0)
    assert not await goes(pacing, Priority.CANCEL)
    clock.now += 1.01
    assert await goes(pacing, Priority.CANCEL)


async def test_without_a_limit_nobody_waits():
    pacing = Pacing(None, burst=2, now=Clock())
    assert all([await goes(pacing, Priority.ENTRY) for _ in range(20)])
