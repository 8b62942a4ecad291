"""What a test waits for before it begins: a fault acts from the simulator's next turn on."""

import asyncio
from typing import Any

DEADLINE_S = 60.0


async def refusing(simulator: Any) -> None:
    """Return when it refuses requests."""
    async with asyncio.timeout(DEADLINE_S):
        while not simulator.faults.refuses_requests:
            await asyncio.sleep(0.005)
