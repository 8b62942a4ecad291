"""What happens to the account, as a stream: made of what the gateway tells unasked, in an order that adds up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from brokers.asking import ToldFills
from brokers.ibkr.documents import OrderDoc
from brokers.ibkr.line import Line
from brokers.venue import (
    AccountUpdate,
    FillReported,
    NotUnderstood,
    OrderReported,
    StreamLost,
    StreamRestored,
    VenueFill,
    VenueOrder,
)

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0  # so long an execution, its costs or a reason may be behind the status that counts them
_QUEUED = 10_000

Render = Callable[[Line, OrderDoc], VenueOrder]
RenderFills = Callable[[Line, int], list[VenueFill]]


class Stream:
    """Tells executions before the status that counts them, with what they cost; waits for either, but not for long.

    `order` and `fills` translate. The queue is bounded: a reader that falls so far behind is told that it lost the
    stream and has it again, so that it looks for itself.
    """

    def __init__(self, order: Render, fills: RenderFills) -> None:
        self._order = order
        self._fills = fills
        self._told = ToldFills()
        self._last: dict[int, OrderDoc] = {}
        self._late: dict[int, asyncio.TimerHandle] = {}
        self._queue: asyncio.Queue[AccountUpdate] | None = None
        self._state: StreamRestored | StreamLost | None = None

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        self._queue = asyncio.Queue(_QUEUED)
        if self._state is not None:
            self._queue.put_nowait(self._state)
        while True:
            yield await self._queue.get()

    # ---- the line ----------------------------------------------------------------------------------------------

    def restored(self) -> None:
        """A connection is up: another one's orders are told anew."""
        self._forget()
        self._change(StreamRestored())

    def lost(self, reason: str) -> None:
        """Told once for each loss."""
        self._forget()
        if not isinstance(self._state, StreamLost):
            self._change(StreamLost(reason))

    def _change(self, state: StreamRestored | StreamLost) -> None:
        self._state = state
        self._put(state)

    def _forget(self) -> None:
        for timer in self._late.values():
            timer.cancel()
        self._late.clear()
        self._last.clear()

    # ---- orders ------------------------------------------------------------------------------------------------

    def changed(self, line: Line, perm_id: int) -> None:
        """Something about an order was told: pass it on as soon as it adds up."""
        doc = line.ledger.orders.get(perm_id)
        if doc is None or not line.ledger.is_told(doc) or (doc.status == "Inactive" and not doc.reason):
            if perm_id not in self._late:
                later = asyncio.get_running_loop().call_later(PATIENCE_S, self._pass_on, line, perm_id)
                self._late[perm_id] = later
        else:
            self._pass_on(line, perm_id)

    def _pass_on(self, line: Line, perm_id: int) -> None:
        timer = self._late.pop(perm_id, None)
        if timer is not None:
            timer.cancel()
        line.ledger.assume_no_costs(line.ledger.uncharged(perm_id))
        doc = line.ledger.orders.get(perm_id)
        try:
            for fill in self._fills(line, perm_id):
                if self._told.is_new(fill):
                    self._put(FillReported(fill))
            if doc is not None and self._last.get(perm_id) != doc:
                self._last[perm_id] = doc
                self._put(OrderReported(self._order(line, doc)))
        except NotUnderstood as error:
            logger.warning("news of order %s are left to polling: %s", perm_id, error.detail)

    def _put(self, update: AccountUpdate) -> None:
        if self._queue is None:
            return
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(StreamLost("its reader did not keep up"))
            self._queue.put_nowait(self._state or StreamRestored())
        self._queue.put_nowait(update)
