"""What a test forgets to end is ended after it, even where asyncio would wait for ever."""

import asyncio

import pytest

from tests.leftovers import end_other_tasks


async def deaf_twice(heard: list[str]) -> None:
    """Loses two cancellations, as a loop over Redis may."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            if len(heard) > 2:
                raise


async def test_tasks_that_lose_their_cancellation_are_ended_all_the_same():
    heard: list[str] = []
    forgotten = [asyncio.create_task(deaf_twice(heard)), asyncio.create_task(asyncio.sleep(3600))]
    await asyncio.sleep(0)
    await end_other_tasks()
    assert all(task.cancelled() for task in forgotten)
    assert len(heard) == 3


async def test_every_asynchronous_test_is_cleaned_up_after(request):
    assert request.node.fixturenames[0] == "nothing_is_left_running"


def test_one_without_a_loop_pays_nothing_for_it(request: pytest.FixtureRequest):
    assert "nothing_is_left_running" not in request.node.fixturenames
