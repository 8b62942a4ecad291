"""What a start-up accepts and refuses, in a process of its own: settings are read once per process."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "kD8s-Lq0vX2mRt7WcZ5bNf9YhJ4gPa1eUo6i3Qw7Ez2Xr5Tv8Yb1",
    "JWT_SECRET": "Zx3-Vb6nMq9wEr2tYu5iOp8aSd1fGh4jKl7c0Pm2Ok5Ij8Uh1Yg4",
    "ALLOWED_HOSTS": "trade.example.com",
}


_VAR = tempfile.mkdtemp(prefix="fortified-settings-")  # no start below may touch the user's own files


def start(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "FORTIFIED_ENV_FILE": "none", "FORTIFIED_VAR_DIR": _VAR}
    env["DJANGO_SETTINGS_MODULE"] = "fortified.settings"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**env, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def setting(name: str, **variables: str) -> str:
    done = start(f"from django.conf import settings; print(settings.{name})", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SECRET_KEY", "", "is required"),
        ("SECRET_KEY", "changeme-changeme-changeme-changeme", "well-known default"),
        ("JWT_SECRET", "", "is required"),
        ("JWT_SECRET", "short", "at least 50"),
        ("ALLOWED_HOSTS", "", "host names"),
        ("ALLOWED_HOSTS", "*", "host names"),
        ("REDIS_PORT", "x", "whole number"),
        ("JWT_EXPIRATION_MINUTES", "0", "at least 1"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG"),
        ("ENVIRONMENT", "staging", "one of development"),
    ],
)
def test_production_refuses_a_missing_or_weak_value_by_its_name(name, value, reason):
    done = start("from django.conf import settings; settings.DEBUG", **{**GOOD, name: value})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert name in last
    assert reason in last
    assert GOOD["SECRET_KEY"] not in done.stderr


def test_development_reaches_alpacas_practice_account_only_and_production_what_is_named():
    assert "paper-api.alpaca.markets" in setting("VENUES['alpaca']['api_url']")
    real = "https://api.alpaca.markets"
    assert setting("VENUES['alpaca']['api_url']", **GOOD, ALPACA_API_URL=real) == real
    for name, value in (("ALPACA_API_URL", f"{real}/"), ("ALPACA_STREAM_URL", "wss://api.alpaca.markets/stream")):
        done = start("from django.conf import settings; settings.DEBUG", ENVIRONMENT="development", **{name: value})
        assert done.returncode != 0
        assert name in done.stderr.strip().splitlines()[-1]


def test_the_deployment_check_is_clean_in_production():
    code = (
        "from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING'])"
    )
    done = start(code, **GOOD)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_cors_is_closed_unless_origins_are_named():
    assert setting("CORS_ALLOWED_ORIGINS", **GOOD) == "[]"
    assert "https://a.example" in setting("CORS_ALLOWED_ORIGINS", **GOOD, CORS_ALLOWED_ORIGINS="https://a.example")


def test_redis_url_is_made_of_its_parts_unless_given():
    assert setting("REDIS_URL", REDIS_HOST="cache", REDIS_PORT="7000", REDIS_DB="3") == "redis://cache:7000/3"
    assert setting("REDIS_URL", REDIS_HOST="cache", REDIS_URL="redis://other:1/2") == "redis://other:1/2"
    assert setting("REDIS_URL") == "redis://127.0.0.1:6390/0"


def test_database_url_names_another_database():
    engine = "DATABASES['default']['ENGINE']"
    assert setting(engine, DATABASE_URL="postgres://u:p@db/fortified") == "django.db.backends.postgresql"
    assert setting(engine) == "django.db.backends.sqlite3"


def test_sqlite_journals_ahead_and_queues_writers():
    code = (
        "import django; django.setup(); from django.db import connection as c; k = c.cursor();"
        "print([k.execute(f'PRAGMA {p}').fetchone()[0] for p in ('journal_mode', 'synchronous', 'busy_timeout')])"
    )
    assert start(code).stdout.strip() == "['wal', 1, 20000]"


def test_start_up_imports_no_heavy_library():
    code = (
        "import sys, fortified.asgi, django.urls; django.urls.get_resolver().url_patterns;"
        "print(sorted({'pandas', 'numba', 'pyarrow', 'twisted', 'scipy'} & set(sys.modules)))"
    )
    done = start(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_celery_application_imports_no_app_by_itself():
    code = "import sys, celery_app; print({'trading', 'marketdata', 'users', 'django.db'} & set(sys.modules))"
    assert start(code).stdout.strip() == "set()"


def test_long_loops_go_to_queues_of_their_own():
    code = (
        "import django; django.setup(); from celery_app import app; route = app.amqp.router.route;"
        "print([route({}, name)['queue'].name for name in"
        " ('marketdata.tasks.run_feed', 'trading.tasks.run_trader', 'backtest.tasks.run_shard', 'x.tasks.y')],"
        " app.conf.task_acks_late, app.conf.worker_prefetch_multiplier, app.conf.worker_disable_prefetch)"
    )
    assert start(code).stdout.strip() == "['feeds', 'traders', 'backtests', 'default'] False 1 True"
