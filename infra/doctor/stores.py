"""Checks of what keeps the data: Redis and the database."""

import time
from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.doctor.findings import Finding, State
from infra.schema import pending_migrations

_OLDEST_REDIS = (6, 2)


def quick_client() -> redis.Redis:
    """A client that says quickly that Redis is away, where the product's own would try again."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=2.0,
        socket_connect_timeout=2.0,
        retry=Retry(NoBackoff(), 0),
    )


def redis_server() -> Iterator[Finding]:
    """Answers, is new enough, keeps what it is told, throws nothing away, and shares our clock."""
    client = quick_client()
    try:
        info: dict[str, Any] = client.info()
        seconds, microseconds = client.time()
    except redis.RedisError as error:
        remedy = "./run demo or ./run up start one; with REDIS_URL set, start that server"
        yield Finding("redis", State.FAILED, f"does not answer: {error}", remedy)
        return
    finally:
        client.close()
    yield judge_version(str(info["redis_version"]))
    yield judge_persistence(info)
    yield judge_eviction(info)
    offset = seconds + microseconds / 1e6 - time.time()
    if abs(offset) > 1.0:
        yield Finding("redis clock", State.WARNING, f"{offset:+.1f} s against this machine", "synchronise both clocks")


def judge_version(found: str) -> Finding:
    """Streams with consumer groups as we use them exist since 6.2."""
    if tuple(int(part) for part in found.split(".")[:2]) < _OLDEST_REDIS:
        return Finding("redis", State.FAILED, f"version {found}", "6.2 or newer is needed")
    return Finding("redis", State.OK, f"version {found}", data={"version": found})


def judge_persistence(info: dict[str, Any]) -> Finding:
    """Leases and streams may be lost, but a restart should find cursors and bars where they were."""
    if not info.get("aof_enabled"):
        detail = "append-only file is off: a restart loses streams and recent bars"
        return Finding("redis persistence", State.WARNING, detail, "redis-cli CONFIG SET appendonly yes")
    if info.get("aof_last_write_status") != "ok":
        detail = "the last write of the append-only file failed"
        return Finding("redis persistence", State.FAILED, detail, "free disk space, look at Redis' own log")
    return Finding("redis persistence", State.OK, "append-only file is on and written")


def judge_eviction(info: dict[str, Any]) -> Finding:
    """Redis may not forget a lease or a command because memory is short."""
    used = f"{int(info['used_memory']) / 1e6:.0f} MB used"
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if int(info.get("maxmemory", 0)) and policy != "noeviction":
        remedy = "redis-cli CONFIG SET maxmemory-policy noeviction"
        return Finding("redis memory", State.FAILED, f"{used}, policy {policy} may drop commands and leases", remedy)
    return Finding("redis memory", State.OK, used, data={"used_bytes": int(info["used_memory"])})


def database() -> Iterator[Finding]:
    """Answers, has every migration, and (SQLite) lets readers and a writer work side by side."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            mode = _journal_mode(cursor)
        pending = pending_migrations()
    except DatabaseError as error:
        yield Finding("database", State.FAILED, f"does not answer: {error}", "check DATABASE_URL and that server")
        return
    yield Finding("database", State.OK, connection.vendor + (f", journal mode {mode}" if mode else ""))
    if mode not in ("", "wal"):
        yield Finding("database mode", State.FAILED, f"{mode}: readers block the journal", "put var/ on a local disk")
    if pending:
        detail = f"{len(pending)} not applied: {', '.join(pending[:5])}"
        yield Finding("migrations", State.FAILED, detail, "./run manage migrate")
    else:
        yield Finding("migrations", State.OK, "all applied")


def _journal_mode(cursor: Any) -> str:
    if connection.vendor != "sqlite":
        return ""
    cursor.execute("PRAGMA journal_mode")
    return str(cursor.fetchone()[0]).lower()
