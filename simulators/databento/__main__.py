"""`python -m simulators.databento`: Databento's simulator as a process, with the options of `python -m simulators`."""

import sys
from collections.abc import Sequence

import uvloop

from simulators.__main__ import parse as parse_common
from simulators.databento.serve import KEY, DatabentoConfig, serve
from simulators.process import serve_until_stopped


def parse(arguments: Sequence[str]) -> DatabentoConfig:
    """The configuration that the command line describes."""
    common = parse_common(arguments)
    return DatabentoConfig(
        market=common.market,
        host=common.host,
        port=common.port,
        gateway_port=common.feed_port,
        start=common.start,
        speed=common.speed,
        poll_s=common.poll_s,
        faults=common.faults,
    )


async def run(config: DatabentoConfig) -> None:
    """Serve until a signal asks to stop."""
    await serve_until_stopped(
        lambda: serve(config),
        said=lambda simulator: (
            f"databento simulator: HTTP {simulator.rest_url} · gateway {simulator.gateway_address} · key {KEY}"
        ),
    )


if __name__ == "__main__":
    uvloop.run(run(parse(sys.argv[1:])))
