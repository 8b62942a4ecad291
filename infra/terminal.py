"""What management commands share: the form of their answers, and how a refusal ends them."""

import getpass
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from django.core.management import CommandError
from django.core.management.base import OutputWrapper
from django.db import OperationalError, ProgrammingError
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine.errors import FortifiedError

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]
Row = Mapping[str, Any]

_PIPED_WIDTH = 100_000  # for grep: a row stays on one line
_GOOD = {"running", "armed", "active", "ok", "fresh", "done", "sent"}
_BAD = {"halted", "failed", "stopped", "locked", "stale", "error"}


def show(out: OutputWrapper, rows: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """`rows` as a table whose columns are the first row's keys, or as JSON; `empty` where there are none."""
    if as_json:
        out.write(msgspec.json.encode(rows, enc_hook=str).decode())
    elif not rows:
        out.write(empty)
    else:
        out.write(_table(rows, is_terminal=out.isatty()))


def write_json(document: Any, to: Path | None = None) -> None:
    """One document, indented: on standard output, or in that file. `CommandError` where that cannot be written."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if to is None:
        sys.stdout.write(text)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"A file that can be written was expected, found {to}: {error.strerror}") from error


def console(piped_width: int = 160) -> Console:
    """Standard output: as wide as the terminal, or so wide where it is piped."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else piped_width)


@contextmanager
def refusals() -> Iterator[None]:
    """Our errors, and a Redis or a database that does not answer, end a command with a sentence and exit status 1."""
    try:
        yield
    except FortifiedError as error:
        raise CommandError(error.detail) from error
    except RedisError as error:
        raise CommandError(f"Redis does not answer, so it is not known what came of it: {error}") from error
    except (OperationalError, ProgrammingError) as error:
        raise CommandError(f"The database refuses: {error}. Is it of this version? ./run manage migrate") from error


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if a person types yes, or said so before."""
    if yes:
        return
    try:
        answer = input(f"{question} Type yes: ")
    except EOFError:
        raise CommandError("Nobody could be asked, so nothing was changed: add --yes.") from None
    if answer.strip() != "yes":
        raise CommandError("Nothing was changed.")


def read_secret(question: str) -> str:
    """What a person types, unseen; or the first line of what is piped in."""
    return getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline().strip()


def _table(rows: Sequence[Row], *, is_terminal: bool) -> str:
    text = StringIO()
    console = Console(file=text, force_terminal=is_terminal, width=None if is_terminal else _PIPED_WIDTH)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)
    return text.getvalue().rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name}={each}" for name, each in value.items())
    plain = escape("" if value is None else str(value))
    word = plain.split(" ")[0].rstrip(":,").lower()
    colour = "green" if word in _GOOD else "red" if word in _BAD else ""
    return f"[{colour}]{plain}[/]" if colour else plain
