"""The broker's truth and ours agree, or trading stops and says why."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from brokers.venue import Balances, OrderReported, StreamLost, StreamRestored, VenueOrder
from engine.core import ExitPlacement
from engine.exits.config import Distance, ExitConfig, Target
from engine.model.accounts import AccountChecked, AccountState, Policy, PositionAdjusted
from engine.model.commands import AcceptDifferences
from engine.model.enums import OrderIntent, OrderState, OrderType, Side
from engine.model.orders import (
    ApprovedOrder,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
)
from engine.model.positions import TradeClosed
from tests.engine.scenario import slot
from tests.trading.runtime.fake_venue import LOST, FakeVenue
from tests.trading.runtime.live_stage import QUICK, Stage
from trading.runtime.account import Permission, Verdict

FIRST, SECOND = "t0-scripted-SPY-000001", "t0-scripted-SPY-000002"
GUARDED = slot({1: 1, 6: 1}, exits=ExitConfig(stop=Distance(0.05)))
ADOPT = msgspec.structs.replace(QUICK, external_trades=Policy.ADOPT)
IGNORE = msgspec.structs.replace(QUICK, external_trades=Policy.IGNORE)


@pytest.fixture
async def stages():
    made: list[Stage] = []

    def make(*slots, **options) -> Stage:
        made.append(Stage(*(slots or (GUARDED,)), **options))
        return made[-1]

    yield make
    for stage in made:
        await stage.close()


async def holding(stage: Stage, *, reconciles: bool = False) -> Stage:
    """A first life: 10 shares are held, their stop waits at the venue; then it is killed."""
    await stage.start(reconciles=reconciles)
    if reconciles:
        await stage.until_checked(AccountState.GREEN)
    await stage.play([100, 100])
    await stage.until(lambda: stage.of(OrderAccepted), "the entry is accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: len(stage.of(OrderAccepted)) == 2, "the stop is accepted")
    await stage.kill()
    return stage


async def entering(stage: Stage, *, is_sent: bool = True) -> Stage:
    """A first life: the entry is submitted, its answer is not recorded; then it is killed."""
    await stage.start()
    if is_sent:
        stage.venue.is_slow = asyncio.Event()
    else:
        stage.locks.has_lease = False
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderSubmitted), "submitted")
    if is_sent:
        await stage.until(lambda: stage.venue.book, "the venue has it")
    await stage.kill()
    stage.venue.is_slow, stage.locks.has_lease = None, True
    return stage


async def wishes_again(stage: Stage) -> None:
    """The strategy wants to enter now."""
    await stage.play([100, 100, 100, 100], start=3)


def approved_since(stage: Stage, count: int) -> list[ApprovedOrder]:
    return stage.of(ApprovedOrder)[count:]


class TestStart:
    """Twelve books that do not fit their account, and four that cannot be compared."""

    async def test_what_agrees_is_green_and_trades(self, stages):
        stage = stages()
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        await stage.play([100])
        await stage.until(lambda: stage.venue.sent() == [FIRST], "it trades")

    async def test_01_a_position_nobody_booked_keeps_entries_out_until_a_person_accepts(self, stages):
        stage = stages(slot({1: 1, 3: 1}))
        stage.venue.held["SPY"] = Decimal(7)
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.RED)
        assert "SPY: our books say 0, the account holds 7" in check.reason
        await stage.play([100])
        await stage.until(lambda: stage.of(OrderDenied), "denied")
        await stage.give(AcceptDifferences(stage.now_ns(), "c1", "ann", broker="sim", policy=Policy.IGNORE))
        await stage.until_checked(AccountState.GREEN)
        assert stage.held() == 0
        await stage.play([100, 100], start=2)
        await stage.until(lambda: stage.venue.sent(), "it trades beside it")

    async def test_02_a_position_that_was_closed_by_hand(self, stages):
        stage = await holding(stages())
        stage.venue.trade_by_hand("SPY", -10, 103, quietly=True)
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.RED)
        assert (check.differences[0].ours, check.differences[0].theirs) == (Decimal(10), Decimal(0))
        sent = stage.venue.sent()
        await stage.give(AcceptDifferences(stage.now_ns(), "c1", "ann", broker="sim", policy=Policy.ADOPT))
        await stage.until(lambda: stage.held() == 0, "our books follow")
        assert stage.of(TradeClosed)[-1].exit_price == 103
        await stage.until(lambda: stage.venue.named(SECOND).state is OrderState.CANCELLED, "its stop is withdrawn")
        assert stage.venue.sent() == sent

    async def test_03_a_position_of_another_size_is_adopted_where_the_policy_says_so(self, stages):
        stage = await holding(stages(policy=ADOPT))
        stage.venue.trade_by_hand("SPY", -4, 102, quietly=True)
        await stage.start(reconciles=True)
        await stage.until(lambda: stage.of(PositionAdjusted), "adopted")
        assert stage.of(PositionAdjusted)[0].price == 102
        await stage.until_checked(AccountState.GREEN)
        assert stage.held() == 6
        await stage.until(lambda: stage.approved()[-1].quantity == 6, "the stop fits what is left")

    async def test_04_a_position_on_the_other_side(self, stages):
        stage = await holding(stages())
        stage.venue.held["SPY"] = Decimal(-10)
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.RED)
        assert check.differences[0].gap == -20
        count = len(stage.of(ApprovedOrder))
        await wishes_again(stage)
        await stage.quiet()
        assert approved_since(stage, count) == []

    async def test_05_an_entry_that_was_approved_and_never_left_is_cancelled(self, stages):
        stage = stages()
        await stage.start()
        stage.locks.permission = Permission(Verdict.WAIT)
        await stage.play([100])
        await stage.until(lambda: stage.approved(), "approved")
        await stage.kill()
        stage.locks.permission = Permission(Verdict.GO)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert [fact.client_id for fact in stage.of(OrderCancelled)] == [FIRST]
        assert stage.venue.sent() == []

    async def test_06_an_order_that_arrived_works_on(self, stages):
        stage = await entering(stages())
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.engine.open_orders[0].state is OrderState.ACCEPTED
        assert stage.venue.sent() == [FIRST]

    async def test_07_an_order_that_was_filled_meanwhile_is_a_guarded_position(self, stages):
        stage = await entering(stages())
        stage.venue.fill_quietly(FIRST, 10, 100.5)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.held() == 10
        await stage.until(lambda: SECOND in stage.venue.sent(), "its stop waits at the venue")

    async def test_08_an_order_that_never_came_is_over(self, stages):
        stage = await entering(stages(), is_sent=False)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.of(OrderCancelled)[0].reason == "it never reached the venue"
        assert stage.venue.sent() == []

    @pytest.mark.parametrize(
        ("state", "fact"),
        [
            (OrderState.REJECTED, OrderRejected),
            (OrderState.EXPIRED, OrderExpired),
            (OrderState.CANCELLED, OrderCancelled),
        ],
    )
    async def test_09_an_order_that_ended_meanwhile(self, stages, state, fact):
        stage = await entering(stages())
        stage.venue.move(FIRST, state, "margin", quietly=True)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert len(stage.of(fact)) == 1
        assert not stage.engine.open_orders

    async def test_10_a_stop_that_was_cancelled_by_hand_is_placed_again(self, stages):
        stage = await holding(stages())
        stage.venue.move(SECOND, OrderState.CANCELLED, quietly=True)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        await stage.until(lambda: len(stage.venue.sent()) == 3, "guarded again")
        third = stage.approved()[-1]
        assert (third.type, third.quantity) == (OrderType.STOP, Decimal(10))

    async def test_11_a_stop_that_filled_meanwhile_has_closed_the_trade(self, stages):
        stage = await holding(stages())
        stage.venue.fill_quietly(SECOND, 10, 95)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.held() == 0
        assert stage.of(TradeClosed)[-1].pnl == -50

    async def test_12_an_order_of_a_run_nobody_remembers_is_cancelled_before_anything_trades(self, stages):
        stage = stages()
        old = Order("t0-scripted-SPY-000077", "scripted", "SPY", "sim", Side.BUY, Decimal(3))
        stage.venue.take(old)
        stage.venue.cancel_script.append(LOST)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.venue.named(old.client_id).state is OrderState.CANCELLED
        assert any(what == "order_of_the_past" for what, _ in stage.alerts)

    async def test_13_a_partly_filled_order_goes_on_from_there(self, stages):
        stage = await entering(stages())
        stage.venue.fill_quietly(FIRST, 4, 100)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        assert stage.held() == 4
        stage.venue.fill(FIRST, 6, 101)
        await stage.until(lambda: stage.held() == 10, "the rest")
        assert [fill.quantity for fill in stage.of(OrderFilled)] == [4, 6]

    async def test_14_an_account_that_cannot_be_asked_is_unknown_and_never_flat(self, stages):
        stage = await holding(stages())
        stage.venue.unreachable = "503 Service Unavailable"
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.UNKNOWN)
        assert "503" in check.reason
        assert stage.held() == 10
        count = len(stage.of(ApprovedOrder))
        await wishes_again(stage)
        await stage.quiet(0.5)
        assert approved_since(stage, count) == []
        stage.venue.unreachable = ""
        await stage.until_checked(AccountState.GREEN)

    async def test_15_an_execution_of_ours_that_the_venue_does_not_know(self, stages):
        stage = await holding(stages())
        stage.venue.executions.clear()
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.RED)
        assert any("is in our books, and the venue does not tell it" in problem for problem in check.problems)

    async def test_16_somebody_elses_working_order_is_noted_and_left_alone(self, stages):
        stage = stages()
        stage.venue.book["x1"] = VenueOrder(
            venue_id="x1", symbol="TSLA", side=Side.BUY, quantity=Decimal(5), type=OrderType.LIMIT,
            state=OrderState.WORKING, limit_price=Decimal(10),
        )  # fmt: skip
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.GREEN)
        assert check.notes == ("an order that is not ours works: buy 5 TSLA",)
        assert stage.venue.sent("cancel") == []


async def test_19_a_stop_that_somebody_moved_at_the_venue_is_where_it_is_there(stages):
    stage = await holding(stages())
    stop = stage.venue.named(SECOND)
    stage.venue.book[stop.venue_id] = msgspec.structs.replace(stop, stop_price=Decimal(90))
    await stage.start(reconciles=True)
    await stage.until(lambda: stage.of(StopMoved), "followed")
    [record] = stage.engine.open_orders
    assert record.order.stop_price == 90
    guard = stage.engine.holdings["scripted", "SPY", "sim"].guard
    assert guard is not None
    assert guard.stop == 90
    await stage.until_checked(AccountState.GREEN)
    await stage.quiet(0.5)
    assert len(stage.of(StopMoved)) == 1
    assert [what for what, _ in stage.alerts].count("stop_moved_elsewhere") == 1


class TestMoney:
    """What the account's money says, beside what it holds."""

    async def test_17_money_that_moved_while_nobody_looked_is_recorded_and_trading_goes_on(self, stages):
        stage = await holding(stages(), reconciles=True)
        deposit(stage, 2500)
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        [adjusted] = await moved(stage)
        assert [adjusted.ours, adjusted.theirs] == [99_000, 101_500]
        assert adjusted.policy is Policy.IGNORE
        assert adjusted.reason == "our books say 99000.00 of money, the account holds 101500.00"
        await stage.quiet(0.4)
        assert len(await moved(stage)) == 1, "once"

    async def test_18_with_a_policy_that_pauses_nothing_is_entered_before_a_person_accepts(self, stages):
        policy = msgspec.structs.replace(QUICK, cash_differences=Policy.PAUSE)
        stage = await holding(stages(policy=policy), reconciles=True)
        deposit(stage, -2500)
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.RED)
        assert check.blocks_all
        assert check.reason == "USD: our books say 99000.00 of money, the account holds 96500.00"
        count = len(stage.of(ApprovedOrder))
        await wishes_again(stage)
        await stage.quiet()
        assert approved_since(stage, count) == []
        await stage.give(AcceptDifferences(stage.now_ns(), "c1", "ann", broker="sim", policy=Policy.IGNORE))
        await stage.until_checked(AccountState.GREEN)
        [adjusted] = await moved(stage)
        assert adjusted.by == "ann"

    async def test_our_own_trades_explain_what_they_moved(self, stages):
        stage = stages(slot({1: 1, 3: 0}))
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        await stage.play([100, 100])
        await stage.until(lambda: stage.of(OrderAccepted), "accepted")
        stage.venue.fill(FIRST, 10, 100)
        await stage.until(lambda: stage.held() == 10, "bought")
        await stage.play([110, 110], start=3)
        await stage.until(lambda: SECOND in stage.venue.sent(), "sold")
        stage.venue.fill(SECOND, 10, 110)
        await stage.until(lambda: stage.held() == 0, "flat")
        await stage.quiet(0.5)
        assert await moved(stage) == []

    async def test_what_is_within_the_tolerance_is_left_to_grow_and_recorded_then(self, stages):
        stage = stages()
        await stage.start(reconciles=True)
        await stage.until_checked(AccountState.GREEN)
        deposit(stage, -3)
        await stage.quiet(0.5)
        assert await moved(stage) == []
        deposit(stage, -3)
        await stage.until(lambda: len(stage.of(PositionAdjusted)) == 2, "recorded")
        [adjusted] = await moved(stage)
        assert adjusted.theirs - adjusted.ours == -6

    async def test_money_that_the_venue_does_not_tell_is_said_to_be_unknown(self, stages):
        stage = stages()
        stage.venue.money = Balances()
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.GREEN)
        assert check.notes == ("its money was not compared: the venue does not tell it",)
        assert stage.of(PositionAdjusted) == []

    @pytest.mark.parametrize(("symbol", "why"), [("/ES", "what futures earn"), ("EUR/USD", "money of that currency")])
    async def test_money_that_futures_and_currencies_move_is_not_compared_and_that_is_said(self, stages, symbol, why):
        stage = stages(slot({1: 1}, symbol=symbol, quantity=1))
        await stage.start(reconciles=True)
        check = await stage.until_checked(AccountState.GREEN)
        assert why in check.notes[0]
        deposit(stage, 700)
        await stage.quiet(0.5)
        assert stage.of(PositionAdjusted) == []


