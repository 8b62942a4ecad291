"""What talks to brokers begins and ends with the book; an account that cannot be opened keeps no other from trading."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from brokers.models import BrokerAccount
from brokers.venue import NotAuthorized
from engine.core import Engine, EngineConfig
from engine.model.accounts import AccountState
from infra.redis.client import aclose_clients, async_client
from infra.redis.leases import Lease
from tests.engine.scenario import INSTRUMENTS, STRATEGIES, slot
from tests.trading.people import book
from tests.trading.runtime.fake_venue import FakeVenue
from tests.trading.runtime.live_stage import QUICK
from tests.waiting import DEADLINE_S
from trading.models import Alarm
from trading.runtime import live_host
from trading.runtime.inbox import Inbox
from trading.runtime.live import BrokerDesk, Outbox
from trading.runtime.live_host import BrokerSide

pytestmark = pytest.mark.django_db(transaction=True)


class Closed(FakeVenue):
    async def open(self) -> None:
        raise NotAuthorized("the login is over")


@pytest.fixture
async def side(redis_url, monkeypatch):
    """A started side with the accounts "good" and "bad", and "gone", which is none; what reaches the inbox goes to the
    desk."""
    venues = {"good": FakeVenue(), "bad": Closed()}
    monkeypatch.setattr(live_host, "venue_of", lambda account, contracts: venues[account.name])
    row = await sync_to_async(book)("live")
    for name in venues:
        await sync_to_async(BrokerAccount.objects.create)(broker="schwab", name=name, mode="live", account_number=name)
    names = (*venues, "gone")
    config = EngineConfig("live0", (slot({}, quantity=dict.fromkeys(names, 1)),), INSTRUMENTS)
    desk = BrokerDesk(Engine(config, strategies=STRATEGIES), accounts=names, now=time.time_ns())
    desk.begin()
    client, inbox = async_client(redis_url), Inbox()
    lease = Lease(client, kind="trader", name="live", owner="us", ttl_s=30)
    await lease.acquire()
    found = BrokerSide(book="live", book_id=row.pk, desk=desk, client=client, lease=lease, policy=QUICK)
    await found.start(inbox, names=names)

    async def pump() -> None:
        while True:
            for delivery in await inbox.take(timeout_s=0.1):
                for event in delivery.events:
                    await desk.committed(desk.handle(event))

    pumping = asyncio.create_task(pump())
    yield desk
    pumping.cancel()
    await found.close()
    await inbox.close()
    await aclose_clients()


async def until(is_met, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await is_met():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad", "bad: it does not accept our login (the login is over); connect it again"),
        ("gone", "gone: it cannot be opened: there is no account 'gone' for real money"),
    ],
)
async def test_an_account_whose_login_is_over_or_that_is_gone_stays_unknown_and_people_are_told(side, name, reason):
    async def is_green() -> bool:
        return side.engine.checks["good"].state is AccountState.GREEN

    await until(is_green, "the good account is green")
    assert side.engine.checks[name].state is AccountState.UNKNOWN
    assert set(side.engine.gate.holds) == {"bad", "gone"}

    async def is_told() -> bool:
        alarms = await sync_to_async(lambda: list(Alarm.objects.values_list("what", "text")))()
        return ("account_closed", reason) in alarms

    await until(is_told, "an alarm")


async def test_what_breaks_on_the_brokers_side_ends_the_loop_instead_of_looking_alive():
    outbox, inbox = Outbox(lambda what, text: None), Inbox()
    inbox.attach("broker", outbox.read)
    outbox.fail(ZeroDivisionError("planted"))
    with pytest.raises(ZeroDivisionError):
        while True:
            await inbox.take(timeout_s=0.2)
    await inbox.close()
