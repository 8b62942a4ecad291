"""An order of ours happens once, or is known not to have happened."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from brokers.oauth import TokenUnavailable
from brokers.venue import (
    FillReported,
    NotAuthorized,
    OrderRefused,
    OrderReported,
    RateLimited,
    VenueOrder,
    VenueUnreachable,
)
from engine.exits.config import Distance, ExitConfig
from engine.model.enums import OrderState, OrderType
from engine.model.orders import (
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
)
from engine.model.positions import TradeClosed
from tests.engine.scenario import slot
from tests.trading.runtime.fake_venue import DROPPED, FEATURES, LOST, FakeVenue
from tests.trading.runtime.live_stage import QUICK, Stage
from trading.runtime.account import Permission, Verdict

FIRST = "t0-scripted-SPY-000001"
SECOND = "t0-scripted-SPY-000002"


@pytest.fixture
async def stages():
    made: list[Stage] = []

    async def make(*slots, is_green: bool = True, **options) -> Stage:
        stage = Stage(*(slots or (slot({1: 1, 3: 0}),)), **options)
        made.append(stage)
        return await stage.start(is_green=is_green)

    yield make
    for stage in made:
        await stage.close()


async def entered(stage: Stage) -> None:
    """The first entry is sent and filled."""
    await stage.play([100, 100])
    await stage.until(lambda: stage.of(OrderAccepted), "the entry is accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: stage.held() == 10, "the entry is filled")


async def test_an_order_is_sent_only_after_it_is_committed_as_submitted(stages):
    stage = await stages()
    committed_when_sent: list[list[OrderSubmitted]] = []

    def taken(order: VenueOrder) -> VenueOrder:
        committed_when_sent.append(stage.of(OrderSubmitted))
        return order

    stage.venue.script.append(taken)
    stage.journal.may_commit.clear()
    await stage.play([100])
    await stage.quiet()
    assert stage.venue.sent() == []
    stage.journal.may_commit.set()
    await stage.until(lambda: stage.venue.sent(), "it is sent")
    assert [fact.client_id for fact in committed_when_sent[0]] == [FIRST]


async def test_the_life_of_an_order_from_signal_to_closed_trade(stages):
    stage = await stages()
    await entered(stage)
    await stage.play([101, 102], start=3)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the exit is sent")
    stage.venue.fill(SECOND, 10, 102)
    await stage.until(lambda: stage.of(TradeClosed), "the trade is closed")
    [trade] = stage.of(TradeClosed)
    assert trade.pnl == 20
    assert stage.venue.sent() == [FIRST, SECOND]
    assert stage.of(OrderSubmitted)[0].request == {
        "method": "POST", "path": "/orders", "body": {"id": FIRST, "quantity": "10"},
    }  # fmt: skip


@pytest.mark.parametrize("times", [2, 5])
async def test_a_repeated_execution_counts_once(stages, times):
    stage = await stages()
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.fill(FIRST, 4, 100, times=times)
    stage.venue.fill(FIRST, 6, 101, times=times)
    await stage.until(lambda: stage.held() == 10, "filled")
    await stage.quiet()
    assert [fill.quantity for fill in stage.of(OrderFilled)] == [4, 6]
    assert stage.held() == 10


async def test_a_lost_answer_makes_the_order_unknown_and_a_query_finds_it_without_sending_again(stages):
    stage = await stages()
    stage.venue.script.append(DROPPED)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "found")
    assert len(stage.of(OrderBecameUnknown)) == 1
    assert stage.venue.sent() == [FIRST]
    assert len(stage.venue.book) == 1


async def test_an_order_that_never_came_is_over_after_a_while_and_is_not_sent_again(stages):
    stage = await stages()
    stage.venue.script.append(LOST)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderCancelled), "given up")
    assert stage.of(OrderCancelled)[0].reason == "it never reached the venue"
    assert stage.venue.sent() == [FIRST]
    assert not stage.engine.open_orders


async def test_an_order_is_not_given_up_while_the_venue_cannot_be_asked(stages):
    stage = await stages()
    stage.venue.script.append(LOST)
    stage.venue.unreachable = "503"
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderBecameUnknown), "unknown")
    await stage.quiet(0.8)
    assert not stage.of(OrderCancelled)
    assert [record.state for record in stage.engine.open_orders] == [OrderState.UNKNOWN]


async def test_an_order_given_up_that_turns_up_at_the_venue_after_all_is_cancelled_and_what_it_filled_counts(stages):
    stage = await stages()
    stage.venue.script.append(DROPPED)
    stage.venue.hides.add(FIRST)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderCancelled), "given up")
    stage.venue.hides.clear()
    stage.venue.fill(FIRST, 4, 100)
    await stage.until(lambda: stage.venue.sent("cancel") == [FIRST], "cancelled there")
    await stage.until(lambda: stage.held() == 4, "its execution counts")
    assert any(what == "order_resurrected" for what, _ in stage.alerts)


async def test_a_refusal_is_a_fact_with_the_venues_code_and_an_alarm(stages):
    stage = await stages()
    stage.venue.script.append(OrderRefused("not enough money", venue_code="E42"))
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderRejected), "rejected")
    [rejected] = stage.of(OrderRejected)
    assert (rejected.code, rejected.reason) == ("E42", "not enough money")
    assert stage.alerts[0][0] == "order_refused"
    assert stage.held() == 0


async def test_a_venue_that_asks_for_a_pause_gets_the_order_after_it_once(stages):
    stage = await stages()
    stage.venue.script.append(RateLimited("slow down", retry_after_s=0.2))
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    assert stage.venue.sent() == [FIRST, FIRST]
    assert len(stage.venue.book) == 1


class TestTryingAgain:
    """Only what certainly did not happen is tried again, for a while, and people are told."""

    @pytest.mark.parametrize(
        "why", [VenueUnreachable("nobody listens there"), TokenUnavailable("the token endpoint does not answer")]
    )
    async def test_an_order_that_reached_nobody_is_sent_again_and_is_one(self, stages, why):
        stage = await stages()
        stage.venue.script += [why, why]
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderAccepted), "sent after all")
        assert stage.venue.sent() == [FIRST] * 3
        assert len(stage.venue.book) == 1
        assert [what for what, _ in stage.alerts] == ["order_put_off"]
        assert not stage.of(OrderBecameUnknown)

    async def test_an_exit_survives_a_venue_that_is_away_for_a_moment(self, stages):
        stage = await stages()
        await entered(stage)
        stage.venue.script += [VenueUnreachable("away")] * 2
        await stage.play([101, 102], start=3)
        await stage.until(lambda: SECOND in stage.venue.sent(), "sent")
        await stage.until(lambda: len(stage.of(OrderAccepted)) == 2, "taken")
        assert not stage.of(OrderRejected)

    async def test_it_ends_after_a_time_and_says_why(self, stages):
        stage = await stages(policy=msgspec.structs.replace(QUICK, retry_s=0.5))
        stage.venue.script += [VenueUnreachable("away")] * 50
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderRejected), "given up")
        [rejected] = stage.of(OrderRejected)
        assert (rejected.code, rejected.reason) == ("unreachable", "away")
        assert 2 <= len(stage.venue.sent()) <= 6
        assert stage.venue.book == {}

    async def test_a_pause_longer_than_that_is_not_waited_for(self, stages):
        stage = await stages()
        stage.venue.script.append(RateLimited("come back in an hour", retry_after_s=3600))
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderRejected), "given up")
        assert stage.venue.sent() == [FIRST]

    async def test_a_halt_in_between_ends_it(self, stages):
        stage = await stages()

        stage.venue.script += [VenueUnreachable("away")] * 50
        await stage.play([100])
        await stage.until(lambda: stage.venue.sent(), "tried")
        stage.locks.permission = Permission(Verdict.REFUSE, "the book is halted: test", "kill_switch")
        tried = stage.venue.sent()
        await stage.until(lambda: stage.of(OrderRejected), "refused")
        assert stage.of(OrderRejected)[0].code == "kill_switch"
        assert stage.venue.sent() == tried

    async def test_an_exit_that_has_nothing_left_to_close_is_not_sent_again(self, stages):
        stage = await stages(slot({1: 1, 3: 0}, exits=ExitConfig(stop=Distance(0.05))))
        await entered(stage)
        await stage.until(lambda: SECOND in stage.venue.sent(), "the stop waits at the venue")
        stage.venue.script += [VenueUnreachable("away")] * 3
        await stage.play([101, 101], start=3)
        await stage.until(lambda: stage.venue.sent()[2:], "the stop is gone, and the exit is tried")
        stage.venue.fill(SECOND, 10, 95)  # it was filled before its cancel came
        await stage.until(lambda: stage.held() == 0, "flat")
        await stage.until(lambda: not stage.engine.open_orders, "the exit is over")
        assert stage.of(OrderRejected)[0].code == "reduce_only"
        assert [order.client_id for order in stage.venue.book.values()] == [FIRST, SECOND], "no more is sold"

    @pytest.mark.parametrize("why", [OrderRefused("no"), NotAuthorized("connect again"), LOST])
    async def test_nothing_else_is_sent_twice(self, stages, why):
        stage = await stages()
        stage.venue.script.append(why)
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderRejected) or stage.of(OrderCancelled), "over")
        assert stage.venue.sent() == [FIRST]


async def test_an_error_nobody_thought_of_is_an_unknown_outcome(stages):
    stage = await stages()
    stage.venue.script.append(ZeroDivisionError("planted"))
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderBecameUnknown), "unknown")
    assert "ZeroDivisionError" in stage.of(OrderBecameUnknown)[0].reason


async def test_an_answer_that_takes_too_long_is_an_unknown_outcome(stages):
    stage = await stages(policy=msgspec.structs.replace(QUICK, answer_s=0.1))
    stage.venue.is_slow = asyncio.Event()
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "found by asking")
    assert len(stage.of(OrderBecameUnknown)) == 1
    assert stage.venue.sent() == [FIRST]


@pytest.mark.parametrize(
    ("permission", "rule"),
    [
        (Permission(Verdict.REFUSE, "the account 'sim' is not armed", "not_armed"), "not_armed"),
        (Permission(Verdict.REFUSE, "the book is halted: test", "kill_switch"), "kill_switch"),
    ],
)
async def test_a_closed_lock_refuses_the_order_before_the_network(stages, permission, rule):
    stage = await stages()
    stage.locks.permission = permission
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderRejected), "refused")
    assert stage.of(OrderRejected)[0].code == rule
    assert stage.venue.calls == []


async def test_a_process_that_lost_its_lease_sends_nothing_and_leaves_the_order_to_its_successor(stages):
    stage = await stages()
    stage.locks.has_lease = False
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderSubmitted), "committed")
    await stage.quiet()
    assert stage.venue.calls == []
    await stage.kill()
    stage.locks.has_lease = True
    await stage.start()
    await stage.until(lambda: stage.of(OrderCancelled), "the successor asked, and it never came")
    assert stage.venue.sent() == []


async def test_a_lease_that_was_in_doubt_for_a_moment_delays_an_order_and_does_not_strand_it(stages):
    stage = await stages()
    stage.locks.permission = Permission(Verdict.LOST)
    await stage.play([100])
    await stage.until(lambda: stage.approved(), "approved")
    await stage.quiet(0.1)
    stage.locks.has_lease, stage.locks.permission = False, Permission(Verdict.GO)
    await stage.until(lambda: stage.of(OrderSubmitted), "submitted")
    await stage.quiet(0.1)
    assert stage.venue.calls == []
    stage.locks.has_lease = True
    await stage.until(lambda: stage.of(OrderAccepted), "sent after all")
    assert stage.venue.sent() == [FIRST]


async def test_locks_that_cannot_be_read_are_asked_again(stages):
    stage = await stages()
    stage.locks.permission = Permission(Verdict.WAIT, "Redis is away")
    await stage.play([100])
    await stage.quiet()
    assert stage.venue.sent() == []
    stage.locks.permission = Permission(Verdict.GO)
    await stage.until(lambda: stage.venue.sent(), "sent")


async def test_nothing_is_entered_before_the_account_is_green(stages):
    stage = await stages(is_green=False)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderDenied), "denied")
    assert stage.of(OrderDenied)[0].rule == "reconciliation"
    assert stage.venue.calls == []


async def test_a_venue_without_our_names_is_understood_by_its_own(stages):
    venue = FakeVenue(msgspec.structs.replace(FEATURES, client_order_ids=False))
    venue.is_slow = asyncio.Event()
    stage = await stages(venue=venue)
    await stage.play([100])
    await stage.until(lambda: venue.book, "the venue has it")
    [order] = venue.book.values()
    fill = venue._execute(order, Decimal(10), Decimal(100), "")
    venue.tell(FillReported(fill))  # told before our call is answered
    venue.tell(OrderReported(venue.book[order.venue_id]))
    await stage.quiet(0.05)
    assert stage.held() == 0
    venue.is_slow.set()
    await stage.until(lambda: stage.held() == 10, "the answer tells whose it was")
    assert len(stage.of(OrderFilled)) == 1


async def test_executions_that_the_stream_never_told_are_asked_for(stages):
    stage = await stages()
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.tells = False
    stage.venue.fill(FIRST, 10, 100)
    stage.venue.tells = True
    stage.venue.tell(OrderReported(stage.venue.named(FIRST)))
    await stage.until(lambda: stage.held() == 10, "found")
    assert len(stage.of(OrderFilled)) == 1


async def test_a_cancel_is_over_when_the_venue_says_so_and_not_before(stages):
    stage = await stages(slot({1: 1, 3: 0}, exits=ExitConfig(stop=Distance(0.05))))
    await entered(stage)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the stop waits at the venue")
    stage.venue.cancel_script += [LOST, LOST]
    await stage.play([101, 101], start=3)
    await stage.until(lambda: stage.venue.sent("cancel") == [SECOND], "asked")
    assert len(stage.venue.sent()) == 2  # the exit waits for the stop to be gone
    await stage.until(lambda: len(stage.venue.sent()) == 3, "asked again until it was, then the exit")
    assert stage.venue.named(SECOND).state is OrderState.CANCELLED


async def test_a_stop_that_fills_while_it_is_cancelled_leaves_nothing_to_exit(stages):
    stage = await stages(slot({1: 1, 3: 0}, exits=ExitConfig(stop=Distance(0.05))))
    await entered(stage)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the stop waits at the venue")
    stage.venue.cancel_script.append(LOST)
    await stage.play([101, 101], start=3)
    await stage.until(lambda: stage.venue.sent("cancel"), "the cancel is asked for")
    stage.venue.fill(SECOND, 10, 95)
    await stage.until(lambda: stage.held() == 0, "flat")
    await stage.quiet()
    assert len(stage.venue.sent()) == 2
    assert stage.engine.open_orders == []


async def test_a_refused_stop_is_held_by_the_engine_and_people_are_told(stages):
    stage = await stages(slot({1: 1}, exits=ExitConfig(stop=Distance(0.05))))
    stage.venue.script += [lambda order: order, OrderRefused("stops are not taken now", venue_code="S1")]
    await entered(stage)
    await stage.until(lambda: stage.of(OrderRejected), "the stop is refused")
    assert any(what == "exit_refused" for what, _ in stage.alerts)
    await stage.play([94], start=3)
    await stage.until(lambda: len(stage.venue.sent()) == 3, "the level is watched here")
    third = stage.approved()[-1]
    assert (third.type, third.quantity, third.reason) == (OrderType.MARKET, 10, "stop")


async def test_a_stop_type_the_venue_does_not_take_never_leaves(stages):
    venue = FakeVenue(msgspec.structs.replace(FEATURES, order_types=frozenset({OrderType.MARKET, OrderType.LIMIT})))
    stage = await stages(slot({1: 1}, exits=ExitConfig(stop=Distance(0.05))), venue=venue)
    await entered(stage)
    await stage.until(lambda: stage.of(OrderRejected), "refused here")
    assert stage.of(OrderRejected)[0].code == "order_type"
    assert venue.sent() == [FIRST]


async def test_a_linked_reversal_opens_when_the_close_is_filled_also_across_a_restart(stages):
    linked = frozenset({("sim", "SPY")})
    stage = await stages(slot({1: 1, 3: -1}), linked_pairs=linked)
    await entered(stage)
    await stage.play([101, 101], start=3)
    await stage.until(lambda: len(stage.venue.sent()) == 2, "the close is sent")
    await stage.until(lambda: stage.engine.open_orders[0].state is OrderState.ACCEPTED, "and accepted")
    await stage.until(lambda: len(stage.of(OrderAccepted)) == 2, "and committed")
    assert stage.venue.named(SECOND).quantity == 10
    await stage.kill()
    stage.venue.fill(SECOND, 10, 101)
    await stage.start()
    await stage.until(lambda: len(stage.venue.sent()) == 3, "the open follows")
    assert stage.approved()[-1].quantity == 10
    assert stage.approved()[-1].parent == SECOND


async def test_a_futures_reversal_is_one_order(stages):
    stage = await stages(slot({1: 1, 3: -1}, symbol="/ES", quantity=1))
    await stage.play([4000, 4000], symbol="/ES")
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.fill("t0-scripted-ES-000001", 1, 4000)
    await stage.until(lambda: stage.held("/ES") == 1, "long")
    await stage.play([4001, 4001], symbol="/ES", start=3)
    await stage.until(lambda: len(stage.venue.sent()) == 2, "turned")
    assert stage.venue.named("t0-scripted-ES-000002").quantity == 2


class TestRestart:
    """Where a process may be killed, and what its successor makes of it."""

    async def test_an_entry_that_was_approved_and_not_sent_is_cancelled(self, stages):
        stage = await stages()
        stage.locks.permission = Permission(Verdict.WAIT)
        await stage.play([100])
        await stage.until(lambda: stage.approved(), "approved")
        await stage.kill()
        stage.locks.permission = Permission(Verdict.GO)
        await stage.start()
        await stage.until(lambda: stage.of(OrderCancelled), "cancelled")
        assert stage.venue.sent() == []

    async def test_an_exit_that_was_approved_and_not_sent_is_sent_once_the_account_is_green(self, stages):
        stage = await stages()
        await entered(stage)
        stage.locks.permission = Permission(Verdict.WAIT)
        await stage.play([101, 101], start=3)
        await stage.until(lambda: len(stage.approved()) == 2, "approved")
        await stage.kill()
        stage.locks.permission = Permission(Verdict.GO)
        await stage.start(is_green=False)
        await stage.quiet()
        assert stage.venue.sent() == [FIRST]
        await stage.green()
        await stage.until(lambda: stage.venue.sent() == [FIRST, SECOND], "sent")

    @pytest.mark.parametrize("what", ["arrived", "filled", "never came"])
    async def test_a_submitted_order_is_asked_about_and_never_sent_again(self, stages, what):
        stage = await stages()
        stage.locks.has_lease = False  # it stops right before the network
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderSubmitted), "committed as submitted")
        await stage.kill()
        if what != "never came":
            stage.venue.take(stage.approved()[0])
        if what == "filled":
            stage.venue.fill_quietly(FIRST, 10, 100.0)
        stage.locks.has_lease = True
        await stage.start()
        if what == "filled":
            await stage.until(lambda: stage.held() == 10, "the position is there")
        await stage.until(
            lambda: stage.of(OrderCancelled) if what == "never came" else stage.of(OrderAccepted), "resolved"
        )
        assert stage.venue.sent() == []

    async def test_a_cancel_that_was_asked_for_is_asked_for_again(self, stages):
        stage = await stages(slot({1: 1, 3: 0}, exits=ExitConfig(stop=Distance(0.05))))
        await entered(stage)
        await stage.until(lambda: SECOND in stage.venue.sent(), "the stop waits at the venue")
        stage.venue.cancel_script += [LOST] * 100
        await stage.play([101, 101], start=3)
        await stage.until(lambda: stage.venue.sent("cancel"), "asked")
        await stage.kill()
        stage.venue.cancel_script.clear()
        await stage.start()
        await stage.until(lambda: len(stage.venue.sent()) == 3, "the stop is gone, the exit is sent")
        assert stage.venue.named(SECOND).state is OrderState.CANCELLED
