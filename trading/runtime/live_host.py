"""The brokers' side of a running book: venues, gateways, comparisons and account streams, begun and ended with it."""

import asyncio
import logging
from decimal import Decimal
from typing import Any

from django.db import DatabaseError

from brokers.connections import venue_of
from brokers.venue import NotAuthorized
from engine.errors import FortifiedError
from engine.instruments.futures import ROOTS
from engine.instruments.sessions import is_open
from engine.model.enums import Side
from engine.model.orders import Order
from engine.risk.gate import adds_exposure
from infra import broadcast
from infra.backoff import Backoff
from infra.cancelling import cancel
from infra.notices import tell
from infra.orm import in_database
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis
from infra.redis.leases import Lease, aholder
from trading import notices
from trading.models import Alarm
from trading.runtime import accounts
from trading.runtime.account import Account, Permission, Verdict
from trading.runtime.gateway import Gateway
from trading.runtime.inbox import Inbox
from trading.runtime.inquiry import Inquiry
from trading.runtime.live import BrokerDesk, Outbox
from trading.runtime.policy import ExecutionPolicy
from trading.runtime.reconcile import Reconciler
from trading.runtime.watch import AccountWatch

logger = logging.getLogger(__name__)

GO = Permission(Verdict.GO)


class BookLocks:
    """What must be open for an order to leave: our lease, no halt (for entries), an account that a person armed."""

    def __init__(self, client: AsyncRedis, lease: Lease, *, book: str) -> None:
        self._client = client
        self._lease = lease
        self._book = book

    def holds_lease(self) -> bool:
        return self._lease.remaining_s > 0

    async def ask(self, order: Order) -> Permission:
        if not self.holds_lease():
            return Permission(Verdict.LOST, "the lease of the book ran out")
        try:
            held = await aholder(self._client, self._lease.kind, self._lease.name)
            halt = await self._client.get(keys.halt(self._book))
        except REDIS_AWAY:
            # The lease holds by our own clock for a few seconds yet: long enough for an exit, no reason for an entry.
            if adds_exposure(order):
                return Permission(Verdict.WAIT, "Redis does not answer: whether the book is halted is not known")
            halt = None
        else:
            if held is None or held.token != self._lease.token:
                return Permission(Verdict.LOST, "another process owns the book")
        if halt is not None and adds_exposure(order):
            return Permission(Verdict.REFUSE, f"the book is halted: {_text(halt)}", "kill_switch")
        return await self._armed(order)

    async def _armed(self, order: Order) -> Permission:
        try:
            reason = await in_database(accounts.unarmed_reason)(order.broker)
        except DatabaseError as error:
            return Permission(Verdict.WAIT, f"whether the account is armed cannot be read: {error}")
        if not reason:
            return GO
        # An exit is not given up: it waits for a person to arm the account again, and people are told.
        return Permission(Verdict.REFUSE if adds_exposure(order) else Verdict.WAIT, reason, "not_armed")


