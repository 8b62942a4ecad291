"""Work on many things in a loop that must not pause: a few at a time, and in between whatever waits."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

AT_ONCE = 16
MOST_PAUSES = 64
PAUSE_S = 0.004


async def a_few_at_a_time(items: Iterable[Item], *, pause_s: float = PAUSE_S) -> AsyncIterator[list[Item]]:
    """All of `items`, as they are now, in short lists with a pause between them; of very many longer lists, so that the
    pauses stay below `MOST_PAUSES`.

    A pause, not only a turn of the others': what happens meanwhile takes several turns, and would wait for a part of
    the work in each of them.
    """
    found = list(items)
    size = max(AT_ONCE, -(-len(found) // MOST_PAUSES))
    for first in range(0, len(found), size):
        if first:
            await asyncio.sleep(pause_s)
        yield found[first : first + size]
