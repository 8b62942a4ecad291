"""Orders while the database goes away: the campaign of `orders` on a PostgreSQL that is made to crash again and again.

Every few seconds it ends at once, with every connection and whatever was not committed, and comes back a moment later.
Traders end by it and take their books over again; in the end every order is held against what the venue has.
"""

import random
import threading
from typing import Any

from tests.chaos import orders
from tests.conftest import free_port
from tests.postgres import PostgresServer


def run(*, runs: int, seed: int) -> dict[str, Any]:
    """`runs` books; the document of what was found."""
    server = PostgresServer(free_port())
    server.start()
    crashes = _Crashes(server, random.Random(seed))
    try:
        crashes.start()
        found = orders.campaigns(runs=runs, seed=seed, TEST_DATABASE_URL=server.url, CHAOS_DATABASE_AWAY="1")
    finally:
        crashes.end()
        server.stop()
    if not crashes.count:
        found["failures"].append("the database never crashed: this proved nothing")
    return {**found, "passed": not found["failures"], "crashes": crashes.count}


class _Crashes(threading.Thread):
    """Lets the server crash from time to time."""

    def __init__(self, server: PostgresServer, rng: random.Random) -> None:
        super().__init__(name="crashes", daemon=True)
        self.count = 0
        self._server = server
        self._rng = rng
        self._over = threading.Event()

    def run(self) -> None:
        self._over.wait(20.0)  # the tables are being made
        while not self._over.wait(self._rng.uniform(1.0, 8.0)):
            self._server.crash()
            self._over.wait(self._rng.uniform(0.0, 2.0))
            self._server.again()
            self.count += 1

    def end(self) -> None:
        self._over.set()
        self.join()
