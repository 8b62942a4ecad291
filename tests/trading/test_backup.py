"""The restore drill: what was backed up comes back whole, and the book goes on from there."""

import json
import os
import tarfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from infra import dump
from infra.redis import keys
from tests.trading.runtime.test_compose import FALLING, RISING, play
from tests.trading.test_book_rules import started
from trading.models import Book, JournalEvent, Order, Position
from trading.runtime import compose

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    return tmp_path


def backup(folder, capsys):
    call_command("backup", "--json")
    return Path(json.loads(capsys.readouterr().out)["file"])


def state():
    """What must come back exactly."""
    return (
        list(Order.objects.order_by("id").values()),
        list(Position.objects.order_by("id").values()),
        list(JournalEvent.objects.order_by("id").values_list("number", "digest")),
    )


@pytest.mark.skipif("postgresql" in str(django_settings.DATABASES["default"]["ENGINE"]), reason="by pg_dump below")
def test_a_book_is_restored_whole_and_trades_on_from_there(redis_url, folder, capsys):
    desk = started("/MES")
    play(desk, RISING, "/MES")
    before = state()
    saved = backup(folder, capsys)
    play(desk, FALLING, "/MES", start=100)
    assert state() != before

    call_command("restore", str(saved), "--yes", "--json")
    said = json.loads(capsys.readouterr().out)
    assert state() == before
    assert said["books"] == [{"book": "paper", "journal": len(before[2]), "broken_at": None, "positions": 1}]
    assert Path(said["kept"]).exists()

    again = compose.make_desk(compose.load("paper"))
    play(again, FALLING, "/MES", start=200)
    assert Position.objects.get().quantity == -2
    assert JournalEvent.objects.count() > len(before[2])


def test_nothing_is_restored_while_something_runs(redis_url, folder, capsys):
    saved = backup(folder, capsys)
    Book.objects.create(name="kept")
    with redis.Redis.from_url(redis_url) as client:
        client.set(keys.lease("trader", "paper"), "{}")
    with pytest.raises(CommandError, match="Something runs"):
        call_command("restore", str(saved), "--yes")
    assert Book.objects.filter(name="kept").exists()


def test_a_damaged_or_foreign_file_changes_nothing(redis_url, folder, capsys):
    saved = backup(folder, capsys)
    Book.objects.create(name="kept")
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match=r"cannot be read as a backup|is damaged"):
        call_command("restore", str(saved), "--yes")
    (folder / "x").write_text("not a backup")
    with pytest.raises(CommandError, match="cannot be read as a backup"):
        call_command("restore", str(folder / "x"), "--yes")
    saved.write_bytes(whole)
    with pytest.raises(CommandError, match=r"of a newer version, which has trading\.9999_future"):
        call_command("restore", str(changed(saved, folder)), "--yes")
    assert Book.objects.filter(name="kept").exists()


def changed(saved, folder):
    """The same backup, of a version that has one migration more."""
    with tarfile.open(saved) as archive:
        archive.extractall(folder / "opened")
    manifest = folder / "opened" / "manifest.json"
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**document, "migrations": [*document["migrations"], "trading.9999_future"]}))
    with tarfile.open(folder / "newer.tar.gz", "w:gz") as archive:
        for name in ("manifest.json", "database"):
            archive.add(folder / "opened" / name, name)
    return folder / "newer.tar.gz"


def test_without_a_yes_nothing_is_changed(redis_url, folder, capsys, monkeypatch):
    saved = backup(folder, capsys)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("restore", str(saved))


def test_older_backups_are_removed_and_others_may_not_read_them(redis_url, folder, capsys):
    (folder / "backups").mkdir()
    for n in range(3):
        (folder / "backups" / f"fortified-2020010{n}T000000.tar.gz").touch()
    call_command("backup", "--keep", "2", "--json")
    said = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in (folder / "backups").iterdir()) == [
        "fortified-20200102T000000.tar.gz", Path(said["file"]).name,
    ]  # fmt: skip
    assert Path(said["file"]).stat().st_mode & 0o777 == 0o600


def test_postgresql_is_written_out_and_read_back_by_its_own_programs(postgres_url, tmp_path, monkeypatch):
    found = find_spec("pgserver")
    programs = Path(str(found and found.origin)).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    class Postgres:
        """The default connection of an installation on PostgreSQL."""

        vendor = "postgresql"
        info = psycopg.conninfo.conninfo_to_dict(postgres_url)
        settings_dict = {"HOST": info["host"], "PORT": info["port"], "USER": info["user"],
                         "NAME": info["dbname"], "PASSWORD": "it's: a \\ secret"}  # fmt: skip

    monkeypatch.setattr(dump, "connection", Postgres)
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("CREATE TABLE drill (n int)")
        db.execute("INSERT INTO drill VALUES (1), (2)")
        assert dump.dump(tmp_path / "dump") == "postgresql"
        db.execute("DELETE FROM drill")
        dump.load(tmp_path / "dump", "postgresql")
        assert db.execute("SELECT n FROM drill ORDER BY n").fetchall() == [(1,), (2,)]
        (tmp_path / "dump").write_bytes(b"PGDMP nonsense")
        with pytest.raises(dump.DumpFailed, match="pg_restore"):
            dump.load(tmp_path / "dump", "postgresql")
        assert db.execute("SELECT count(*) FROM drill").fetchone() == (2,)
        db.execute("DROP TABLE drill")
    with pytest.raises(dump.DumpFailed, match="the file holds a sqlite database"):
        dump.load(tmp_path / "dump", "sqlite")