def deposit(stage: Stage, dollars: int) -> None:
    """Money comes (or goes) without a trade."""
    money = stage.venue.money
    assert money.cash is not None
    stage.venue.money = msgspec.structs.replace(money, cash=money.cash + dollars)


async def moved(stage: Stage) -> list[PositionAdjusted]:
    """Adjustments of money after the one that the first comparison begins with."""
    opening, *others = stage.of(PositionAdjusted)
    assert (opening.symbol, opening.reason) == ("USD", "its money when it was first compared")
    return others


async def test_a_trade_by_hand_is_seen_at_once_and_pauses_that_symbol_only(stages):
    stage = stages(slot({1: 1}), slot({3: 1}, symbol="/ES", quantity=1))
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    stage.venue.tell(StreamRestored())
    await stage.until(lambda: stage.reconciler.is_stream_up, "streamed")
    stage.venue.trade_by_hand("SPY", 5, 100)
    check = await stage.until_checked(AccountState.RED)
    assert not check.blocks_all
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderDenied), "SPY is denied")
    await stage.play([4000, 4000, 4000], symbol="/ES")
    await stage.until(lambda: stage.venue.sent(), "/ES trades")


async def test_a_trade_by_hand_is_seen_without_the_stream(stages):
    stage = stages()
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    stage.venue.tell(StreamLost("cut"))
    stage.venue.trade_by_hand("SPY", 5, 100, quietly=True)
    await stage.until_checked(AccountState.RED)


