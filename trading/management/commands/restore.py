"""`./run manage restore`: a backup in place of the database."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from engine.errors import FortifiedError
from trading import backup


class Command(BaseCommand):
    """What was there is kept as a backup of its own; real accounts are compared at the next start, as always."""

    help = "Puts a backup in place of the database, and verifies every journal. Stop ./run first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what ./run manage backup has written")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if not options["yes"] and input(f"Replace the database by {file}? Type yes: ") != "yes":
            raise CommandError("Nothing was changed.")
        keep_in = Path(settings.VAR_DIR) / "backups"
        keep_in.mkdir(parents=True, exist_ok=True)
        try:
            found = backup.restore(Path(file), keep_in=keep_in)
        except (FortifiedError, OSError) as error:
            raise CommandError(str(error)) from error
        broken = [each["book"] for each in found["books"] if each["broken_at"] is not None]
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"Restored the backup of {found['made_at']}; what was there: {found['kept']}")
            for each in found["books"]:
                state = "whole" if each["broken_at"] is None else f"BROKEN at {each['broken_at']}"
                said = f"book {each['book']}: journal of {each['journal']} entries is {state}, {each['positions']} held"
                self.stdout.write(said)
        if broken:
            raise CommandError(f"The journal of {', '.join(broken)} does not hold together: do not trade on it.")
