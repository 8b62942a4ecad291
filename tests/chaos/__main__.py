"""`./run chaos NAME [--runs N] [--seed N] [--json]`: exit status 0 only when nothing went wrong.

A module or package in this folder with a function `run(*, runs: int, seed: int) -> dict` is a program. Its document
holds at least "passed" (bool) and "failures" (list of texts); the same seed gives the same faults.
"""

import argparse
import contextlib
import importlib
import json
import logging
import pkgutil
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Every program there is."""
    found = (each.name for each in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(name for name in found if not name.startswith(("_", "test_")) and name not in ("servers", "conftest"))


def execute(name: str, *, runs: int, seed: int) -> dict[str, Any]:
    """The document of one program; what it prints goes to standard error."""
    begun = time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        found = importlib.import_module(f"tests.chaos.{name}").run(runs=runs, seed=seed)
    return {"chaos": name, "runs": runs, "seed": seed, "seconds": round(time.monotonic() - begun, 1), **found}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./run chaos", description="Breaks things on purpose and checks what is left."
    )
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(names())}")
    parser.add_argument("--runs", type=int, default=50, help="how many times something is broken")
    parser.add_argument("--seed", type=int, default=1, help="the same seed breaks the same things")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--verbose", action="store_true", help="log to standard error")
    chosen = parser.parse_args(arguments)
    if chosen.name not in names() or chosen.runs < 1:
        what = f"there is no program {chosen.name!r}" if chosen.name not in names() else "--runs must be 1 or more"
        print(f"chaos: {what}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO if chosen.verbose else logging.CRITICAL, stream=sys.stderr)
    document = execute(chosen.name, runs=chosen.runs, seed=chosen.seed)
    if chosen.json:
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        for key, value in document.items():
            print(f"{key:20} {value}")
    return 0 if document["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
