"""The channel layer, whose readers end when they are asked to."""

import asyncio
from typing import Any

from channels_redis.core import RedisChannelLayer


class ChannelLayer(RedisChannelLayer):
    """Up to Python 3.11 `asyncio.wait_for`, in which the client sends, swallows a cancellation that comes as it ends. A
    socket that closed just then read on until daphne killed it ten seconds later, with a warning."""

    async def _brpop_with_clean(self, *arguments: Any, **options: Any) -> Any:
        found = await super()._brpop_with_clean(*arguments, **options)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # what was read is in the backup, from which the next reader takes it
        return found
