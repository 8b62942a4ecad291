"""Where the data is: the database and Redis, from URLs or their parts."""

from typing import Any

import environ
from redis.backoff import NoBackoff
from redis.retry import Retry

from fortified.settings.environment import VAR_DIR, env, integer

# WAL lets readers and one writer work side by side; IMMEDIATE takes the write lock when a transaction begins, so that
# two writers queue (busy_timeout) where they would otherwise fail half-way with "database is locked".
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; PRAGMA foreign_keys=ON"
    ),
}

# Where nothing names a Redis, `./run` starts one of its own and leaves its port in this file.
EMBEDDED_REDIS = not any(env.str(name, default="") for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT"))
EMBEDDED_REDIS_PORT_FILE = VAR_DIR / "redis" / "port"


def database(environment: environ.Env) -> dict[str, Any]:
    """The default database: `DATABASE_URL`, or SQLite under `var/`."""
    given: str = environment.str("DATABASE_URL", default="")  # an empty line in .env means: not set
    config: dict[str, Any] = environment.db_url_config(given or f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        VAR_DIR.mkdir(exist_ok=True)
        config["OPTIONS"] = {**SQLITE_OPTIONS, **config.get("OPTIONS", {})}
    else:
        config.setdefault("CONN_HEALTH_CHECKS", True)
    config.setdefault("CONN_MAX_AGE", 60)  # for a file too: to open one costs ten times a small transaction
    return config


def embedded_redis_port() -> int:
    """Where `./run` last started its own server; 6390 before it ever did."""
    if not EMBEDDED_REDIS or not EMBEDDED_REDIS_PORT_FILE.exists():
        return 6390
    return int(EMBEDDED_REDIS_PORT_FILE.read_text())


def redis_url(environment: environ.Env) -> str:
    """`REDIS_URL`, or one made of `REDIS_HOST`, `REDIS_PORT` and `REDIS_DB`; `./run` starts a server at the default."""
    given: str = environment.str("REDIS_URL", default="")
    host = environment.str("REDIS_HOST", default="") or "127.0.0.1"
    port = integer("REDIS_PORT", embedded_redis_port(), minimum=1)
    return given or f"redis://{host}:{port}/{integer('REDIS_DB', 0, minimum=0)}"


def channel_layers(url: str) -> dict[str, Any]:
    """Channels over Redis. A slow viewer loses old messages first: pages read facts from the database again."""
    # The layer waits for messages in reads of 5 s. The client's own time limit is 5 s too since redis-py 8, which
    # cuts every quiet WebSocket: it has to be longer. https://github.com/django/channels_redis/issues/422
    host = {"address": url, "socket_timeout": 20.0, "socket_connect_timeout": 5.0, "socket_keepalive": True}
    config = {"hosts": [host], "capacity": 1000, "expiry": 30, "prefix": "channels"}
    return {"default": {"BACKEND": "infra.web.channel_layer.ChannelLayer", "CONFIG": config}}


def caches(url: str) -> dict[str, Any]:
    """What processes share for a while, and sessions: those as JSON, asked for once and not waited for long."""
    hasty = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
    return {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url},
        "sessions": {
            "BACKEND": "infra.web.session_cache.SessionCache",
            "LOCATION": url,
            "OPTIONS": {"serializer": "django.core.signing.JSONSerializer", **hasty},
        },
    }


REDIS_URL = redis_url(env)
