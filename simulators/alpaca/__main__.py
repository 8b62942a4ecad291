"""`python -m simulators.alpaca`: Alpaca's simulator as a process, with the options of `python -m simulators`."""

import sys
from collections.abc import Sequence

import msgspec
import uvloop

from simulators.__main__ import parse as parse_common
from simulators.alpaca.serve import AlpacaConfig, AlpacaSimulator
from simulators.process import run

STREAMS = "/v2/{iex,sip,test} and /stream"


def parse(arguments: Sequence[str]) -> AlpacaConfig:
    """The configuration that the command line describes; the last account named is the one."""
    common = parse_common(arguments)
    config = AlpacaConfig(
        market=common.market, host=common.host, port=common.port, stream_port=common.feed_port, start=common.start,
        speed=common.speed, poll_s=common.poll_s, faults=common.faults, order_faults=common.broker.faults,
    )  # fmt: skip
    named = "--account" in arguments or any(each.startswith("--account=") for each in arguments)
    return msgspec.structs.replace(config, account=common.broker.accounts[-1]) if named else config


if __name__ == "__main__":
    uvloop.run(run(lambda: AlpacaSimulator(parse(sys.argv[1:])), streams=STREAMS))
