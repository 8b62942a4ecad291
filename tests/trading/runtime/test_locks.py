"""What must be open for an order to leave, read from the real Redis and database right before it does."""

from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from brokers.models import BrokerAccount
from engine.model.enums import OrderIntent, Side
from engine.model.orders import Order
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from infra.redis.leases import Lease
from trading.runtime.account import Verdict
from trading.runtime.live_host import BookLocks

pytestmark = pytest.mark.django_db(transaction=True)

ENTRY = Order("o1", "ema", "SPY", "tasty-1", Side.BUY, Decimal(1))
LEAVE = Order("o2", "ema", "SPY", "tasty-1", Side.SELL, Decimal(1), intent=OrderIntent.EXIT)


@pytest.fixture
def account(db):
    return BrokerAccount.objects.create(
        broker="tastytrade", name="tasty-1", mode="live", account_number="5WX01", enabled=True, is_armed=True
    )


@pytest.fixture
async def lease(redis_url, account):
    held = Lease(async_client(redis_url), kind="trader", name="live", owner="us", ttl_s=30)
    assert await held.acquire()
    yield held
    await aclose_clients()


@pytest.fixture
async def locks(lease, redis_url):
    return BookLocks(async_client(redis_url), lease, book="live")


async def test_with_all_of_them_open_an_order_leaves(locks):
    assert (await locks.ask(ENTRY)).verdict is Verdict.GO


async def test_a_lease_that_another_process_has_lets_nothing_leave(locks, lease, redis_url):
    client = async_client(redis_url)
    await client.delete(keys.lease("trader", "live"))
    other = Lease(client, kind="trader", name="live", owner="them", ttl_s=30)
    assert await other.acquire()
    for order in (ENTRY, LEAVE):
        assert (await locks.ask(order)).verdict is Verdict.LOST


async def test_a_lease_that_ran_out_lets_nothing_leave(locks, redis_url):
    await async_client(redis_url).delete(keys.lease("trader", "live"))
    assert (await locks.ask(LEAVE)).verdict is Verdict.LOST


async def test_a_lease_that_our_own_clock_ended_asks_nobody(locks, lease):
    lease.token = None
    assert not locks.holds_lease()
    assert (await locks.ask(LEAVE)).verdict is Verdict.LOST


async def test_a_halt_holds_entries_and_lets_exits_pass(locks, redis_url):
    await async_client(redis_url).set(keys.halt("live"), "lunch")
    refused = await locks.ask(ENTRY)
    assert (refused.verdict, refused.rule, refused.reason) == (
        Verdict.REFUSE, "kill_switch", "the book is halted: lunch",
    )  # fmt: skip
    assert (await locks.ask(LEAVE)).verdict is Verdict.GO


@pytest.mark.parametrize(("field", "value"), [("is_armed", False), ("enabled", False), ("mode", "paper")])
async def test_an_account_that_is_not_armed_refuses_entries_and_keeps_exits_waiting(locks, account, field, value):
    changes = {"is_armed": False, field: value}
    await sync_to_async(lambda: BrokerAccount.objects.filter(pk=account.pk).update(**changes))()
    refused = await locks.ask(ENTRY)
    assert (refused.verdict, refused.rule) == (Verdict.REFUSE, "not_armed")
    assert (await locks.ask(LEAVE)).verdict is Verdict.WAIT


async def test_without_redis_an_exit_may_leave_while_our_clock_covers_the_lease_and_an_entry_waits(lease):
    away = BookLocks(async_client("redis://127.0.0.1:1/0"), lease, book="live")
    assert (await away.ask(ENTRY)).verdict is Verdict.WAIT
    assert (await away.ask(LEAVE)).verdict is Verdict.GO
