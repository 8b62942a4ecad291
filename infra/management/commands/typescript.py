"""Writes the API's types for TypeScript clients."""

from argparse import ArgumentParser
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from drf_spectacular.generators import SchemaGenerator

from infra.web.typescript import typescript

WRITTEN = "clients/typescript/fortified.ts"


class Command(BaseCommand):
    """Run it after changing a route or what it takes or answers; a test compares the file with the routes."""

    help = f"Generates {WRITTEN} from the API's description."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, fail when the file is out of date")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        found = current()
        path: Path = settings.BASE_DIR / WRITTEN
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found)
        elif (difference := first_difference(path.read_text() if path.exists() else "", found)) is not None:
            raise CommandError(f"{WRITTEN} is not what the API is now: run ./run manage typescript. {difference}")
        self.stdout.write(f"{WRITTEN}: {len(found.splitlines())} lines")


def current() -> str:
    """The types of the API as its routes are now."""
    return typescript(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def first_difference(written: str, now: str) -> str | None:
    """Where the two part: the line's number and both lines; nothing where they are equal."""
    if written == now:
        return None
    old, new = written.splitlines(), now.splitlines()
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    there, here = (lines[same].strip() if same < len(lines) else "the end" for lines in (old, new))
    return f"Line {same + 1}: the file has {there!r}, the API {here!r}."
