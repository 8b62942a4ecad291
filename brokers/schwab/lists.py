"""The orders of one Schwab account, as its lists tell them."""

import time

from brokers.schwab.client import SchwabClient
from brokers.schwab.documents import OrderDoc, flat, read_order, read_orders
from brokers.schwab.fees import Fees
from brokers.schwab.translate import OPEN_STATUSES, is_open, stamp
from brokers.venue import NotUnderstood
from engine.model.time import NS_PER_DAY

_MAX_RESULTS = 3_000
_LONGEST_NS = 359 * NS_PER_DAY  # Schwab answers for a year at most
_OLD_ORDERS_NS = 180 * NS_PER_DAY  # an order good till cancelled lives that long
_LOOK_FOR_OLD_S = 900.0  # how often orders from before the window of a question are looked for


class OrderLists:
    """Schwab lists orders by when they were entered, whatever became of them later. Times are by the venue's clock."""

    def __init__(self, client: SchwabClient, path: str) -> None:
        """`path` is that of the account."""
        self._client = client
        self._path = f"{path}/orders"
        self._fees = Fees(client, path)
        self._open_names: set[str] = set()  # orders last seen open
        self._looked_for_old = -_LOOK_FOR_OLD_S

    async def since(self, start: int, *, now: int) -> list[OrderDoc]:
        """Every order that is open or may have changed since `start`: those entered since the day before, and one by
        one those that were open before."""
        first = max(start - NS_PER_DAY, now - _LONGEST_NS)
        found = {str(doc.order_id): doc for doc in await self.entered(first, now=now)}
        await self._look_for_old(now)
        for name in self._open_names - found.keys():
            found[name] = await self.read(name)
        self._open_names = {name for name, doc in found.items() if is_open(doc)}
        return list(found.values())

    async def entered(self, start: int, *, now: int, status: str = "") -> list[OrderDoc]:
        """Those entered since `start`, each alone, with the name of its group."""
        params = {
            "fromEnteredTime": stamp(start),
            "toEnteredTime": stamp(now + NS_PER_DAY),
            "maxResults": str(_MAX_RESULTS),
            **({"status": status} if status else {}),
        }
        docs = read_orders((await self._client.send("GET", self._path, params=params)).content)
        if len(docs) >= _MAX_RESULTS:
            raise NotUnderstood(f"{self._path}: the list is cut off at {_MAX_RESULTS} orders")
        found = [doc for doc in flat(docs) if doc.entered_ts >= start]
        await self._fees.put(found, now=now)
        return found

    async def read(self, name: str) -> OrderDoc:
        doc = read_order((await self._client.send("GET", f"{self._path}/{name}")).content)
        await self._fees.put([doc], now=self._client.clock.now())
        return doc

    async def of_group(self, name: str) -> list[OrderDoc]:
        """The orders inside an OCO, each alone."""
        return list(flat([await self.read(name)]))

    async def _look_for_old(self, now: int) -> None:
        """Find open orders from long ago, from time to time: others may have placed them."""
        if time.monotonic() - self._looked_for_old < _LOOK_FOR_OLD_S:
            return
        for status in OPEN_STATUSES:
            for doc in await self.entered(now - _OLD_ORDERS_NS, now=now, status=status):
                self._open_names.add(str(doc.order_id))
        self._looked_for_old = time.monotonic()
