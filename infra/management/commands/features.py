"""Makes docs/features.md of docs/features.toml."""

import re
import tomllib
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.core.management import BaseCommand, CommandError
from msgspec import Meta

_ID = re.compile(r"^[A-Z]+-\d\d$")
_MARKS = {"works": "works", "partial": "partly", "missing": "–"}


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list. `note` says what a partial one still lacks."""

    text: Annotated[str, Meta(min_length=3)]
    state: Annotated[str, Meta(pattern="^(works|partial|missing)$")]
    evidence: list[str] = []
    note: str = ""


Groups = dict[str, dict[str, Feature]]


class Command(BaseCommand):
    """Run it after editing the list; a test compares both files."""

    help = "Generates docs/features.md from docs/features.toml and counts what works."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is out of date")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        docs: Path = settings.BASE_DIR / "docs"
        groups = load((docs / "features.toml").read_text())
        text = render(groups)
        if check and text != (docs / "features.md").read_text():
            raise CommandError("docs/features.md is out of date: run ./run manage features")
        if not check:
            (docs / "features.md").write_text(text)
        self.stdout.write(summary(groups))


def load(text: str) -> Groups:
    """The list, validated: ids are well formed and unique, and what works or partly works has evidence."""
    groups = msgspec.convert(tomllib.loads(text), type=Groups)
    for name, feature in every(groups):
        if not _ID.match(name):
            raise CommandError(f"features.toml: an id such as BRK-01 was expected, found {name!r}")
        if feature.state != "missing" and not feature.evidence:
            raise CommandError(f"{name}: is said to be {feature.state!r} without evidence")
        if feature.state == "missing" and feature.evidence:
            raise CommandError(f"{name}: has evidence but is said to be missing")
    counted = Counter(name for name, _ in every(groups))
    if doubled := [name for name, count in counted.items() if count > 1]:
        raise CommandError(f"features.toml: listed twice: {', '.join(doubled)}")
    return groups


def every(groups: Groups) -> Iterator[tuple[str, Feature]]:
    """Id and feature, in the list's order."""
    for features in groups.values():
        yield from features.items()


def summary(groups: Groups) -> str:
    """ "3 work, 2 partly, 367 missing"."""
    counted = Counter(feature.state for _, feature in every(groups))
    return f"{counted['works']} work, {counted['partial']} partly, {counted['missing']} missing"


def render(groups: Groups) -> str:
    """The page."""
    lines = [
        "# Features",
        "",
        "Generated from `features.toml` by `./run manage features`: edit that file. Evidence is a test or a command.",
        "",
        f"{summary(groups)}.",
    ]
    for title, features in groups.items():
        lines += ["", f"## {title}", "", "| id | capability | state | evidence |", "|---|---|---|---|"]
        lines += [_row(name, feature) for name, feature in features.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, feature: Feature) -> str:
    evidence = " · ".join(f"`{item}`" for item in feature.evidence)
    note = f" *({feature.note})*" if feature.note else ""
    return f"| {name} | {feature.text}{note} | {_MARKS[feature.state]} | {evidence} |"
