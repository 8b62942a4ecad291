"""The product's own checks, in the order in which one would look, and the two forms of the report."""

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from infra.doctor import machine, running, stores
from infra.doctor.findings import Finding, State, is_well, register_check

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.UNKNOWN: "magenta"}

for _check in (
    machine.python,
    machine.account,
    machine.disk,
    machine.memory,
    machine.priority,
    machine.clock,
    running.configuration,
    stores.redis_server,
    stores.database,
    running.static_files,
    running.page,
    running.workers,
    running.feeds,
    running.feed_clocks,
    running.feed_readers,
    running.leases,
):
    register_check(_check.__name__, _check)


def as_document(findings: list[Finding]) -> dict[str, Any]:
    """For machines."""
    return {"status": "ok" if is_well(findings) else "failed", "checks": msgspec.to_builtins(findings)}


def print_table(findings: list[Finding], console: Console) -> None:
    """For people: what is wrong stands out, and what to do about it stands beside it."""
    table = Table(box=None, pad_edge=False)
    for column in ("check", "state", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.state]
        remedy = "" if finding.state is State.OK else finding.remedy
        table.add_row(finding.name, f"[{colour}]{finding.state.value}[/]", _plain(finding.detail), _plain(remedy))
    console.print(table)
    failed = sum(finding.state is State.FAILED for finding in findings)
    console.print(f"[bold red]{failed} to mend[/]" if failed else "[green]Nothing to mend[/]")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
