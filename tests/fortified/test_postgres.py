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


def test_every_migration_applies_and_none_is_missing(postgres_url):
    env = {
        **os.environ,
        "ENVIRONMENT": "test",
        "TEST_DATABASE_URL": postgres_url,
        "DJANGO_SETTINGS_MODULE": "fortified.settings",
    }
    for arguments in (["migrate", "-v", "0"], ["makemigrations", "--check", "--dry-run"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
