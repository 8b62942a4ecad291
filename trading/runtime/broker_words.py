"""How long orders wait for a broker's first word: from the engine's decision, by our own clock."""

import time
from collections.abc import Iterable

from engine.model.event import Event
from engine.model.orders import ApprovedOrder, OrderAccepted, OrderCancelled, OrderFilled, OrderRejected, OrderSubmitted
from trading.runtime.latency import Latency

_WORDS = (OrderAccepted, OrderFilled, OrderRejected)
_MOST = 10_000  # that wait at a time: what is never sent must not be remembered for ever


class BrokerWords:
    """`latency` has the commit of the decision, the checks before sending, the commit of the sending, and the call.
    An order that was never sent counts for nothing; one that had to wait for another counts with its wait."""

    def __init__(self) -> None:
        self.latency = Latency()
        self._decided: dict[str, float] = {}
        self._sent: dict[str, float] = {}

    def note(self, outputs: Iterable[Event]) -> None:
        """The engine has decided, or been told, this."""
        for output in outputs:
            if isinstance(output, ApprovedOrder):
                self._decide(output.order.client_id)
            elif isinstance(output, OrderSubmitted):
                if output.client_id in self._decided:
                    self._sent[output.client_id] = self._decided.pop(output.client_id)
            elif isinstance(output, (*_WORDS, OrderCancelled)):
                self._hear(output)

    def _decide(self, client_id: str) -> None:
        self._decided[client_id] = time.monotonic()
        if len(self._decided) > _MOST:
            del self._decided[next(iter(self._decided))]

    def _hear(self, told: OrderAccepted | OrderFilled | OrderRejected | OrderCancelled) -> None:
        self._decided.pop(told.client_id, None)
        decided = self._sent.pop(told.client_id, None)
        if decided is not None and isinstance(told, _WORDS):
            self.latency.add((time.monotonic() - decided) * 1_000)
