"""`./run manage export_records`: orders, fills, trades, refusals, commands and adjustments as files."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from engine.errors import FortifiedError
from trading.book_services import book_of
from trading.export import export


class Command(BaseCommand):
    """Days are UTC; the manifest says how many rows, their digests, and whether the journals hold."""

    help = "Writes the record of what was traded as CSV files with a manifest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--first", required=True, type=day, metavar="DAY", help="2026-11-01")
        parser.add_argument("--last", required=True, type=day, metavar="DAY", help="2026-11-30, included")
        parser.add_argument("--out", required=True, help="folder for the files")
        parser.add_argument("--book", default="", help="one book only")
        parser.add_argument("--json", action="store_true", help="the manifest on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if last < first:
            raise CommandError(f"--last: {first} or later was expected, found {last}")
        try:
            if options["book"]:
                book_of(options["book"])
            manifest = export(Path(options["out"]), first=first, last=last, book=options["book"])
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"--out: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(manifest))
            return
        for name, file in manifest["files"].items():
            self.stdout.write(f"{name}: {file['rows']} rows")
        for each in manifest["journals"]:
            state = "whole" if each["broken_at"] is None else f"BROKEN at {each['broken_at']}"
            self.stdout.write(f"journal of {each['book']}: {each['journal']} entries, {state}")


def day(text: str) -> date:
    return date.fromisoformat(text)
