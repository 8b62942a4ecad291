"""A simulated venue as a process: serves until a signal asks it to stop."""

import asyncio
import signal
from collections.abc import Callable

from simulators.venue import VenueSimulator


async def run(make: Callable[[], VenueSimulator], *, streams: str) -> None:
    """`streams` says, for a person, which paths there are."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with await make().start() as simulator:
        name = simulator.status()["venue"]
        print(
            f"{name} simulator: REST {simulator.rest_url} · streams {simulator.stream_url}{streams}",
            flush=True,
        )
        await stop.wait()
