"""Long work leaves room for others, and does not take for ever."""

import asyncio
from itertools import pairwise

from infra.pacing import AT_ONCE, MOST_PAUSES, a_few_at_a_time


async def test_everything_comes_once_and_in_order():
    parts = [part async for part in a_few_at_a_time(range(100), pause_s=0.0)]
    assert [each for part in parts for each in part] == list(range(100))
    assert max(map(len, parts)) == AT_ONCE


async def test_what_changes_in_a_pause_is_seen_the_next_time():
    found = dict.fromkeys(range(2 * AT_ONCE))
    seen: list[int] = []
    async for part in a_few_at_a_time(found, pause_s=0.0):
        found[len(found)] = None
        seen += part
    assert seen == list(range(2 * AT_ONCE))


async def test_of_very_many_more_come_at_once():
    parts = [part async for part in a_few_at_a_time(range(10_000), pause_s=0.0)]
    assert len(parts) <= MOST_PAUSES
    assert sum(map(len, parts)) == 10_000


async def test_others_have_whole_turns_of_their_own_in_between():
    turns = 0
    at_part: list[int] = []

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    async for _ in a_few_at_a_time(range(4 * AT_ONCE)):
        at_part.append(turns)
    other.cancel()
    assert all(after - before > 1 for before, after in pairwise(at_part))
