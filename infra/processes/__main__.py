"""The command line behind `./run demo` and `./run up`."""

import argparse
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from engine.errors import FortifiedError
from infra.processes import launch


def main(arguments: list[str]) -> int:
    """Parse, run, and turn what is foreseen into one line on standard error."""
    parser = argparse.ArgumentParser(prog="./run", description="Runs the whole system on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="on a synthetic market, trading on paper")
    demo.add_argument("--speed", type=_speed, default=1.0, help="how many times faster than time the market moves")
    demo.add_argument("--seed", type=int, default=7, help="the same seed gives the same market")
    demo.add_argument(
        "--live", action="store_true", help="rehearse live mode: the real order path against simulated brokers"
    )
    up = commands.add_parser("up", help="with the settings of your .env, without a synthetic market")
    for command in (demo, up):
        command.add_argument("--port", type=int, default=None, help="of the page (default: PORT, else 8000)")
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    chosen = parser.parse_args(arguments)
    try:
        return launch.run(_options(chosen))
    except (FortifiedError, ImproperlyConfigured) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1


def _options(chosen: argparse.Namespace) -> launch.Options:
    return launch.Options(
        is_demo=chosen.command == "demo",
        is_live=getattr(chosen, "live", False),
        host=chosen.host,
        port=chosen.port or settings.PORT,
        speed=getattr(chosen, "speed", 1.0),
        seed=getattr(chosen, "seed", 7),
    )


def _speed(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"a number above 0 and up to 1000 was expected, found {text}")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
