"""A backup of everything that the database holds, and its restoration, proven by the journals."""

import hashlib
import json
import shutil
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from engine.errors import Conflict, FortifiedError
from infra.dump import dump, load
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, sync_client
from trading.journal.writer import first_broken_link, last_of_journal
from trading.models import Book, Position

FORMAT = 1
DATA, MANIFEST = "database", "manifest.json"


class BackupRefused(FortifiedError):
    """The file is not a backup that can be restored here."""

    code = "backup_refused"


def back_up(target: Path) -> dict[str, Any]:
    """Write a backup to `target`; what it holds. Nothing has to be stopped for it."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        data = Path(folder) / DATA
        kind = dump(data)
        manifest = {
            "format": FORMAT,
            "kind": kind,
            "made_at": timezone.now().isoformat(),
            "sha256": _digest(data),
            "migrations": sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()),
        }
        (Path(folder) / MANIFEST).write_text(json.dumps(manifest, indent=1))
        draft = Path(folder) / "draft"
        with tarfile.open(draft, "w:gz", compresslevel=6) as archive:
            archive.add(Path(folder) / MANIFEST, MANIFEST)
            archive.add(data, DATA)
        draft.chmod(0o600)  # sealed or not: logins and people are in it
        draft.replace(target)
    return manifest


def restore(source: Path, *, keep_in: Path) -> dict[str, Any]:
    """Put the backup `source` in place of the database; what came back. What was there is backed up into `keep_in`
    first. Refused while anything runs, and where the file is damaged or of a newer version."""
    _refuse_while_running()
    with tempfile.TemporaryDirectory(dir=keep_in) as folder:
        manifest = _unpacked(source, Path(folder))
        kept = keep_in / f"before-restore-{timezone.now():%Y%m%dT%H%M%S}.tar.gz"
        back_up(kept)
        load(Path(folder) / DATA, manifest["kind"])
    call_command("migrate", verbosity=0, interactive=False)
    return {"made_at": manifest["made_at"], "kept": str(kept), "books": journals()}


def journals() -> list[dict[str, Any]]:
    """Each book with the length of its journal and whether its chain holds."""
    found = []
    for book in Book.objects.order_by("name"):
        broken = first_broken_link(book.pk)
        held = Position.objects.filter(book=book).exclude(quantity=0).count()
        found.append(
            {"book": book.name, "journal": last_of_journal(book.pk)[0], "broken_at": broken, "positions": held}
        )
    return found


def _refuse_while_running() -> None:
    try:
        client = sync_client(settings.REDIS_URL)
        held = sorted(str(key) for key in client.scan_iter(match=keys.lease("*", "*"), count=1000))
    except REDIS_AWAY:
        return  # it is stopped with everything else
    if held:
        raise Conflict(f"Something runs ({', '.join(held)}): stop ./run first, and wait until it has ended.")


def _extract(archive: tarfile.TarFile, name: str, folder: Path) -> None:
    """One plain file's bytes; neither links nor owners, whatever the archive says."""
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(f"{name} is not a file")
    with member, (folder / name).open("wb") as file:
        shutil.copyfileobj(member, file)


def _unpacked(source: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source, "r:gz") as archive:
            for name in (MANIFEST, DATA):
                _extract(archive, name, folder)
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise BackupRefused(f"{source} cannot be read as a backup: {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupRefused(f"{source}: format {FORMAT} was expected, found {manifest.get('format')!r}")
    if _digest(folder / DATA) != manifest["sha256"]:
        raise BackupRefused(f"{source} is damaged: its contents are not those that were written")
    known = {f"{app}.{name}" for app, name in MigrationLoader(connection).disk_migrations}
    unknown = sorted(set(manifest["migrations"]) - known)
    if unknown:
        raise BackupRefused(
            f"{source} is of a newer version, which has {', '.join(unknown[:3])}: install that one first"
        )
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def default_name(now: datetime) -> str:
    """ "fortified-20261121T1000.tar.gz"."""
    return f"fortified-{now:%Y%m%dT%H%M%S}.tar.gz"
