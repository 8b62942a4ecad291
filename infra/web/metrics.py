"""Prometheus metrics of all processes in one answer, for a scraper on this machine or one that is logged in."""

import redis
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from infra import metrics
from infra.redis import keys

_LOOPBACK = ("127.0.0.1", "::1")
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
_TIMEOUT_S = 2.0


class FromHereOrKnown(BasePermission):
    """A caller on this machine, unless it is a proxy that speaks for somebody else; or whoever is logged in."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        is_proxied = any(name in request.META for name in _FORWARDED)
        if request.META.get("REMOTE_ADDR") in _LOOPBACK and not is_proxied:
            return True
        return bool(request.user and request.user.is_authenticated)


class MetricsView(APIView):
    """Each sample carries the name of its process: feed:dxlink, web …"""

    permission_classes = (FromHereOrKnown,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        texts: dict[str, bytes | str] = {**_told(), "web": metrics.exposition()}
        return HttpResponse(metrics.gathered(texts), content_type=metrics.CONTENT_TYPE)


def _told() -> dict[str, str]:
    """What the long-lived loops left in Redis; nothing while it is away: the web process's own figures still come."""
    prefix = len(keys.metrics(""))
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, decode_responses=True
        ) as client:
            names = [str(name) for name in client.scan_iter(match=keys.metrics("*"), count=1000)]
            texts = client.mget(names) if names else []
    except redis.RedisError:
        return {}
    return {name[prefix:]: str(text) for name, text in zip(names, texts, strict=True) if text is not None}
