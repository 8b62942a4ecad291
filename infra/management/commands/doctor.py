"""`./run doctor`: examines this machine and this installation."""

import sys

import msgspec
from django_typer.management import TyperCommand

from infra.doctor import report
from infra.doctor.findings import examine, is_well
from infra.terminal import AsJson, console


class Command(TyperCommand):
    """Looks only; changes nothing."""

    help = "What is wrong on this machine and what to do about it. Exit status 1 when something is."
    requires_system_checks = ()  # they are one of its findings

    def handle(self, as_json: AsJson = False) -> None:
        findings = examine()
        if as_json:
            self.stdout.write(msgspec.json.encode(report.as_document(findings)).decode())
        else:
            # Piped, the table is for grep: one line per finding.
            report.print_table(findings, console(240))
        if not is_well(findings):
            sys.exit(1)
