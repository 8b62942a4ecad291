"""`./run manage reconcile`: how the accounts stand against our books, and accepting a difference."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from infra.terminal import refusals
from trading import account_services
from trading.account_api import CheckOutput
from trading.book_services import book_of
from trading.models import AccountCheck


class Command(BaseCommand):
    """The running book compares by itself; this shows what it found and tells it what to do about it."""

    help = "Shows how broker accounts stand against our books; --accept settles a difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", default="", help="one book only; needed with --accept")
        parser.add_argument("--accept", choices=("adopt", "ignore"), help="settle what differs")
        parser.add_argument("--broker", default="", help="the account's key; needed with --accept")
        parser.add_argument("--symbol", default="", help="one symbol only")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals():
            if options["accept"]:
                self._accept(options)
            checks = account_services.latest_checks(book=options["book"])
        if options["json"]:
            self.stdout.write(json.dumps(CheckOutput(checks, many=True).data, default=str))
            return
        for check in checks:
            self.stdout.write(_line(check))
        if not checks:
            self.stdout.write("No account was compared yet.")

    def _accept(self, options: dict[str, Any]) -> None:
        if not options["book"] or not options["broker"]:
            raise CommandError("--accept needs --book and --broker, as shown without it")
        account_services.accept_differences(
            user=None,
            book=book_of(options["book"]),
            broker=options["broker"],
            policy=options["accept"],
            symbol=options["symbol"],
        )
        self.stderr.write("The book was asked to settle it.")


def _line(check: AccountCheck) -> str:
    return f"{check.at:%Y-%m-%d %H:%M:%S} {check.book.name} {check.broker}: {check.state} {check.reason}".rstrip()
