"""The register of checks and what one of them finds."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import msgspec


class State(StrEnum):
    """`unknown` means that it could not be measured: never a polite word for ok."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. `remedy` is what a person should do; empty when there is nothing to do."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)


Check = Callable[[], Iterable[Finding]]
_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Add a check; apps above add theirs from `ready`."""
    _checks[name] = check


def examine(checks: dict[str, Check] | None = None) -> list[Finding]:
    """Run every check in the order of registration. A check that breaks is itself a finding."""
    found: list[Finding] = []
    for name, check in (_checks if checks is None else checks).items():
        try:
            found.extend(check())
        except Exception as error:  # noqa: BLE001  the doctor's report must survive whatever is broken
            found.append(Finding(name, State.FAILED, f"could not be examined: {type(error).__name__}: {error}"))
    return found


def is_well(findings: Iterable[Finding]) -> bool:
    """Nothing failed; warnings and what could not be measured do not count."""
    return all(finding.state is not State.FAILED for finding in findings)
