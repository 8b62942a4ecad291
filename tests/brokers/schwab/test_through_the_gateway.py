"""A book whose account is at Schwab: the real loop, gateway, comparison, adapter and sockets, against the simulator."""

import random
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from brokers import asking
from brokers import clock as venue_clock
from brokers.schwab import broker
from brokers.schwab.broker import SchwabVenue
from engine.core import ExitPlacement
from engine.exits.config import Distance, ExitConfig, Target
from engine.model.accounts import AccountState
from engine.model.enums import Side
from engine.model.orders import OrderBecameUnknown, OrderFilled, OrderRejected, OrderSubmitted
from engine.model.time import iso
from simulators.brokerage.faults import OrderFaultScript
from simulators.brokerage.orders import Ticket
from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, serve
from tests.contracts.venues.schwab import Running
from tests.engine.scenario import slot
from tests.trading.runtime.live_stage import OPEN, Stage
from trading.runtime.policy import ExecutionPolicy

LINKED = frozenset({("sim", "SPY")})
POLICY = ExecutionPolicy(
    answer_s=2.0, never_came_after_s=1.5, confirm_cancel_s=0.2, poll_s=0.3, check_every_s=0.5, recheck_s=0.1
)


@pytest.fixture
def at_schwab(monkeypatch):
    """`async with at_schwab(slot(…)) as (stage, there)`: a stage whose wall clock is the simulated venue's."""

    @asynccontextmanager
    async def run(*slots, **options: Any):
        config = SchwabConfig(
            market=MarketConfig(seed=5, symbols=("SPY",), always_open=True, tick_rate=20.0),
            start=iso(OPEN),
            poll_s=0.01,
        )
        async with await serve(config) as simulator:
            there = Running(simulator)
            venue: Any = SchwabVenue(there.setup({"settle_s": 0.3, "timeout_s": 1.0, **options}))
            stage = Stage(
                *slots, venue=venue, policy=POLICY, linked_pairs=LINKED, exit_placement={"sim": ExitPlacement.SPLIT}
            )
            stage.now_ns = simulator.clock.now  # type: ignore[method-assign]
            clock = SimpleNamespace(
                time_ns=simulator.clock.now, time=lambda: simulator.clock.now() / 1e9, monotonic=time.monotonic
            )
            monkeypatch.setattr(broker, "time", clock)
            monkeypatch.setattr(venue_clock, "time", clock)
            monkeypatch.setattr(asking, "time", clock)
            await venue.open()
            await stage.start(reconciles=True)
            try:
                await stage.until(lambda: stage.gateway.hold is None, "the account is green", within_s=15)
                yield stage, there
            finally:
                await stage.close()
                await venue.close()

    return run


def price(there) -> float:
    return float(there.brokerage.price_of("SPY"))


def executions(there) -> list[tuple[str, int]]:
    """What the account did, in order."""
    account = there.brokerage.account(there.account)
    return [(each.side.value, int(each.quantity)) for each in account.executions]


def instructions(there) -> list[str]:
    return [str(order.ticket.payload["instruction"]) for order in there.brokerage.orders(there.account)]


def exposure(there) -> int:
    """The largest position that there ever was, either side."""
    held, largest = 0, 0
    for side, quantity in executions(there):
        held += quantity if side == "buy" else -quantity
        largest = max(largest, abs(held))
    return largest


@pytest.mark.parametrize("fault", ["", "drop_answer", "drop_request", "server_error_after", "late_answer"])
async def test_a_reversal_of_shares_is_a_close_and_then_a_short_sale_whatever_happens_to_the_answers(at_schwab, fault):
    async with at_schwab(slot({1: 1, 3: -1})) as (stage, there):
        await stage.play([100, 100])
        await stage.until(lambda: stage.held() == 10, "the entry", within_s=15)
        if fault:
            there.order_faults.add(OrderFaultScript(fault, times=1, actions=("place",), delay_s=30.0))
        await stage.play([101, 101], start=3)
        if fault == "drop_request":
            await stage.until(lambda: stage.of(OrderBecameUnknown), "the close is not known", within_s=15)
            await stage.until(lambda: not stage.gateway.unresolved(), "it never came", within_s=15)
            assert exposure(there) == 10
            return
        await stage.until(lambda: stage.held() == -10, "the short position", within_s=15)
        assert executions(there) == [("buy", 10), ("sell", 10), ("sell", 10)]
        assert instructions(there) == ["BUY", "SELL", "SELL_SHORT"]
        assert exposure(there) == 10
        assert bool(stage.of(OrderBecameUnknown)) is bool(fault)
        await stage.until_checked(AccountState.GREEN)


