"""`python -m simulators.ibkr`: IB Gateway's simulator as a process, with the options of `python -m simulators`."""

import sys
from collections.abc import Sequence

import msgspec
import uvloop

from simulators.__main__ import parse as parse_common
from simulators.ibkr.serve import IbkrConfig, serve
from simulators.process import serve_until_stopped


def parse(arguments: Sequence[str]) -> IbkrConfig:
    """The configuration that the command line describes."""
    common = parse_common(arguments)
    config = IbkrConfig(
        market=common.market, host=common.host, port=common.port, gateway_port=common.feed_port, start=common.start,
        speed=common.speed, poll_s=common.poll_s, faults=common.faults, order_faults=common.broker.faults,
    )  # fmt: skip
    named = any(each.partition("=")[0] == "--account" for each in arguments)
    return msgspec.structs.replace(config, accounts=common.broker.accounts) if named else config


async def run(config: IbkrConfig) -> None:
    """Serve until a signal asks to stop."""
    numbers = ", ".join(each.number for each in config.accounts)
    await serve_until_stopped(
        lambda: serve(config),
        said=lambda simulator: (
            f"ibkr simulator: REST {simulator.rest_url} · gateway {simulator.gateway_address} · account {numbers}"
        ),
    )


if __name__ == "__main__":
    uvloop.run(run(parse(sys.argv[1:])))
