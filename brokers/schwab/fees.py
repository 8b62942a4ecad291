"""What Schwab charged: its orders do not tell, its list of transactions does."""

import logging
from collections.abc import Iterable
from decimal import Decimal

from brokers.asking import NO_ANSWER
from brokers.schwab.client import SchwabClient
from brokers.schwab.documents import ZERO, OrderDoc, TransactionDoc, read_transactions
from brokers.schwab.translate import stamp
from engine.model.time import NS_PER_DAY

logger = logging.getLogger(__name__)

_MAX_ASKED = 3  # times that an order's fees are looked for; a transaction may come later than its execution
_REMEMBERED = 2_000  # orders


class Fees:
    """Puts the fee of each share or contract on orders that traded, as far as Schwab tells it by then. What it books
    later is seen where the account's money is compared."""

    def __init__(self, client: SchwabClient, path: str) -> None:
        """`path` is that of the account."""
        self._client = client
        self._path = f"{path}/transactions"
        self._units: dict[int, Decimal] = {}
        self._asked: dict[int, int] = {}

    async def put(self, docs: Iterable[OrderDoc], *, now: int) -> None:
        """`now` is the venue's time; a question that is not answered leaves the fees unknown, which is 0."""
        traded = [doc for doc in docs if doc.executions]
        unknown = [doc for doc in traded if self._asked.get(doc.order_id, 0) < _MAX_ASKED and not self._is_known(doc)]
        if unknown:
            await self._learn(min(each.ts for doc in unknown for each in doc.executions), now)
            for doc in unknown:
                self._asked[doc.order_id] = self._asked.get(doc.order_id, 0) + 1
        for doc in traded:
            doc.unit_fee = self._units.get(doc.order_id, ZERO)

    def _is_known(self, doc: OrderDoc) -> bool:
        return doc.order_id in self._units

    async def _learn(self, since: int, now: int) -> None:
        params = {"startDate": stamp(since - NS_PER_DAY), "endDate": stamp(now + NS_PER_DAY), "types": "TRADE"}
        try:
            found = read_transactions((await self._client.send("GET", self._path, params=params)).content)
        except NO_ANSWER as error:
            logger.warning("what was charged is not known: %s", error.detail)
            return
        self._units |= charged_unit_fees(found)
        while len(self._units) > _REMEMBERED:
            del self._units[next(iter(self._units))]


def charged_unit_fees(transactions: Iterable[TransactionDoc]) -> dict[int, Decimal]:
    """What each share or contract of an order cost, by the order."""
    totals: dict[int, tuple[Decimal, Decimal]] = {}
    for each in transactions:
        fees = sum((abs(item.cost) for item in each.transfer_items if item.fee_type), ZERO)
        traded = sum((abs(item.amount) for item in each.transfer_items if not item.fee_type), ZERO)
        fee, quantity = totals.get(each.order_id, (ZERO, ZERO))
        totals[each.order_id] = (fee + fees, quantity + traded)
    return {name: fee / quantity for name, (fee, quantity) in totals.items() if name and quantity}