@pytest.mark.parametrize("activity", ["stream", "poll"])
async def test_a_trade_by_hand_is_found_and_pauses_entries(at_schwab, activity):
    async with at_schwab(slot({1: 1}), activity=activity) as (stage, there):
        there.brokerage.place(there.account, Ticket(symbol="SPY", side=Side.BUY, quantity=Decimal(7)))
        checked = await stage.until_checked(AccountState.RED)
        (difference,) = checked.differences
        assert (difference.symbol, difference.theirs) == ("SPY", 7)


async def test_killed_between_order_and_answer_it_is_found_again_and_not_sent_twice(at_schwab):
    async with at_schwab(slot({1: 1})) as (stage, there):
        there.order_faults.add(OrderFaultScript("late_answer", times=1, actions=("place",), delay_s=30.0))
        await stage.play([100, 100])
        await stage.until(lambda: there.brokerage.orders(there.account), "the order is there", within_s=15)
        await stage.kill()
        stage.venue._names.clear()  # a new process knows nothing that was not committed
        await stage.start(reconciles=True)
        await stage.until(lambda: stage.held() == 10, "it is found", within_s=20)
        assert len(there.brokerage.orders(there.account)) == 1
        await stage.until_checked(AccountState.GREEN)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_breaks_the_account_and_our_books_hold_the_same_in_the_end(at_schwab, seed):
    """Answers and requests lost, errors before and after, news late, twice and in another order, the line cut."""
    rng = random.Random(seed)
    targets = {1: 1} | {number: rng.choice((-1, 0, 1)) for number in range(3, 11)}
    async with at_schwab(slot(targets)) as (stage, there):
        await stage.play([100, 100])
        await stage.until(lambda: stage.held() == 10, "the first entry", within_s=15)
        for name in ("drop_answer", "drop_request", "server_error", "server_error_after", "late_answer"):
            there.order_faults.add(OrderFaultScript(name, share=0.15, actions=("place",), delay_s=0.3))
            there.order_faults.add(OrderFaultScript(name, share=0.02, actions=("query",), delay_s=0.3))
        for name in ("late_events", "duplicate_events", "reorder_events", "duplicate_fill", "partial_fills"):
            there.order_faults.add(OrderFaultScript(name, share=0.3, delay_s=0.2))
        there.order_faults.add(OrderFaultScript("cut_stream", after_s=1.0 + rng.random(), for_s=0.5))
        for number in range(3, 11):
            await stage.play([100], start=number)
            await stage.quiet(0.4)
        there.order_faults.clear()
        await stage.until(lambda: stage.gateway.is_settled, "everything is answered", within_s=25)
        await stage.until(
            lambda: stage.held() == there.brokerage.account(there.account).quantity("SPY"), "the same", within_s=25
        )
        await stage.until_checked(AccountState.GREEN)
        told = [fill.fill_id for fill in stage.of(OrderFilled)]
        assert len(told) == len(set(told)) == len(executions(there))
        sent = [fact.client_id for fact in stage.of(OrderSubmitted)]
        assert len(sent) == len(set(sent)) >= len(there.brokerage.orders(there.account))
        assert exposure(there) == 10


async def test_a_target_takes_the_resting_stop_away_before_it_sells_the_same_shares(at_schwab):
    """Schwab refuses a second sale of shares that a resting order will sell."""
    exits = ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.01), 1.0),))
    async with at_schwab(slot({1: 1}, exits=exits)) as (stage, there):
        at = price(there)
        await stage.play([at, at])
        await stage.until(lambda: "SELL" in instructions(there), "the stop rests at Schwab", within_s=15)
        await stage.play([at * 1.02], start=3)
        await stage.until(lambda: stage.held() == 0, "the target", within_s=15)
        assert executions(there) == [("buy", 10), ("sell", 10)]
        orders = there.brokerage.orders(there.account)
        assert [order.state.value for order in orders] == ["filled", "cancelled", "filled"]
        assert stage.of(OrderRejected) == []
