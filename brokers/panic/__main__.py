"""`./run panic`: cancel every order and close every position, now. Needs nothing but a file of its own credentials."""

import argparse
import asyncio
import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from brokers.panic.config import PanicAccount, is_open_to_others, read_config, read_hooks
from brokers.panic.flatten import Outcome
from brokers.panic.run import run_all
from brokers.panic.tell import tell
from engine.errors import FortifiedError

WORD = "FLATTEN"


def parser(default: Path) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="./run panic", description=__doc__)
    made.add_argument("--config", type=Path, default=default, help=f"accounts and credentials (default {default.name})")
    made.add_argument("--broker", default="", help="only this broker's accounts")
    made.add_argument("--account", default="", help="only this account, by its name in the file")
    made.add_argument("--dry-run", action="store_true", help="say what there is, change nothing")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--force", action="store_true", help="close positions although cancels are not confirmed")
    made.add_argument("--timeout", type=float, default=20.0, help="seconds that each step may wait (20)")
    made.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return made


def main(arguments: Sequence[str]) -> int:
    """0: every account is confirmed flat. 1: something is left or unknown. 2: it could not begin."""
    options = parser(Path(__file__).resolve().parents[2] / "panic.toml").parse_args(arguments)
    try:
        accounts = _chosen(read_config(options.config), options.broker, options.account)
        hooks = read_hooks(options.config)
    except FortifiedError as error:
        print(error.detail, file=sys.stderr)
        return 2
    if is_open_to_others(options.config):
        print(f"warning: others may read {options.config}; chmod 600 it", file=sys.stderr)
    if not options.dry_run and not options.yes and not _is_confirmed(accounts):
        print("nothing was done", file=sys.stderr)
        return 2
    with _alone(options.config):
        outcomes = asyncio.run(
            run_all(
                accounts,
                say=lambda text: print(text, file=sys.stderr, flush=True),
                is_dry=options.dry_run,
                is_forced=options.force,
                within_s=options.timeout,
            )
        )
    if not options.dry_run:
        tell(hooks, outcomes, say=lambda text: print(text, file=sys.stderr, flush=True))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode({"accounts": outcomes})).decode())
    else:
        _show(outcomes, is_dry=options.dry_run)
    is_well = all(not outcome.problems if options.dry_run else outcome.is_flat for outcome in outcomes)
    return 0 if is_well else 1


@contextmanager
def _alone(config: Path) -> Iterator[None]:
    """One at a time on this machine: two that close the same position at the same moment would open the opposite."""
    with config.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another panic is at work with this file: waiting for its end", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _chosen(accounts: list[PanicAccount], broker: str, name: str) -> list[PanicAccount]:
    found = [each for each in accounts if broker in ("", each.broker) and name in ("", each.name)]
    if not found:
        known = ", ".join(f"{each.name} ({each.broker})" for each in accounts)
        raise FortifiedError(f"no account is called that; the file has: {known}")
    return found


def _is_confirmed(accounts: Sequence[PanicAccount]) -> bool:
    names = ", ".join(f"{each.name} ({each.broker})" for each in accounts)
    if not sys.stdin.isatty():
        print(f"{names}: nobody is there to ask; add --yes to cancel and close everything", file=sys.stderr)
        return False
    print(f"This cancels every order and closes every position of: {names}", file=sys.stderr)
    return input(f"Type {WORD} to do it: ").strip() == WORD


def _show(outcomes: Sequence[Outcome], *, is_dry: bool) -> None:
    for outcome in outcomes:
        if outcome.is_flat:
            state = "flat: nothing works, nothing is held"
        elif outcome.remaining:
            state = f"{'holds' if is_dry else 'NOT FLAT, left over'}: {'; '.join(outcome.remaining)}"
        else:
            state = "UNKNOWN: " + "; ".join(outcome.problems[-1:])
        print(f"{outcome.account} ({outcome.broker}): {state}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
