"""Listens to an account's stream: what it tells of our orders, and that it is down."""

import asyncio
import logging

from brokers.venue import AccountUpdate, FillReported, OrderReported, StreamLost, StreamRestored
from engine.errors import FortifiedError
from infra.backoff import Backoff
from trading.runtime.account import Account
from trading.runtime.inquiry import Inquiry
from trading.runtime.reconcile import Reconciler

logger = logging.getLogger(__name__)


class AccountWatch:
    """While the stream is down the comparison takes over, every few seconds; after it everything is asked for again."""

    def __init__(self, account: Account, inquiry: Inquiry, reconciler: Reconciler) -> None:
        self._account = account
        self._inquiry = inquiry
        self._reconciler = reconciler

    async def run(self) -> None:
        """For ever."""
        backoff = Backoff(base_s=0.5, cap_s=30.0)
        while True:
            try:
                async for update in self._account.venue.updates():
                    backoff.reset()
                    self.take(update)
                self._lost("the stream ended")
            except FortifiedError as error:
                self._lost(error.detail)
            except Exception as error:
                logger.exception("%s: the account stream broke", self._account.name)
                self._lost(f"{type(error).__name__}: {error}")
            await asyncio.sleep(backoff.next_delay())

    def take(self, update: AccountUpdate) -> None:
        """One message of the stream."""
        if isinstance(update, OrderReported):
            self._inquiry.told(update.order)
        elif isinstance(update, FillReported):
            self._inquiry.told_fill(update.fill)
        elif isinstance(update, StreamLost):
            self._lost(update.reason)
        elif isinstance(update, StreamRestored):
            self._reconciler.is_stream_up = True
            self._reconciler.request("reconnect")

    def _lost(self, reason: str) -> None:
        if self._reconciler.is_stream_up:
            self._account.outlet.alert("stream_lost", f"{self._account.name}: {reason}; it is asked instead")
        self._reconciler.is_stream_up = False
        self._reconciler.request("activity")
