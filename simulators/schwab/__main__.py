"""`python -m simulators.schwab`: Schwab's simulator as a process, with the options of `python -m simulators`."""

import sys
from collections.abc import Sequence

import uvloop

from simulators.__main__ import parse as parse_common
from simulators.process import serve_until_stopped
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
    numbers = ", ".join(each.number for each in config.accounts)
    await serve_until_stopped(
        lambda: serve(config),
        said=lambda simulator: (
            f"schwab simulator: REST {simulator.rest_url} · stream {simulator.stream_url} · account {numbers}"
        ),
    )


if __name__ == "__main__":
    uvloop.run(run(parse(sys.argv[1:])))
