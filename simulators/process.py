"""A simulated venue as a process: serves until a signal asks it to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from simulators.venue import VenueSimulator

S = TypeVar("S", bound=AbstractAsyncContextManager[Any])


async def serve_until_stopped(start: Callable[[], Awaitable[S]], *, said: Callable[[S], str]) -> None:
    """`said` is the line for whoever started it: which venue, and where it is."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with await start() as simulator:
        print(said(simulator), flush=True)
        await stop.wait()


async def run(make: Callable[[], VenueSimulator], *, streams: str) -> None:
    """`streams` says, for a person, which paths there are."""
    await serve_until_stopped(
        lambda: make().start(),
        said=lambda simulator: (
            f"{simulator.status()['venue']} simulator: REST {simulator.rest_url} · "
            f"streams {simulator.stream_url}{streams}"
        ),
    )
