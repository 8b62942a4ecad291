"""A trader is killed with SIGKILL in the middle of a run: another continues, and nothing is lost or doubled."""

import os
import signal

import psutil
import pytest
from django.conf import settings

from engine.core import Engine, EngineConfig
from engine.instruments.catalog import instrument_for
from engine.model.event import Event
from engine.model.orders import ApprovedOrder, OrderFilled
from engine.model.positions import TradeClosed
from engine.simulation import step
from engine.venue.matching import SimulatedVenue
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import Holder, holder
from strategies.registry import STRATEGIES
from strategies.services import create_ticker
from tests.integration.market import Market
from tests.integration.processes import Processes, kill_tree, running, wait_for
from trading.journal.writer import first_broken_link
from trading.models import Book, Fill, JournalEvent, Order, Position, Trade
from trading.rerun import repeat
from trading.runtime import compose
from trading.runtime.host import LEASE_TTL_S
from trading.services import start_strategy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SYMBOL, TIMEFRAME = "/MES", "5t"


def undisturbed(events: list[Event]) -> list[Event]:
    """What one process that nobody kills makes of the same events."""
    [slot] = compose.load("paper").slots
    instruments = {SYMBOL: instrument_for(SYMBOL)}
    engine = Engine(EngineConfig(run="paper0", slots=(slot,), instruments=instruments), strategies=STRATEGIES)
    venue = SimulatedVenue(instruments=instruments)
    return [out for event in events for out in step(engine, venue, event)]


def owner() -> Holder | None:
    return holder(sync_client(settings.REDIS_URL), "trader", "paper")


def kill_owner(processes: Processes) -> None:
    """SIGKILL to the worker whose child holds the lease, main process and all; the lease ends soon by itself."""
    held = owner()
    assert held is not None
    child = psutil.Process(int(held.owner.rpartition(":")[2]))
    worker = child.parent()
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(child.pid), what="the orphan ends with its worker")
    assert sync_client(settings.REDIS_URL).pttl(keys.lease("trader", "paper")) <= 1000 * LEASE_TTL_S


def has_read_everything(market: Market) -> bool:
    """The committed cursors stand at the ends of both streams."""
    saved = compose.load("paper").cursors
    return all(saved.get(key) == end for key, end in market.ends().items())


def test_a_killed_trader_is_replaced_and_no_order_is_lost_or_doubled(redis_url, tmp_path):
    create_ticker(
        user=None, strategy="ema", symbol=SYMBOL, timeframe=TIMEFRAME, params={"period_1": 2, "period_2": 5},
        quantities={"paper": "1"},
    )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    market = Market(SYMBOL, TIMEFRAME)
    with running(redis_url, tmp_path) as processes:
        processes.worker("default", "default", beat=True)
        for name in ("one", "two"):
            processes.worker(name, "traders")
        wait_for(owner, what="a trader holds the lease")
        wait_for(lambda: sync_client(redis_url).exists(keys.slot_state("paper")), what="the book runs")

        market.play(250)
        wait_for(lambda: Position.objects.exclude(quantity=0).exists(), what="a position is open")
        first = owner()
        kill_owner(processes)
        left = compose.load("paper").cursors
        market.play(200)
        wait_for(lambda: (now := owner()) and now != first, what="another takes over")
        wait_for(lambda: compose.load("paper").cursors != left, what="it commits something of its own")
        market.play(150)
        kill_owner(processes)
        processes.worker("three", "traders")
        market.play(200)
        wait_for(lambda: has_read_everything(market), what="everything published was handled and committed")

    expected = undisturbed(market.published())
    approved = [out.order for out in expected if isinstance(out, ApprovedOrder)]
    fills = [(out.client_id, out.price, out.quantity) for out in expected if isinstance(out, OrderFilled)]
    trades = [(out.trade_id, out.pnl) for out in expected if isinstance(out, TradeClosed)]
    assert len(trades) >= 4
    assert [(o.client_id, o.side, o.quantity) for o in Order.objects.order_by("id")] == [
        (o.client_id, o.side, o.quantity) for o in approved
    ]
    assert [(f.order.client_id, f.price, f.quantity) for f in Fill.objects.order_by("id")] == fills
    assert [(t.trade_id, t.pnl) for t in Trade.objects.order_by("id")] == trades
    held = sum(f.quantity * (1 if f.side == "buy" else -1) for f in Fill.objects.all())
    assert Position.objects.get().quantity == held
    assert first_broken_link(Book.objects.get().pk) is None

    repeated = repeat("paper")
    assert repeated.difference is None
    assert repeated.beginnings >= 3
    assert repeated.outputs["ApprovedOrder"] == len(approved)
    assert repeated.outputs["TradeClosed"] == len(trades)
    assert sum(repeated.outputs.values()) == JournalEvent.objects.count()


def test_kill_tree_is_harmless_for_a_process_that_is_gone():
    kill_tree(2**22 - 1)
