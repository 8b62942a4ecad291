"""`python -m simulators.schwab`: Schwab's simulator as a process, with the options of `python -m simulators`."""

import asyncio
import signal
import sys
from collections.abc import Sequence

import uvloop

from simulators.__main__ import parse as parse_common
from simulators.schwab.broker import ACCOUNTS
from simulators.schwab.serve import SchwabConfig, serve


def parse(arguments: Sequence[str]) -> SchwabConfig:
    """The configuration that the command line describes; account numbers are numbers here."""
    common = parse_common(arguments)
    accounts = tuple(each for each in common.broker.accounts if each.number.isdigit())
    return SchwabConfig(
        market=common.market,
        host=common.host,
        port=common.port,
        stream_port=common.feed_port,
        start=common.start,
        speed=common.speed,
        poll_s=common.poll_s,
        faults=common.faults,
        accounts=accounts or ACCOUNTS,
        order_faults=common.broker.faults,
    )


async def run(config: SchwabConfig) -> None:
    """Serve until a signal asks to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with await serve(config) as simulator:
        numbers = ", ".join(each.number for each in config.accounts)
        print(
            f"schwab simulator: REST {simulator.rest_url} · stream {simulator.stream_url} · account {numbers}",
            flush=True,
        )
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(run(parse(sys.argv[1:])))
