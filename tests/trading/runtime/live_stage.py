"""A book with one account at a fake venue, run by the real loop; it can be killed and taken over."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.core import Engine, EngineConfig
from engine.instruments.sessions import is_open
from engine.model.accounts import AccountChecked, AccountState
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.orders import ApprovedOrder, Order
from engine.model.time import from_datetime
from engine.orders.lifecycle import OrderRecord
from engine.strategy.slot import SlotConfig
from infra.cancelling import cancel
from tests.engine.scenario import INSTRUMENTS, STRATEGIES, bars
from tests.trading.runtime.fake_venue import FakeVenue
from tests.waiting import DEADLINE_S
from trading.runtime.account import Account, Permission, Verdict
from trading.runtime.gateway import Gateway
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.inquiry import Inquiry
from trading.runtime.live import BrokerDesk, Outbox
from trading.runtime.pacing import Pacing
from trading.runtime.policy import ExecutionPolicy
from trading.runtime.reconcile import Reconciler
from trading.runtime.runner import Ended, Runner
from trading.runtime.watch import AccountWatch

T = TypeVar("T")
OPEN = from_datetime(datetime(2026, 11, 18, 15, 0, tzinfo=UTC))  # a Wednesday, half an hour after the opening
is_open("XNYS", OPEN)  # loads the calendar now: a trader does so before it trades
QUICK = ExecutionPolicy(
    answer_s=0.5, never_came_after_s=0.3, confirm_cancel_s=0.1, poll_s=0.1, check_every_s=0.3, recheck_s=0.05
)


class FakeLocks:
    """Open, unless a test says otherwise."""

    def __init__(self) -> None:
        self.permission = Permission(Verdict.GO)
        self.has_lease = True

    async def ask(self, order: Order) -> Permission:
        return self.permission

    def holds_lease(self) -> bool:
        return self.has_lease


class MemoryJournal:
    """What was committed, and the state that goes with it; `is_stuck` keeps commits from ending."""

    def __init__(self) -> None:
        self.facts: list[Event] = []
        self.inputs: list[Any] = []
        self.state: bytes | None = None
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def append(self, *, outputs: tuple[Event, ...], state: bytes, inputs: tuple[Any, ...] = (), **_: Any) -> None:
        await self.may_commit.wait()
        await asyncio.sleep(0)
        self.facts += outputs
        self.inputs += inputs
        self.state = state


class Stage:
    """`Stage(slots…)`, `await start()`, `await play(bars…)`, `await until(…)`; `await kill()` and start again."""

    instruments = INSTRUMENTS
    strategies = STRATEGIES

    def __init__(
        self,
        *slots: SlotConfig,
        venue: FakeVenue | None = None,
        venues: dict[str, FakeVenue] | None = None,
        policy: ExecutionPolicy = QUICK,
        **config: Any,
    ) -> None:
        self.venues = venues or {"sim": venue or FakeVenue()}
        self.venue = next(iter(self.venues.values()))
        self.locks = FakeLocks()
        self.policy = policy
        self.journal = MemoryJournal()
        self.alerts: list[tuple[str, str]] = []
        self.config = EngineConfig(run="t0", slots=slots, instruments=self.instruments, **config)
        self.pacing: Pacing | None = None
        self._began = time.monotonic_ns()
        self._lives = 0
        self.others: list[asyncio.Task[None]] = []
        self.reconciler: Reconciler

    def now_ns(self) -> int:
        return OPEN + time.monotonic_ns() - self._began

    async def start(
        self, *, is_green: bool = True, reconciles: bool = False, orders: Iterable[OrderRecord] = ()
    ) -> "Stage":
        """Begin, or take over what was committed last. The account is said to be green, or compared for real."""
        self._lives += 1
        self._born = len(self.journal.facts)
        self.engine = Engine(self.config, strategies=self.strategies)
        self.desk = BrokerDesk(self.engine, accounts=self.venues, now=self.now_ns())
        if self.journal.state is not None:
            self.desk.restore(self.journal.state)
        self.desk.begin((), orders)
        self.outbox = Outbox(lambda what, text: self.alerts.append((what, text)))
        self.accounts = {
            name: Account(
                name=name, venue=venue, engine=self.engine, outlet=self.outbox, locks=self.locks, policy=self.policy,
                pacing=self.pacing, now_ns=self.now_ns,
            )
            for name, venue in self.venues.items()
        }  # fmt: skip
        inquiries = {name: Inquiry(account) for name, account in self.accounts.items()}
        gateways = {name: Gateway(account, inquiries[name]) for name, account in self.accounts.items()}
        self.account, self.inquiry = next(iter(self.accounts.values())), next(iter(inquiries.values()))
        self.gateway = next(iter(gateways.values()))
        self.desk.connect(gateways)
        self.inbox = Inbox()
        self.inbox.attach("broker", self.outbox.read)
        self.stop = False
        self.runner = Runner(
            desk=self.desk, inbox=self.inbox, journal=self.journal, cursors={}, must_end=self._must_end,
            rewarm=self._nothing, show=self._nothing, slot_timeframes={}, now_ns=self.now_ns,
        )  # fmt: skip
        self.loop = asyncio.create_task(self.runner.run())
        self.others = []
        for name, gateway in gateways.items():
            gateway.recover()
            reconciler = Reconciler(self.accounts[name], inquiries[name], gateway)
            self.reconciler = reconciler if gateway is self.gateway else self.reconciler
            if reconciles:
                watch = AccountWatch(self.accounts[name], inquiries[name], reconciler)
                self.others += [asyncio.create_task(reconciler.run()), asyncio.create_task(watch.run())]
        if not reconciles:
            self.others = [asyncio.create_task(self._listen())]
            if is_green:
                await self.green()
        return self

    @property
    def state(self) -> str:
        """What the engine knows of the account."""
        return self.engine.checks["sim"].state

    async def until_checked(self, state: AccountState) -> AccountChecked:
        """Wait until the account was compared since the start, with that result."""

        def is_met() -> bool:
            seen = self._checks()
            return bool(seen) and seen[-1].state is state and not seen[-1].reason.startswith("not compared")

        await self.until(is_met, f"the account is {state}")
        return self.last_check()

    def last_check(self) -> AccountChecked:
        return self._checks()[-1]

    def _checks(self) -> list[AccountChecked]:
        return [fact for fact in self.journal.facts[self._born :] if isinstance(fact, AccountChecked)]

    async def _listen(self) -> None:
        async for update in self.venue.updates():
            if hasattr(update, "fill"):
                self.inquiry.told_fill(update.fill)
            elif hasattr(update, "order"):
                self.inquiry.told(update.order)

    async def green(self) -> None:
        await self.give(AccountChecked(self.now_ns(), "sim", f"green-{self._lives}", AccountState.GREEN))
        await self.until(lambda: self.gateway.hold is None, "the account is green")

    async def kill(self) -> None:
        """End at once: what is not committed is lost, no call is waited for."""
        for task in (*self.others, self.loop):
            await cancel(task)
        for account in self.accounts.values():
            await account.errands.close(patience_s=0)
        await self.inbox.close()

    async def close(self) -> None:
        self.journal.may_commit.set()
        await self.kill()

    async def give(self, *events: Event) -> None:
        await self.inbox.put(Delivery(events=events, cursors={}))

    async def play(self, closes: Sequence[float], *, start: int = 1, symbol: str = "SPY") -> None:
        await self.give(*(_later(bar) for bar in bars(closes, symbol=symbol, start=start)))

    async def until(self, is_met: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_met():
            if self.loop.done():
                self.loop.result()
            assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}; {self.journal.facts}"
            await asyncio.sleep(0.005)

    async def quiet(self, seconds: float = 0.15) -> None:
        """Give what must not happen the time in which it would."""
        await asyncio.sleep(seconds)

    # ---- looking ------------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        return [fact for fact in self.journal.facts if type(fact) is kind]

    def approved(self) -> list[Order]:
        return [fact.order for fact in self.of(ApprovedOrder)]

    def held(self, symbol: str = "SPY", strategy: str = "scripted") -> Decimal:
        return self.engine.ledger.position(strategy, symbol, "sim").quantity

    def _must_end(self) -> Ended | None:
        return Ended.STOPPED if self.stop else None

    async def _nothing(self, _: object) -> None: ...


def _later(bar: Bar) -> Bar:
    return msgspec.structs.replace(bar, ts=bar.ts + OPEN, ts_open=bar.ts_open + OPEN)
