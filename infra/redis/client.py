"""Redis clients: one per process, event loop and URL, with keepalive, health checks and one retry policy."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

SyncRedis = redis.Redis
AsyncRedis = redis.asyncio.Redis

# Raised while Redis is away or starting. Callers that live long wait and go on; everybody else fails loudly.
REDIS_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, OSError)

_RETRIES = 6  # 0.05 … 1 s apart: a restart of Redis is survived, a dead one is noticed within about 4 s

_sync: dict[tuple[int, str], SyncRedis] = {}
_async: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncRedis]] = WeakKeyDictionary()


def sync_client(url: str) -> SyncRedis:
    """The process's client for `url`; replies are text. A forked child gets its own."""
    key = (os.getpid(), url)
    if key not in _sync:
        _sync[key] = redis.Redis.from_url(url, retry=Retry(_backoff(), _RETRIES), **_options())
    return _sync[key]


def async_client(url: str) -> AsyncRedis:
    """The running loop's client for `url`; replies are text. It ends with its loop: `aclose_clients` first."""
    clients = _async.setdefault(asyncio.get_running_loop(), {})
    if url not in clients:
        clients[url] = redis.asyncio.Redis.from_url(url, retry=AsyncRetry(_backoff(), _RETRIES), **_options())
    return clients[url]


def hasty_client(url: str, *, timeout_s: float) -> SyncRedis:
    """A client of its own that tries each request once and waits `timeout_s` at most; replies are text."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


@asynccontextmanager
async def lone_client(url: str) -> AsyncIterator[AsyncRedis]:
    """A client for one call, whosever loop it runs in."""
    client = redis.asyncio.Redis.from_url(url, retry=AsyncRetry(_backoff(), _RETRIES), **_options())
    try:
        yield client
    finally:
        await client.aclose()


async def aclose_clients() -> None:
    """Close every client of the running loop: the last thing a long-lived loop does."""
    for client in _async.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()


def sync_twin(client: AsyncRedis, *, timeout_s: float = 5.0) -> SyncRedis:
    """A client of its own for a thread, connected to where `client` is; one try per request."""
    pool = client.connection_pool
    named = ("host", "port", "db", "username", "password", "path", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
    options = {name: value for name, value in pool.connection_kwargs.items() if name in named}
    if "path" in options:
        options["unix_socket_path"] = options.pop("path")
    if issubclass(pool.connection_class, redis.asyncio.SSLConnection):
        options["ssl"] = True
    return redis.Redis(
        **options,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def url_of(client: AsyncRedis | SyncRedis) -> str:
    """Where a client is connected, without its password, for messages."""
    options = client.connection_pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}"
    return f"redis://{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}"


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=1.0)


def _options() -> dict[str, Any]:
    return {
        "decode_responses": True,
        "protocol": 2,  # what every server and the embedded 6.2 speak alike
        "socket_keepalive": True,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 5.0,
        "health_check_interval": 15,
        "retry_on_error": [BusyLoadingError],
    }
