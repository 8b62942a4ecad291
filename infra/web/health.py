"""The state of the system in one answer: registered checks, 503 when one that is essential fails."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infra.redis import keys
from infra.redis.client import hasty_client

logger = logging.getLogger(__name__)

_TIMEOUT_S = 2.0


class Health(NamedTuple):
    """The answer of one check. `state`: ok | degraded | down | unknown; `detail` is for people."""

    state: str
    detail: str = ""
    data: dict[str, Any] | None = None


class _Check(NamedTuple):
    run: Callable[[], Health]
    is_essential: bool


_checks: dict[str, _Check] = {}


def register_health(name: str, run: Callable[[], Health], *, is_essential: bool = False) -> None:
    """Add a check, from an app's `ready`. An essential one that is down makes the whole answer 503."""
    _checks[name] = _Check(run, is_essential)


def report() -> tuple[bool, dict[str, Any]]:
    """Whether nothing essential is down, and the answer of every check."""
    answers = {name: check.run() for name, check in sorted(_checks.items())}
    is_up = all(answers[name].state != "down" for name, check in _checks.items() if check.is_essential)
    worst = "ok" if all(answer.state == "ok" for answer in answers.values()) else "degraded"
    document = {
        "status": worst if is_up else "down",
        "checks": {
            name: {"state": answer.state, "detail": answer.detail, **(answer.data or {})}
            for name, answer in answers.items()
        },
    }
    return is_up, document


def database_health() -> Health:
    """A query answered."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("The database does not answer.")
        return Health("down", "The database does not answer.")
    return Health("ok", connection.vendor)


def redis_health() -> Health:
    """A PING answered."""
    try:
        with _redis() as client:
            client.ping()
    except redis.RedisError as error:
        # Whoever asks need not be logged in: addresses stay in the log.
        logger.warning("Redis does not answer: %s", error)
        return Health("down", "Redis does not answer.")
    return Health("ok")


def process_health() -> Health:
    """Who showed a sign of life lately; a heartbeat that ended is a process that did."""
    try:
        with _redis() as client:
            beats = [str(key) for key in client.scan_iter(match=keys.heartbeat("*"), count=1000)]
    except redis.RedisError:
        return Health("unknown", "Redis does not answer.")
    prefix = len(keys.heartbeat(""))
    names = sorted(key[prefix:] for key in beats)
    if not names:
        return Health("unknown", "No feed and no trader has reported: nothing runs, or it died.", {"alive": []})
    return Health("ok", f"{len(names)} alive", {"alive": names})


def feed_health() -> Health:
    """How many symbols have prices that can be trusted."""
    try:
        with _redis() as client:
            found = list(client.scan_iter(match=keys.feed_state("*"), count=1000))
            states = Counter(str(client.hget(key, "state") or "unknown") for key in found)
    except redis.RedisError:
        return Health("unknown", "Redis does not answer.")
    if not states:
        return Health("unknown", "No feed has reported a symbol.", {"symbols": {}})
    state = "ok" if set(states) == {"fresh"} else "degraded"
    return Health(state, ", ".join(f"{count} {name}" for name, count in sorted(states.items())), {"symbols": states})


def _redis() -> redis.Redis:
    """A client of its own: a probe must not wait as long as the others retry."""
    return hasty_client(settings.REDIS_URL, timeout_s=_TIMEOUT_S)


register_health("database", database_health, is_essential=True)
register_health("redis", redis_health, is_essential=True)
register_health("processes", process_health)
register_health("feeds", feed_health)


class HealthOutput(serializers.Serializer[dict[str, Any]]):
    """`status`: ok | degraded | down. `checks`: name → {state, detail, …}."""

    status = serializers.CharField()
    checks = serializers.DictField(child=serializers.DictField())


class HealthView(APIView):
    """Open to probes: no token needed, and no secret told."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(responses={200: HealthOutput, 503: HealthOutput})
    def get(self, request: Request) -> Response:
        is_up, document = report()
        return Response(document, status=200 if is_up else 503)
