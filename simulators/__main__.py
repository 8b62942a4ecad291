"""`python -m simulators`: the simulator as a process, until SIGTERM or SIGINT."""

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import uvloop

from simulators.brokerage.account import AccountSetup
from simulators.brokerage.faults import ORDER_FAULTS, OrderFaultScript
from simulators.dxlink.connection import LinkSettings
from simulators.faults import FAULTS, FaultScript
from simulators.market import MarketConfig
from simulators.process import serve_until_stopped
from simulators.serve import SimulatorConfig, serve
from simulators.tastytrade.venue import TastytradeSetup


def parse(arguments: Sequence[str]) -> SimulatorConfig:
    """The configuration that the command line describes."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8700, help="REST and control; the stream is on the next port")
    parser.add_argument("--feed-port", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per second")
    parser.add_argument("--start", default="", help="market time to begin at, ISO 8601 with zone (default: now)")
    parser.add_argument("--symbols", default="", help="SPY,QQQ,… or a number N for SYM001 … beside the defaults")
    parser.add_argument("--tick-rate", type=float, default=4.0, help="prints a second and symbol")
    parser.add_argument("--always-open", action="store_true", help="trade on nights and weekends too")
    parser.add_argument("--poll", type=float, default=0.02, help="seconds between two batches")
    parser.add_argument("--keepalive", type=float, default=60.0, help="seconds of silence before a client is dropped")
    parser.add_argument("--fault", action="append", default=[], help=f"NAME[:AFTER_S[:FOR_S]] of {', '.join(FAULTS)}")
    parser.add_argument(
        "--order-fault", action="append", default=[], help=f"NAME or a JSON script; NAME of {', '.join(ORDER_FAULTS)}"
    )
    parser.add_argument("--account", action="append", default=[], help="NUMBER[:CASH] at the simulated broker")
    options = parser.parse_args(arguments)
    count = int(options.symbols) if options.symbols.isdigit() else 0
    named = () if count else tuple(name for name in options.symbols.split(",") if name)
    market = MarketConfig(
        seed=options.seed,
        symbols=named,
        extra_symbols=count,
        tick_rate=options.tick_rate,
        always_open=options.always_open,
    )
    return SimulatorConfig(
        market=market,
        host=options.host,
        port=options.port,
        feed_port=options.feed_port,
        start=options.start,
        speed=options.speed,
        poll_s=options.poll,
        link=LinkSettings(keepalive_timeout_s=options.keepalive),
        faults=tuple(_fault(text) for text in options.fault),
        broker=_broker(options.account, options.order_fault),
    )


def _broker(accounts: Sequence[str], faults: Sequence[str]) -> TastytradeSetup:
    setup = TastytradeSetup(faults=tuple(_order_fault(text) for text in faults))
    if not accounts:
        return setup
    opened = [text.partition(":") for text in accounts]
    return msgspec.structs.replace(
        setup, accounts=tuple(AccountSetup(number, cash=Decimal(cash or 100_000)) for number, _, cash in opened)
    )


def _order_fault(text: str) -> OrderFaultScript:
    if text.startswith("{"):
        return msgspec.json.decode(text, type=OrderFaultScript)
    ORDER_FAULTS.canonical(text.partition(":")[0])
    return OrderFaultScript(text)


def _fault(text: str) -> FaultScript:
    name, *seconds = text.split(":")
    FAULTS.canonical(name)
    after_s, for_s = [*map(float, seconds), 0.0, 1e9][:2] if len(seconds) != 1 else (float(seconds[0]), 1e9)
    return FaultScript(name, after_s=after_s, for_s=for_s)


async def run(config: SimulatorConfig) -> None:
    """Serve until a signal asks to stop."""
    await serve_until_stopped(
        lambda: serve(config),
        said=lambda simulator: (
            f"simulator: REST {simulator.rest_url} · stream {simulator.feed_url} · "
            f"accounts {simulator.account_stream_url}"
        ),
    )


if __name__ == "__main__":
    uvloop.run(run(parse(sys.argv[1:])))
