"""When an order may trade at a simulated venue, and when its day is over."""

from engine.model.enums import TimeInForce
from engine.model.time import to_datetime
from simulators.brokerage.faults import OrderFaults
from simulators.brokerage.listed import Listed
from simulators.brokerage.orders import SimOrder, State, Ticket
from simulators.sessions import NEW_YORK

_EARLY_CLOSE_HOUR = 13


class TradingHours:
    """The market's sessions, shortened by the fault `half_day`."""

    def __init__(self, faults: OrderFaults, *, always_open: bool) -> None:
        self._faults = faults
        self._always_open = always_open

    def is_open(self, listed: Listed, ticket: Ticket, ts: int) -> bool:
        if self._is_cut_short(ts) or listed.has_expired(ts):
            return False
        return listed.is_open(ts, extended=ticket.extended or ticket.tif is TimeInForce.EXTENDED)

    def has_expired(self, listed: Listed, ts: int) -> bool:
        """On a day that is cut short, what expires that day expires with it."""
        if listed.has_expired(ts):
            return True
        today = to_datetime(ts).astimezone(NEW_YORK).date()
        return listed.contract is not None and listed.contract.expiry <= today and self._is_cut_short(ts)

    def has_ended(self, listed: Listed, order: SimOrder, now: int) -> bool:
        """Whether the order's day is over. One placed while the market is closed waits for the next session."""
        if self.has_expired(listed, now):
            return True
        if order.ticket.tif is TimeInForce.GTC or order.state is not State.WORKING:
            return False
        return not self.is_open(listed, order.ticket, now)

    def _is_cut_short(self, ts: int) -> bool:
        if not self._faults.active("half_day"):
            return False
        return self._always_open or _EARLY_CLOSE_HOUR <= to_datetime(ts).astimezone(NEW_YORK).hour < 18
