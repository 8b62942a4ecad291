"""`./run manage book_state`: what a book's process left for its successor; clear it, or read again from a moment."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from infra.terminal import refusals
from trading import book_state
from trading.book_services import book_of


class Command(BaseCommand):
    """Only for books on paper that nobody runs; the ledger is never touched."""

    help = "Shows the saved state of a book; --clear forgets it, --rewind reads the market again from a moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("book", nargs="?", default="paper")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--clear", action="store_true", help="forget what the engine knew; positions stay")
        what.add_argument("--rewind", metavar="MOMENT", help="read again from then on: 2026-11-20T14:30:00Z")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, book: str, **options: Any) -> None:
        with refusals():
            found = book_of(book)
            if options["clear"] or options["rewind"]:
                self._change(found, options)
            document = book_state.describe(book_of(book))
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        for name, value in document.items():
            self.stdout.write(f"{name}: {value}")

    def _change(self, book: Any, options: dict[str, Any]) -> None:
        moment = parse_datetime(options["rewind"]) if options["rewind"] else None
        if options["rewind"] and (moment is None or moment.tzinfo is None):
            raise CommandError(f"--rewind: a moment such as 2026-11-20T14:30:00Z, found {options['rewind']!r}")
        what = f"read the market again from {options['rewind']}" if moment else "forget the engine's state"
        if not options["yes"] and input(f"Book {book.name}: {what}? Type yes: ") != "yes":
            raise CommandError("Nothing was changed.")
        if moment is None:
            self.stderr.write(f"{book_state.clear(book)} views were removed.")
        else:
            book_state.rewind(book, moment)
