"""Keeps a lease from a thread of its own: a loop that is busy for seconds does not lose it, one that hangs does."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from infra.redis.client import REDIS_AWAY, AsyncRedis, sync_twin
from infra.redis.leases import Lease

logger = logging.getLogger(__name__)

HANGS_AFTER_S = 30.0


class LeaseThread:
    """Renews `lease` three times in its TTL for as long as the running event loop takes turns.

    A loop that has not taken one for `hangs_after_s` does no work that a lease should protect: it is given up then, so
    that another process can take over. `on_lost` is called in the loop when the lease is not ours any more.
    """

    def __init__(
        self,
        client: AsyncRedis,
        lease: Lease,
        *,
        on_lost: Callable[[], None],
        hangs_after_s: float = HANGS_AFTER_S,
    ) -> None:
        self.longest_pause_s = 0.0  # that the loop took between two turns, as far as it was looked at
        self._client = sync_twin(client, timeout_s=max(0.5, lease.ttl_s / 3))
        self._lease = lease
        self._on_lost = on_lost
        self._hangs_after_s = hangs_after_s
        self._loop = asyncio.get_running_loop()
        self._turn = time.monotonic()
        self._is_asked = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"lease {lease.kind}:{lease.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End without giving the lease back; waits for a renewal that is under way."""
        self._stop.set()
        self._thread.join(timeout=self._lease.ttl_s)
        self._client.close()

    def _work(self) -> None:
        pause_s = self._lease.ttl_s / 3
        while not self._stop.wait(pause_s):
            if not self._loop_turns():
                logger.error(
                    "the loop of %s has hung for %.0f s: its lease ends", self._lease.name, self._hangs_after_s
                )
                return
            if not self._keep() and not self._stop.is_set():
                self._tell(self._on_lost)
                return

    def _keep(self) -> bool:
        """Renew; an unreachable Redis is no loss as long as our own clock still covers the lease."""
        try:
            return self._lease.renew_now(self._client)
        except REDIS_AWAY:
            return self._lease.remaining_s > 0.0

    def _loop_turns(self) -> bool:
        """Whether the loop has taken a turn lately; asks it for another."""
        paused_s = time.monotonic() - self._turn
        if not self._is_asked:
            self._is_asked = True
            self._tell(self._turned)
        return paused_s < self._hangs_after_s

    def _turned(self) -> None:
        now = time.monotonic()
        self.longest_pause_s = max(self.longest_pause_s, now - self._turn - self._lease.ttl_s / 3)
        self._turn, self._is_asked = now, False

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self._stop.set()