async def test_what_is_ignored_stays_somebody_elses_and_leaves_ours_alone(stages):
    stage = await holding(stages(policy=IGNORE))
    stage.venue.trade_by_hand("SPY", 5, 100, quietly=True)
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    assert stage.held() == 10
    stage.venue.trade_by_hand("SPY", -5, 101, quietly=True)
    await stage.until(lambda: len(stage.of(PositionAdjusted)) == 2, "and when they sell again")
    assert stage.held() == 10


async def test_an_exit_sells_no_more_than_a_disputed_account_holds(stages):
    stage = stages(slot({1: 1, 3: 0}))
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    await stage.play([100, 100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: stage.held() == 10, "held")
    stage.venue.trade_by_hand("SPY", -8, 101)
    await stage.until_checked(AccountState.RED)
    await stage.play([102, 102], start=3)
    await stage.until(lambda: stage.of(OrderRejected), "refused here")
    assert stage.of(OrderRejected)[0].reason == "it would close 10, and the account holds 2."
    assert stage.venue.sent() == [FIRST]


async def test_a_part_that_is_taken_off_sells_no_more_than_a_disputed_account_holds(stages):
    exits = ExitConfig(targets=(Target(Distance(0.02), share=0.5), Target(Distance(0.10), share=0.5)))
    stage = stages(slot({1: 1, 9: 0}, exits=exits), exit_placement={"sim": ExitPlacement.HELD})
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    await stage.play([100, 100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: stage.held() == 10, "held")
    stage.venue.trade_by_hand("SPY", -10, 101)
    await stage.until_checked(AccountState.RED)
    await stage.play([103], start=3)
    await stage.until(lambda: stage.of(OrderRejected), "refused here")
    assert stage.approved()[1].intent is OrderIntent.ADJUST
    assert stage.of(OrderRejected)[0].reason == "it would close 5, and the account holds 0."
    assert stage.venue.sent() == [FIRST], "it would have sold short"


async def test_a_reconnect_asks_for_what_was_missed(stages):
    stage = stages()
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.reconciler._account.policy = msgspec.structs.replace(QUICK, check_every_s=60.0, poll_s=60.0)
    stage.venue.tell(StreamRestored())
    await stage.until(lambda: stage.last_check().trigger == "reconnect", "compared")
    stage.venue.fill_quietly(FIRST, 10, 100)
    stage.venue.tell(StreamRestored())
    await stage.until(lambda: stage.held() == 10, "the missed execution is there")


async def test_a_quiet_account_is_compared_all_the_time_and_told_once(stages):
    stage = stages()
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    asked = stage.venue.calls.count(("query", ""))
    await stage.until(lambda: stage.venue.calls.count(("query", "")) >= asked + 12, "three more rounds")
    assert len(stage.of(AccountChecked)) == 2  # the beginning, and green


async def test_an_order_the_venue_stopped_listing_is_asked_for_and_then_over(stages):
    stage = stages()
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "accepted")
    stage.venue.book.clear()
    await stage.until(lambda: stage.of(OrderCancelled), "over")
    assert stage.of(OrderCancelled)[0].reason == "the venue does not know it any more"


async def test_reports_of_strangers_do_not_make_the_account_compared_for_ever(stages):
    stage = stages(policy=msgspec.structs.replace(QUICK, check_every_s=60.0, poll_s=60.0))
    await stage.start(reconciles=True)
    await stage.until_checked(AccountState.GREEN)
    stranger = VenueOrder(
        venue_id="x1", symbol="TSLA", side=Side.BUY, quantity=Decimal(5), type=OrderType.MARKET,
        state=OrderState.FILLED, filled_quantity=Decimal(5),
    )  # fmt: skip
    stage.venue.book["x1"] = stranger
    stage.venue.tell(OrderReported(stranger))
    asked = stage.venue.calls.count(("query", ""))
    await stage.until(lambda: stage.venue.calls.count(("query", "")) > asked, "compared because of it")
    await stage.quiet(0.3)
    rounds = stage.venue.calls.count(("query", "")) - asked
    for _ in range(3):
        stage.venue.tell(OrderReported(stranger))
    await stage.quiet(0.3)
    assert stage.venue.calls.count(("query", "")) - asked == rounds


async def test_a_venue_that_breaks_in_an_unknown_way_is_unknown(stages, monkeypatch):
    stage = stages()

    async def broken(self: FakeVenue) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(FakeVenue, "positions", broken)
    await stage.start(reconciles=True)
    check = await stage.until_checked(AccountState.UNKNOWN)
    assert "its positions could not be asked: ZeroDivisionError" in check.reason
