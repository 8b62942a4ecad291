"""PostgreSQL is not a promise: the parts that write to the database prove themselves on a real one too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
WRITERS = (
    "tests/users/test_users.py",
    "tests/brokers/test_accounts.py",
    "tests/strategies/test_services.py",
    "tests/trading/test_services.py",
    "tests/trading/test_ledger_api.py",
    "tests/trading/journal",
)

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_what_passes_on_sqlite_passes_on_postgresql(postgres_url):
    env = {**os.environ, "TEST_DATABASE_URL": postgres_url}
    for name in [name for name in env if name.startswith("PYTEST_")]:
        del env[name]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *WRITERS,
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-m",
        "not slow",
    ]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout


def printed(*arguments: str, **environment: str) -> str:
    """What a process of the product prints."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "fortified.settings", "FORTIFIED_ENV_FILE": "none", **environment}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_migration_applies_and_none_is_missing(postgres_url):
    for arguments in (["migrate", "-v", "0"], ["makemigrations", "--check", "--dry-run"]):
        printed("manage.py", *arguments, ENVIRONMENT="test", TEST_DATABASE_URL=postgres_url)


A_PROCESS_THAT_OUTLIVES_ITS_CONNECTIONS = """
import asyncio, sys
import django, psycopg

django.setup()
from django.core.management import call_command
from trading.models import Book
from trading.runtime.host import host

async def main(url):
    for _ in range(2):
        print(await host("idle"))
        with psycopg.connect(url, autocommit=True) as db:
            others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ended = db.execute(f"SELECT count(pg_terminate_backend(pid)) {others}").fetchone()[0]
        print("ended" if ended else "nothing to end")

call_command("migrate", verbosity=0)
Book.objects.create(name="idle", mode=Book.Mode.PAPER)
asyncio.run(main(sys.argv[1]))
"""


def test_a_trader_takes_its_book_over_again_when_the_database_was_restarted(postgres_url, redis_url):
    """A restart ends every connection, also those that threads of a worker keep from task to task."""
    environment = {"ENVIRONMENT": "development", "DATABASE_URL": postgres_url, "REDIS_URL": redis_url}
    told = printed("-c", A_PROCESS_THAT_OUTLIVES_ITS_CONNECTIONS, postgres_url, **environment)
    assert told.split("\n")[:3] == ["stopped", "ended", "stopped"], told
