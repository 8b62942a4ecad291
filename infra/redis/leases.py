"""Leases: one owner at a time for a feed or a book, with a fencing token that only rises."""

import time
from typing import Any, cast

import msgspec
from redis.exceptions import ResponseError

from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis, SyncRedis

# KEYS: lease, counter. ARGV: owner, ttl (ms), the smallest token allowed. Returns the token, or nil if held.
_ACQUIRE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return nil end
local token = redis.call('INCR', KEYS[2])
if token < tonumber(ARGV[3]) then
  token = tonumber(ARGV[3])
  redis.call('SET', KEYS[2], token)
end
redis.call('SET', KEYS[1], cjson.encode({owner = ARGV[1], token = token}), 'PX', ARGV[2])
return token
"""
_RENEW = """
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held)['token'] ~= tonumber(ARGV[1]) then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held)['token'] ~= tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lease, with which token, and for how long yet."""

    owner: str
    token: int
    ttl_s: float = 0.0


class Lease:
    """The right to run `kind` `name`, for `ttl_s` seconds from each renewal.

    `acquire` gives a token greater than every earlier one, or None while another holds the lease. `renew` says
    whether it is still ours. The TTL runs on Redis' clock; `remaining_s` is what our own clock can still promise,
    counted from before the request was sent, so it never says more than Redis does.
    """

    def __init__(self, client: AsyncRedis, *, kind: str, name: str, owner: str, ttl_s: float = 5.0) -> None:
        self.kind = kind
        self.name = name
        self.owner = owner
        self.ttl_s = ttl_s
        self.token: int | None = None
        self._until = 0.0
        self._key = keys.lease(kind, name)
        self._counter = keys.fencing(kind, name)
        self._acquire = client.register_script(_ACQUIRE)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    @property
    def remaining_s(self) -> float:
        """Seconds for which we surely still hold the lease; 0 when it is not ours."""
        return max(0.0, self._until - time.monotonic()) if self.token is not None else 0.0

    async def acquire(self, *, above: int = 0) -> int | None:
        """The fencing token, or None while another holds the lease. `above`: the greatest token the journal has
        seen, so that tokens go on rising even after Redis lost its memory."""
        asked = time.monotonic()
        args: list[str | int] = [self.owner, self._ttl_ms, above + 1]
        token = await self._acquire(keys=[self._key, self._counter], args=args)
        if token is None:
            return None
        self.token = int(token)
        self._until = asked + self.ttl_s
        return self.token

    async def renew(self) -> bool:
        """Hold on for another `ttl_s`; False when the lease is not ours any more (expired, or taken by another)."""
        if self.token is None:
            return False
        asked = time.monotonic()
        if not await self._renew(keys=[self._key], args=[self.token, self._ttl_ms]):
            self.token = None
            return False
        self._until = asked + self.ttl_s
        return True

    def renew_now(self, client: SyncRedis) -> bool:
        """`renew` for a thread, over a connection of its own."""
        token = self.token
        if token is None:
            return False
        asked = time.monotonic()
        if not cast("Any", client.eval(_RENEW, 1, self._key, str(token), str(self._ttl_ms))):
            self.token = None
            return False
        self._until = asked + self.ttl_s
        return True

    async def keep(self) -> bool:
        """`renew`, but an unreachable Redis is no loss as long as our own clock still covers the lease."""
        try:
            return await self.renew()
        except REDIS_AWAY:
            return self.remaining_s > 0.0

    async def release(self) -> bool:
        """Give it up at once, so that another need not wait for the TTL; False when it was not ours any more."""
        if self.token is None:
            return False
        token, self.token = self.token, None
        return bool(await self._release(keys=[self._key], args=[token]))

    @property
    def _ttl_ms(self) -> int:
        return max(1, int(self.ttl_s * 1000))


def holder(client: SyncRedis, kind: str, name: str) -> Holder | None:
    """Who holds the lease now, or None."""
    key = keys.lease(kind, name)
    with client.pipeline(transaction=True) as pipe:
        pipe.get(key)
        pipe.pttl(key)
        held, ttl_ms = cast("tuple[Any, int]", pipe.execute())
    return _parse(held, ttl_ms)


async def aholder(client: AsyncRedis, kind: str, name: str) -> Holder | None:
    """Who holds the lease now, or None (for asyncio)."""
    key = keys.lease(kind, name)
    async with client.pipeline(transaction=True) as pipe:
        pipe.get(key)
        pipe.pttl(key)
        held, ttl_ms = cast("tuple[Any, int]", await pipe.execute())
    return _parse(held, ttl_ms)


def _parse(held: str | bytes | None, ttl_ms: int) -> Holder | None:
    if held is None:
        return None
    try:
        found = msgspec.json.decode(held, type=Holder)
    except msgspec.ValidationError as error:
        raise ResponseError(f"a lease was expected to hold owner and token, found {held!r}") from error
    return msgspec.structs.replace(found, ttl_s=max(0, ttl_ms) / 1000)
