"""How often a wrong password may be tried, counted per address and account over every login there is."""

import hashlib
import logging

from django.conf import settings
from django.core.cache import cache
from redis import RedisError

logger = logging.getLogger(__name__)

_WINDOW_S = 60


def is_locked(*, email: str, address: str) -> bool:
    """Whether too many wrong passwords came within the last minute."""
    try:
        return int(cache.get(_key(email, address), 0)) >= settings.LOGIN_FAILURES_PER_MINUTE
    except RedisError:
        # An operator must be able to log in while Redis is down; the password hash still slows guessing.
        logger.warning("Login attempts are not counted: Redis does not answer.")
        return False


def record_failure(*, email: str, address: str) -> None:
    """One more wrong password; the window begins with the first."""
    try:
        cache.add(_key(email, address), 0, timeout=_WINDOW_S)
        cache.incr(_key(email, address))
    except (RedisError, ValueError):  # ValueError: the window ended between the two calls
        logger.warning("A failed login could not be counted.")


def _key(email: str, address: str) -> str:
    who = f"{email.strip().lower()}|{address}".encode()
    return f"login_failures:{hashlib.sha256(who).hexdigest()[:32]}"
