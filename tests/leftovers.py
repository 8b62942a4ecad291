"""What a test leaves running in its loop."""

import asyncio

from infra.cancelling import cancel


async def end_other_tasks() -> None:
    """Cancel every other task of the running loop until it has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*(cancel(task) for task in others))