class BrokerSide:
    """Everything of a book that talks to brokers. `start` returns at once: an account that cannot be opened is unknown,
    and nothing is entered there, while the others trade."""

    def __init__(
        self, *, book: str, book_id: int, desk: BrokerDesk, client: AsyncRedis, lease: Lease, policy: ExecutionPolicy
    ) -> None:
        self._book = book
        self._book_id = book_id
        self._desk = desk
        self._locks = BookLocks(client, lease, book=book)
        self._policy = policy
        self._outbox = Outbox(self._alarm)
        self._gateways: dict[str, Gateway] = {}
        self._accounts: dict[str, Account] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, inbox: Inbox, *, names: tuple[str, ...]) -> None:
        """Begin with the accounts of these names; what they tell goes into `inbox`."""
        self._desk.connect(self._gateways)
        inbox.attach("broker", self._outbox.read)
        for name in names:
            self._task(self._run(name))

    async def close(self) -> None:
        """No new calls; those under way may end, what comes of them is asked for at the next start."""
        await asyncio.gather(*(account.errands.close(patience_s=5.0) for account in self._accounts.values()))
        for task in list(self._tasks):
            await cancel(task)
        for name, account in self._accounts.items():
            try:
                await asyncio.wait_for(account.venue.close(), 5.0)
            except (TimeoutError, FortifiedError, OSError) as error:
                logger.warning("%s: closing the connection: %s", name, error)

    def _account(self, name: str) -> Account:
        return Account(
            name=name,
            venue=venue_of(accounts.real_account(name), contracts=self._contracts()),
            engine=self._desk.engine,
            outlet=self._outbox,
            locks=self._locks,
            policy=self._policy,
        )

    def _contracts(self) -> list[str]:
        """Futures that the book trades by a contract's name; elsewhere a root stands for the active one."""
        symbols = self._desk.engine.config.instruments
        return [symbol for symbol in symbols if symbol.startswith("/") and symbol.removeprefix("/") not in ROOTS]

    async def _run(self, name: str) -> None:
        """Open the account, take up what a predecessor left, then compare and listen for as long as the book runs."""
        account = await self._open(name)
        await asyncio.to_thread(rehearse, account)
        inquiry = Inquiry(account)
        gateway = Gateway(account, inquiry)
        reconciler = Reconciler(account, inquiry, gateway)
        gateway.set_hold(account.engine.gate.holds.get(account.name))
        self._gateways[account.name] = gateway
        gateway.recover()
        self._task(AccountWatch(account, inquiry, reconciler).run())
        await reconciler.run()

    async def _open(self, name: str) -> Account:
        """The account, as soon as it can be made and opened; people are told what keeps it."""
        backoff, told = Backoff(base_s=0.5, cap_s=30.0), ""
        while True:
            try:
                account = self._accounts.get(name) or await in_database(self._account)(name)
                self._accounts[name] = account
                await account.venue.open()
                return account
            except NotAuthorized as error:
                reason = f"{name}: it does not accept our login ({error.detail}); connect it again"
            except (FortifiedError, OSError, DatabaseError) as error:
                reason = f"{name}: it cannot be opened: {error}"
            if reason != told:
                self._outbox.alert("account_closed", reason)
                told = reason
            await asyncio.sleep(backoff.next_delay())

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # The account stays as it was last known to the engine; a comparison that ended must not look alive.
            logger.critical("book %s: the brokers' side broke", self._book, exc_info=error)
            self._outbox.fail(error)

    def _alarm(self, what: str, text: str) -> None:
        self._task(tell_alarm(self._book, self._book_id, what, text))


def rehearse(account: Account) -> None:
    """Go through what the first order of each symbol will need, so that it does not wait for calendars and imports."""
    for instrument in account.engine.config.instruments.values():
        order = Order("rehearsal", "", instrument.symbol, account.name, Side.BUY, Decimal(1))
        is_open(instrument.calendar, account.now_ns())
        try:
            account.venue.request_for(order, instrument)
        except FortifiedError as error:
            logger.info("%s: an order in %s would be refused: %s", account.name, instrument.symbol, error.detail)


async def tell_alarm(book: str, book_id: int, what: str, text: str) -> None:
    """An alarm for those who look now, and for those who look later."""
    broadcast.broadcast(keys.book_group(book), "alarm", {"what": what, "text": text})
    await in_database(keep_alarm)(book_id, what, text)


def keep_alarm(book_id: int, what: str, text: str) -> None:
    """The alarm for those who look later. One that cannot be kept was logged and broadcast, and ends nothing."""
    try:
        alarm = Alarm.objects.create(book_id=book_id, what=what[:32], text=text[:1000])
        tell(notices.of_alarm(alarm.book.name, what, text))
    except DatabaseError:
        logger.exception("an alarm could not be kept: %s", text)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
