"""The ASGI entry: HTTP to Django, WebSockets to the pages' consumers, both behind login and host checks."""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

from infra.log_follower import follow_log_levels

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fortified.settings")
http = get_asgi_application()  # sets Django up: consumers may be imported only after it
follow_log_levels()


def websocket_urlpatterns() -> list[Any]:
    """What the pages listen on."""
    if find_spec("dashboard.routing") is None:
        return []
    return list(import_module("dashboard.routing").websocket_urlpatterns)


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns()))),
    }
)
