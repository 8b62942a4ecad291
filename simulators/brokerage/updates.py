"""What a venue tells its account streams, and the faults that strike on the way."""

import heapq
from collections.abc import Callable
from enum import StrEnum

import msgspec

from simulators.brokerage.account import Account, Holding
from simulators.brokerage.faults import OrderFaults
from simulators.brokerage.orders import Execution, SimOrder


class Kind(StrEnum):
    """What happened."""

    ORDER = "order"  # its state changed without a fill
    FILL = "fill"
    POSITION = "position"
    BALANCE = "balance"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one account. `order` and `holding` are copies as of then."""

    kind: Kind
    account: Account
    ts: int  # by the venue's clock
    order: SimOrder | None = None
    execution: Execution | None = None
    holding: Holding | None = None


Listener = Callable[[Update], None]


class Telling:
    """Hands updates to listeners, at once where no fault acts. `clock` is in seconds."""

    def __init__(self, faults: OrderFaults, *, clock: Callable[[], float]) -> None:
        self.listeners: list[Listener] = []
        self._faults = faults
        self._clock = clock
        self._held: list[tuple[float, int, Update]] = []
        self._told = 0

    def tell(self, update: Update) -> None:
        for _ in range(self._copies(update)):
            delay_s = self._delay_s(update)
            if delay_s or self._held:
                self._told += 1
                heapq.heappush(self._held, (self._due(delay_s), self._told, update))
            else:
                self._send(update)

    def release(self) -> None:
        """Tell what is due."""
        now = self._clock()
        while self._held and self._held[0][0] <= now:
            self._send(heapq.heappop(self._held)[2])

    def _copies(self, update: Update) -> int:
        symbol = update.order.symbol if update.order else ""
        if self._faults.hit("drop_events", symbol=symbol):
            return 0
        is_fill = update.kind is Kind.FILL
        if is_fill and self._faults.hit("duplicate_fill", symbol=symbol):
            return 2
        return 2 if self._faults.hit("duplicate_events", symbol=symbol) else 1

    def _delay_s(self, update: Update) -> float:
        symbol = update.order.symbol if update.order else ""
        late = self._faults.hit("late_events", symbol=symbol)
        overtaken = self._faults.hit("reorder_events", symbol=symbol)
        delay_s = late.delay_s if late else 0.0
        return delay_s + (overtaken.delay_s * self._faults.random("reorder_events") if overtaken else 0.0)

    def _due(self, delay_s: float) -> float:
        return self._clock() + delay_s

    def _send(self, update: Update) -> None:
        for listener in tuple(self.listeners):
            listener(update)
