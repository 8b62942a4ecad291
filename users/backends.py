"""Login by e-mail and password, for the pages, the admin and the API alike."""

import logging
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from users import limits
from users.models import User

logger = logging.getLogger(__name__)


def client_address(request: HttpRequest | None) -> str:
    """The peer's address; behind a proxy it is the proxy's, which only makes the limit stricter."""
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


class EmailBackend(ModelBackend):
    """Django's own backend, with a limit on wrong passwords and a record of them."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        email = username or kwargs.get(User.USERNAME_FIELD) or ""
        address = client_address(request)
        if limits.is_locked(email=email, address=address):
            logger.warning("Login refused from %s: too many wrong passwords.", address)
            raise PermissionDenied
        user = super().authenticate(request, username=email, password=password)
        if user is None:
            limits.record_failure(email=email, address=address)
            logger.info("Login failed from %s.", address)
            return None
        return user
