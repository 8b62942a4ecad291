"""Ending a task for certain."""

import asyncio
from typing import Any

_PATIENCE_S = 0.25


async def cancel(task: "asyncio.Task[Any]") -> None:
    """Cancel `task` and return when it has ended; what it raised is its own affair.

    Once is not enough: before Python 3.12 `asyncio.wait_for` loses a cancellation that meets a result, and the Redis
    client sends every command through it, so a loop over Redis may go on as if nothing had been said.
    https://github.com/python/cpython/issues/81839
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_PATIENCE_S)
    if not task.cancelled():
        task.exception()  # retrieved, so that nobody is warned of it
