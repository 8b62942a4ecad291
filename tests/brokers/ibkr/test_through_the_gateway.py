"""A book whose account is at Interactive Brokers: the real loop, our gateway, comparison, adapter and sockets."""

import random
from functools import partial

import pytest

from engine.exits.config import Distance, ExitConfig, Target
from engine.model.accounts import AccountState
from engine.model.enums import OrderType
from engine.model.orders import OrderBecameUnknown
from simulators.brokerage.faults import OrderFaultScript
from tests.brokers.at_venue import There, book_at
from tests.brokers.ibkr.test_pairs import when_the_stop_is_there
from tests.engine.scenario import slot
from tests.trading.runtime.live_stage import Stage

PAIR = ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.02)),))


@pytest.fixture
def at_ib(monkeypatch):
    """`async with at_ib(slot(…)) as (stage, there)`: a stage whose wall clock is the simulated venue's."""
    return partial(book_at, "ibkr", monkeypatch=monkeypatch)


async def bought(stage: Stage, there: There) -> None:
    await stage.play([there.price()] * 2)
    await stage.until(lambda: stage.held() == 10, "the entry")


def at_work(there: There) -> list[OrderType]:
    return sorted(each.ticket.type for each in there.orders if not each.state.is_final)


@pytest.mark.parametrize("fault", ["", "drop_answer"])
async def test_a_reversal_is_one_order_whatever_happens_to_its_answer(at_ib, fault):
    async with at_ib(slot({1: 1, 3: -1})) as (stage, there):
        await bought(stage, there)
        if fault:
            there.fault(fault, times=1, actions=("place",))
        await stage.play([there.price()] * 2, start=3)
        await stage.until(lambda: stage.held() == -10, "the short position")
        assert there.executions == [("buy", 10), ("sell", 20)]
        assert bool(stage.of(OrderBecameUnknown)) is bool(fault)
        await stage.until_checked(AccountState.GREEN)


async def test_killed_between_stop_and_target_the_stop_guards_and_the_target_is_watched_and_sells_once(at_ib):
    async with at_ib(slot({1: 1}, exits=PAIR)) as (stage, there):
        when_the_stop_is_there(there.brokerage, partial(there.fault, "server_error", times=1, actions=("place",)))
        await bought(stage, there)
        await stage.until(lambda: at_work(there) == ["stop"], "the stop")
        await stage.kill()
        await stage.start(reconciles=True)
        await stage.until(lambda: [r.order.type for r in stage.engine.open_orders] == ["stop"], "the target is over")
        assert at_work(there) == ["stop"], "nothing was withdrawn and nothing placed twice"
        await stage.until_checked(AccountState.GREEN)
        await stage.play([there.price() * 1.03] * 2, start=3)
        await stage.until(lambda: stage.held() == 0 and not stage.engine.open_orders, "sold at the target")
        assert there.executions == [("buy", 10), ("sell", 10)]
        assert at_work(there) == []


async def test_whatever_breaks_the_account_and_our_books_hold_the_same_in_the_end(at_ib):
    """Messages lost before and after they were done, news late, twice and in another order, lines cut."""
    rng = random.Random(1)
    targets = {1: 1} | {number: rng.choice((-1, 0, 1)) for number in range(3, 9)}
    async with at_ib(slot(targets)) as (stage, there):
        await bought(stage, there)
        faults = there.simulated.order_faults
        for name in ("drop_answer", "drop_request", "server_error", "server_error_after", "late_answer", "throttle"):
            faults.add(OrderFaultScript(name, share=0.15, actions=("place",), delay_s=0.3))
        for name in ("late_events", "duplicate_events", "reorder_events", "duplicate_fill", "partial_fills"):
            faults.add(OrderFaultScript(name, share=0.3, delay_s=0.2))
        faults.add(OrderFaultScript("cut_stream", after_s=1.0 + rng.random(), for_s=0.5))
        faults.add(OrderFaultScript("upstream_lost", after_s=2.5 + rng.random(), for_s=0.4))
        for number in range(3, 9):
            await stage.play([there.price()], start=number)
            await stage.quiet(0.4)
        faults.clear()
        await stage.until(lambda: stage.gateway.is_settled, "everything is answered")
        await stage.until(lambda: stage.held() == there.held("SPY"), "the same")
        await stage.until_checked(AccountState.GREEN)
        names = [order.ticket.tag for order in there.orders]
        assert len(set(names)) == len(names), "an order was sent twice"
