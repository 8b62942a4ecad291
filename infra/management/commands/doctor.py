"""`./run doctor`: examines this machine and this installation."""

import sys
from typing import Annotated

import msgspec
import typer
from django_typer.management import TyperCommand
from rich.console import Console

from infra.doctor import report
from infra.doctor.findings import examine, is_well


class Command(TyperCommand):
    """Looks only; changes nothing."""

    help = "What is wrong on this machine and what to do about it. Exit status 1 when something is."
    requires_system_checks = ()  # they are one of its findings

    def handle(
        self, as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False
    ) -> None:
        findings = examine()
        if as_json:
            self.stdout.write(msgspec.json.encode(report.as_document(findings)).decode())
        else:
            # Piped, the table is for grep: one line per finding.
            report.print_table(findings, Console(file=sys.stdout, width=None if sys.stdout.isatty() else 240))
        if not is_well(findings):
            sys.exit(1)
