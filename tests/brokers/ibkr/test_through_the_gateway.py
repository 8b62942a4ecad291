"""A book whose account is at Interactive Brokers: the real loop, our gateway, comparison, adapter and sockets."""

import random
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from brokers import asking
from brokers import clock as venue_clock
from brokers.ibkr import broker as ibkr_broker
from brokers.ibkr.broker import IbkrVenue
from engine.model.accounts import AccountState
from engine.model.enums import Side
from engine.model.orders import OrderBecameUnknown
from engine.model.time import iso
from simulators.brokerage.faults import OrderFaultScript
from simulators.ibkr.serve import IbkrConfig, serve
from simulators.market import MarketConfig
from tests.contracts.venues.base import Desk
from tests.contracts.venues.ibkr import Running
from tests.engine.scenario import slot
from tests.trading.runtime.live_stage import OPEN, Stage
from trading.runtime.policy import ExecutionPolicy

POLICY = ExecutionPolicy(
    answer_s=2.0, never_came_after_s=1.5, confirm_cancel_s=0.2, poll_s=0.3, check_every_s=0.5, recheck_s=0.1
)


@pytest.fixture
def at_ib(monkeypatch):
    """`async with at_ib(slot(…)) as (stage, there)`: a stage whose wall clock is the simulated venue's."""

    @asynccontextmanager
    async def run(*slots):
        market = MarketConfig(seed=5, symbols=("SPY",), always_open=True, tick_rate=20.0)
        async with await serve(IbkrConfig(market=market, start=iso(OPEN), poll_s=0.01)) as simulator:
            there = Running(simulator)
            venue: Any = IbkrVenue(there.setup({"settle_s": 0.3, "timeout_s": 1.0}))
            stage = Stage(*slots, venue=venue, policy=POLICY)
            stage.now_ns = simulator.clock.now  # type: ignore[method-assign]
            clock = SimpleNamespace(
                time_ns=simulator.clock.now, time=lambda: simulator.clock.now() / 1e9, monotonic=time.monotonic
            )
            for module in (asking, venue_clock, ibkr_broker):
                monkeypatch.setattr(module, "time", clock)
            await venue.open()
            await stage.start(reconciles=True)
            try:
                await stage.until(lambda: stage.gateway.hold is None, "the account is green", within_s=15)
                yield stage, Desk(venue, there)
            finally:
                await stage.close()
                await venue.close()

    return run


def executions(there: Desk) -> list[tuple[str, int]]:
    """What the account did, in order."""
    account = there.simulated.brokerage.account(there.simulated.account)
    return [(each.side.value, int(each.quantity)) for each in account.executions]


@pytest.mark.parametrize("fault", ["", "drop_answer"])
async def test_a_reversal_is_one_order_whatever_happens_to_its_answer(at_ib, fault):
    async with at_ib(slot({1: 1, 3: -1})) as (stage, there):
        await stage.play([100, 100])
        await stage.until(lambda: stage.held() == 10, "the entry", within_s=15)
        if fault:
            there.fault(fault, times=1, actions=("place",))
        await stage.play([101, 101], start=3)
        await stage.until(lambda: stage.held() == -10, "the short position", within_s=15)
        assert executions(there) == [("buy", 10), ("sell", 20)]
        assert bool(stage.of(OrderBecameUnknown)) is bool(fault)
        await stage.until_checked(AccountState.GREEN)


async def test_a_trade_by_hand_is_found_and_pauses_entries(at_ib):
    async with at_ib(slot({1: 1})) as (stage, there):
        there.trade_by_hand("SPY", Side.BUY, 7)
        checked = await stage.until_checked(AccountState.RED)
        (difference,) = checked.differences
        assert (difference.symbol, difference.theirs) == ("SPY", 7)


async def test_killed_between_order_and_answer_it_is_found_again_by_its_name_and_not_sent_twice(at_ib):
    async with at_ib(slot({1: 1})) as (stage, there):
        there.fault("server_error_after", times=1, actions=("place",))
        await stage.play([100, 100])
        await stage.until(lambda: there.at_venue(), "the order is there", within_s=15)
        await stage.kill()
        await stage.start(reconciles=True)
        await stage.until(lambda: stage.held() == 10, "it is found", within_s=20)
        assert len(there.at_venue()) == 1
        await stage.until_checked(AccountState.GREEN)


async def test_whatever_breaks_the_account_and_our_books_hold_the_same_in_the_end(at_ib):
    """Messages lost before and after they were done, news late, twice and in another order, lines cut."""
    rng = random.Random(1)
    targets = {1: 1} | {number: rng.choice((-1, 0, 1)) for number in range(3, 9)}
    async with at_ib(slot(targets)) as (stage, there):
        await stage.play([100, 100])
        await stage.until(lambda: stage.held() == 10, "the first entry", within_s=15)
        faults = there.simulated.order_faults
        for name in ("drop_answer", "drop_request", "server_error", "server_error_after", "late_answer", "throttle"):
            faults.add(OrderFaultScript(name, share=0.15, actions=("place",), delay_s=0.3))
        for name in ("late_events", "duplicate_events", "reorder_events", "duplicate_fill", "partial_fills"):
            faults.add(OrderFaultScript(name, share=0.3, delay_s=0.2))
        faults.add(OrderFaultScript("cut_stream", after_s=1.0 + rng.random(), for_s=0.5))
        faults.add(OrderFaultScript("upstream_lost", after_s=2.5 + rng.random(), for_s=0.4))
        for number in range(3, 9):
            await stage.play([100], start=number)
            await stage.quiet(0.4)
        faults.clear()
        await stage.until(lambda: stage.gateway.is_settled, "everything is answered", within_s=25)
        await stage.until(lambda: stage.held() == there.held("SPY"), "the same", within_s=25)
        await stage.until_checked(AccountState.GREEN)
        names = [order.ticket.tag for order in there.at_venue()]
        assert len(set(names)) == len(names), "an order was sent twice"
