"""Where logins are looked up first: a cache in Redis that pages can do without."""

import logging
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A logout while Redis is away cannot reach the copy: so long at most it may still be found there afterwards.
LONGEST_S = 300


class SessionCache(RedisCache):
    """Answers as if it held nothing while Redis does not answer; the database holds every session."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return self._missed("read", error, default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        kept = min(timeout, LONGEST_S) if isinstance(timeout, int | float) else LONGEST_S
        try:
            super().set(key, value, kept, version)
        except RedisError as error:
            self._missed("kept", error)

    def delete(self, key: str, version: int | None = None) -> bool:
        try:
            return bool(super().delete(key, version))
        except RedisError as error:
            return bool(self._missed("removed", error))

    def has_key(self, key: str, version: int | None = None) -> bool:
        try:
            return bool(super().has_key(key, version))
        except RedisError as error:
            return bool(self._missed("looked for", error))

    def _missed(self, what: str, error: RedisError, answer: Any = None) -> Any:
        logger.debug("a session is not %s in Redis: %s", what, error)
        return answer
