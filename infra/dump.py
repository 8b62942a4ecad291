"""The whole database into one file and back, whichever kind it is."""

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, connections

from engine.errors import FortifiedError


class DumpFailed(FortifiedError):
    """The database could not be written out or read back."""

    code = "dump_failed"


def dump(path: Path) -> str:
    """Write the database to `path` as of one moment, while others go on writing; which kind of file it is."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as target:
            connection.connection.backup(target)
    else:
        with conninfo(connection.settings_dict) as target_db:
            _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}", target_db)
    return connection.vendor


def load(path: Path, kind: str) -> None:
    """Replace the database by the contents of `path`; all of it or, where something is wrong with it, nothing."""
    if kind != connection.vendor:
        raise DumpFailed(f"the file holds a {kind} database, and this installation has {connection.vendor}")
    if kind == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as source:
            _check(source)
            source.backup(connection.connection)
    else:
        with conninfo(connection.settings_dict) as target_db:
            options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
            _run("pg_restore", *options, f"--dbname={target_db}", str(path))
    connections.close_all()


def _check(source: sqlite3.Connection) -> None:
    try:
        said = source.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise DumpFailed(f"the file is no SQLite database: {error}") from error
    if said != "ok":
        raise DumpFailed(f"the SQLite database in the file is damaged: {said}")


@contextmanager
def conninfo(config: Mapping[str, Any]) -> Iterator[str]:
    """How PostgreSQL's programs reach a database; the password stands in a file of ours, never in a process list."""
    with tempfile.TemporaryDirectory() as folder:
        parts = {"host": config["HOST"], "port": config["PORT"], "user": config["USER"], "dbname": config["NAME"]}
        if config["PASSWORD"]:
            passfile = Path(folder) / "pass"
            passfile.touch(mode=0o600)
            passfile.write_text(f"*:*:*:*:{_escaped(config['PASSWORD'])}\n")
            parts["passfile"] = str(passfile)
        yield " ".join(f"{name}='{_quoted(str(value))}'" for name, value in parts.items() if value)


def _escaped(password: str) -> str:
    return password.replace("\\", "\\\\").replace(":", "\\:")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise DumpFailed(f"{program} was not found: install PostgreSQL's client programs")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise DumpFailed(f"{program}: {done.stderr.strip() or f'exit status {done.returncode}'}")
