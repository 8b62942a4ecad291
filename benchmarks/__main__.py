"""`./run bench NAME… [--json] [--save]` · `./run bench --list` · `./run bench --peers`."""

import argparse
import contextlib
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import peers

FOLDER = Path(__file__).parent
HISTORY = FOLDER.parent / "docs" / "performance.md"
COLUMNS = ("name", "value", "unit", "target", "met")
NOT_BENCHMARKS = {"__init__", "__main__", "peers"}


def names() -> list[str]:
    """Every benchmark there is."""
    found = (path.stem for path in FOLDER.glob("*.py"))
    return sorted(name for name in found if name not in NOT_BENCHMARKS and not name.startswith("_"))


def machine() -> dict[str, Any]:
    """What a figure is worth nothing without."""
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _cpu() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measure(name: str) -> dict[str, Any]:
    """The document of one benchmark. What it prints goes to standard error: standard output is the result."""
    before = machine()  # the load before we make some of our own
    with contextlib.redirect_stdout(sys.stderr):
        rows = importlib.import_module(f"benchmarks.{name}").run()
    return {"bench": name, "machine": before, "results": [checked(row) for row in rows]}


def checked(row: dict[str, Any]) -> dict[str, Any]:
    """A figure that is missing must say why: it is reported as null, never dropped."""
    if row["value"] is None and not row.get("reason"):
        raise ValueError(f"{row['name']}: has no value and no reason")
    return {"target": None, "met": None, **row}


def print_table(document: dict[str, Any], console: Console) -> None:
    """For people."""
    described = document["machine"]
    table = Table(
        title=f"{document['bench']} · {described['cpu']} · {described['cores']} cores · load {described['load_1m']}"
    )
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in ("value", "target") else "left")
    for row in document["results"]:
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: row.get("reason", "")}[row["met"]]
        table.add_row(row["name"], figure(row["value"]), row["unit"], figure(row["target"]), met)
    console.print(table)


def figure(value: float | None) -> str:
    """Three significant digits, thousands grouped."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def save(document: dict[str, Any]) -> None:
    """Append the figures to the table in docs/performance.md."""
    described = document["machine"]
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    where = f"{described['cores']} × {described['cpu']}, load {described['load_1m']}"
    rows = [f"| {' | '.join([when, document['bench'], *_cells(row), where])} |" for row in document["results"]]
    with HISTORY.open("a") as file:
        file.write("\n".join(rows) + "\n")


def _cells(row: dict[str, Any]) -> list[str]:
    value = figure(row["value"]) or f"none: {row['reason']}"
    return [f"`{row['name']}`", value, row["unit"], figure(row["target"]) or "–"]


def main(arguments: list[str]) -> int:
    """Exit status 0 when everything asked for was measured, whether or not it met its target."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Measures the product on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--save", action="store_true", help="append the figures to docs/performance.md")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    parser.add_argument("--peers", action="store_true", help="install what we compare with into .peers")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        print("\n".join(names()))
        return 0
    if chosen.peers and not peers.install():
        return 1
    unknown = sorted(set(chosen.names) - set(names()))
    if unknown or not (chosen.names or chosen.peers):
        complaint = f"no benchmark is called {', '.join(unknown)}" if unknown else "name a benchmark"
        print(f"bench: {complaint}; there are: {', '.join(names()) or 'none'}", file=sys.stderr)
        return 1
    documents = [measure(name) for name in chosen.names]
    for document in documents:
        if chosen.save:
            save(document)
        if not chosen.json:
            print_table(document, Console(width=None if sys.stdout.isatty() else 160))
    if chosen.json and documents:
        print(json.dumps(documents[0] if len(documents) == 1 else documents, ensure_ascii=False, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
