"""`./run manage backup`: everything that the database holds, in one file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from engine.errors import FortifiedError
from trading import backup


class Command(BaseCommand):
    """Nothing has to be stopped; `--keep` removes older ones of the same folder."""

    help = "Writes the database, journals included, to one file; nothing has to be stopped for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", default="", help="where to (default: backups in the var folder)")
        parser.add_argument("--keep", type=int, default=0, help="remove all but so many of the folder; 0 keeps all")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"] or settings.VAR_DIR / "backups")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / backup.default_name(timezone.now())
        try:
            made = backup.back_up(target)
        except (FortifiedError, OSError) as error:
            raise CommandError(str(error)) from error
        gone = sorted(folder.glob("fortified-*.tar.gz"))[: -options["keep"]] if options["keep"] > 0 else []
        for old in gone:
            old.unlink()
        if options["json"]:
            size = target.stat().st_size
            self.stdout.write(json.dumps({"file": str(target), "bytes": size, "removed": len(gone), **made}))
        else:
            self.stdout.write(f"{target} ({target.stat().st_size:,} bytes); removed {len(gone)} older")
