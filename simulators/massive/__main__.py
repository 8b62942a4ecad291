"""`python -m simulators.massive`: Massive's simulator as a process, with the options of `python -m simulators`."""

import sys
from collections.abc import Sequence

import uvloop

from simulators.__main__ import parse as parse_common
from simulators.massive.serve import MassiveConfig, MassiveSimulator
from simulators.process import run

STREAMS = "/{stocks,indices,futures}"


def parse(arguments: Sequence[str]) -> MassiveConfig:
    """The configuration that the command line describes; there are no accounts and no orders here."""
    common = parse_common(arguments)
    return MassiveConfig(
        market=common.market, host=common.host, port=common.port, stream_port=common.feed_port, start=common.start,
        speed=common.speed, poll_s=common.poll_s, faults=common.faults,
    )  # fmt: skip


if __name__ == "__main__":
    uvloop.run(run(lambda: MassiveSimulator(parse(sys.argv[1:])), streams=STREAMS))
