"""Books at each venue through everything that may go wrong, and what went over the wire."""

import random
from functools import partial

import msgspec
import pytest

from engine.exits.config import BreakEven, Distance, ExitConfig, Target
from engine.model.accounts import AccountState, Policy, PositionAdjusted
from engine.model.enums import OrderState, Side
from engine.model.orders import OrderBecameUnknown, OrderFilled, OrderRejected, OrderSubmitted, StopMoved
from tests.brokers.at_venue import POLICY, There, book_at, patient
from tests.engine.scenario import slot
from tests.trading.runtime.live_stage import Stage
from tests.wiretap import Frame

VENUES = ("alpaca", "schwab", "tastytrade")
PARTS = ["limit", "stop"]
PAIR = ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.01)),))
every_venue = pytest.mark.parametrize("venue", VENUES)
every_line = pytest.mark.parametrize("venue", [*VENUES, "ibkr"])  # where what is sent need not be read on the way


@pytest.fixture
def at(monkeypatch):
    """`async with at("schwab", slot(…)) as (stage, there)`."""
    return partial(book_at, monkeypatch=monkeypatch)


async def bought(stage: Stage, there: There) -> None:
    price = there.price()
    await stage.play([price, price])
    await stage.until(lambda: stage.held() == 10, "the entry")


def sent(there: There) -> list[Frame]:
    """The orders that went over the wire."""
    return [frame for frame in there.tap.said("POST") if "order" in frame.path]


def does(frame: Frame) -> str:
    """What an order does to the position, in the venue's own words."""
    body = frame.body
    if "orderLegCollection" in body:
        leg = body["orderLegCollection"][0]
        return f"{leg['instruction']} {leg['quantity']}"
    if "legs" in body:
        return f"{body['legs'][0]['action']} {body['legs'][0]['quantity']}"
    return f"{body['side']} {body['qty']}"


WORDS = {
    "alpaca": ["buy 10", "sell 10", "sell 10"],
    "schwab": ["BUY 10", "SELL 10", "SELL_SHORT 10"],
    "tastytrade": ["Buy to Open 10", "Sell to Close 10", "Sell to Open 10"],
}


class TestReversals:
    @every_venue
    async def test_on_the_wire_shares_are_closed_then_sold_short_and_never_both_at_once(self, at, venue):
        async with at(venue, slot({1: 1, 3: -1})) as (stage, there):
            await bought(stage, there)
            await stage.play([there.price()] * 2, start=3)
            await stage.until(lambda: stage.held() == -10, "the short position")
            frames = sent(there)
            assert [does(frame) for frame in frames] == WORDS[venue]
            # The short sale left when the account held nothing any more; at no moment it held more than was asked for.
            assert [frame.seen for frame in frames] == [0, 10, 0]
            assert there.exposure == 10
            assert there.executions == [("buy", 10), ("sell", 10), ("sell", 10)]
            await stage.until_checked(AccountState.GREEN)

    async def test_on_the_wire_a_future_is_turned_with_one_order(self, at):
        async with at("tastytrade", slot({1: 1, 3: -1}, symbol="/ES", quantity=1)) as (stage, there):
            price = there.price("/ES")
            await stage.play([price, price], symbol="/ES")
            await stage.until(lambda: stage.held("/ES") == 1, "long")
            await stage.play([price, price], symbol="/ES", start=3)
            await stage.until(lambda: stage.held("/ES") == -1, "short")
            frames = sent(there)
            assert [does(frame) for frame in frames] == ["Buy 1", "Sell 2"]
            assert [len(frame.body["legs"]) for frame in frames] == [1, 1]
            assert there.executions == [("buy", 1), ("sell", 2)]
            assert there.course[-1] == -1
            assert there.exposure == 1

    @pytest.mark.parametrize(
        ("venue", "fault"),
        [
            (venue, fault)
            for venue in VENUES
            for fault in ("drop_answer", "drop_request", "server_error_after", "late_answer")
            if venue != "tastytrade" or fault == "drop_answer"  # the rest of it is in ./run chaos orders
        ],
    )
    async def test_whatever_happens_to_the_answer_of_the_close(self, at, venue, fault):
        async with at(venue, slot({1: 1, 3: -1})) as (stage, there):
            await bought(stage, there)
            there.fault(fault, times=1, actions=("place",), delay_s=30.0)
            await stage.play([there.price()] * 2, start=3)
            if fault == "drop_request":
                await stage.until(lambda: stage.of(OrderBecameUnknown), "the close is not known")
                await stage.until(lambda: not stage.gateway.unresolved(), "it never came")
            else:
                await stage.until(lambda: stage.held() == -10, "the short position")
                assert there.executions == [("buy", 10), ("sell", 10), ("sell", 10)]
                await stage.until_checked(AccountState.GREEN)
            assert there.exposure == 10


class TestSomebodyElse:
    @pytest.mark.parametrize("venue", [*VENUES, "ibkr", "schwab by polling"])
    async def test_a_trade_by_hand_is_found_and_pauses_entries(self, at, venue):
        name, _, polls = venue.partition(" ")
        async with at(name, slot({1: 1}), options={"activity": "poll"} if polls else {}) as (stage, there):
            there.trade_by_hand(Side.BUY, 7)
            checked = await stage.until_checked(AccountState.RED)
            (difference,) = checked.differences
            assert (difference.symbol, difference.theirs) == ("SPY", 7)
            await stage.play([there.price()])
            await stage.quiet(0.2)
            assert len(there.orders) == 1, "theirs alone"

    @pytest.mark.parametrize("venue", ["schwab", "tastytrade"])
    async def test_an_adopted_sale_by_hand_shrinks_the_position_and_its_stop(self, at, venue):
        policy = msgspec.structs.replace(POLICY, external_trades=Policy.ADOPT)
        async with at(venue, slot({1: 1}, exits=ExitConfig(stop=Distance(0.05))), policy=policy) as (stage, there):
            await bought(stage, there)
            await stage.until(lambda: len(there.orders) == 2, "the stop")
            there.trade_by_hand(Side.SELL, 4)
            await stage.until(lambda: stage.held() == 6, "adopted")
            await stage.until(
                lambda: [int(order.quantity) for order in there.orders if not order.state.is_final] == [6],
                "a stop for what is left",
            )  # fmt: skip
            await stage.until_checked(AccountState.GREEN)
            assert stage.of(PositionAdjusted)[-1].quantity == 4

    async def test_an_ignored_purchase_by_hand_stays_theirs(self, at):
        policy = msgspec.structs.replace(POLICY, external_trades=Policy.IGNORE)
        async with at("alpaca", slot({1: 1, 3: 0}), policy=policy) as (stage, there):
            await bought(stage, there)
            there.trade_by_hand(Side.BUY, 5)
            await stage.until(lambda: any(each.symbol == "SPY" for each in stage.of(PositionAdjusted)), "noted")
            await stage.until_checked(AccountState.GREEN)
            await stage.play([there.price()] * 2, start=3)
            await stage.until(lambda: stage.held() == 0, "ours are sold")
            assert there.held() == 5


class TestExitsThere:
    @every_line
    async def test_a_stop_and_a_target_go_as_one_and_the_stop_moves_in_place(self, at, venue):
        exits = msgspec.structs.replace(PAIR, break_even=BreakEven(after=Distance(0.005)))
        async with at(venue, slot({1: 1, 5: 0}, exits=exits)) as (stage, there):
            await bought(stage, there)
            await stage.until(
                lambda: sorted(r.state for r in stage.engine.open_orders) == [OrderState.ACCEPTED] * 2, "guarded",
            )  # fmt: skip
            if venue in VENUES:
                assert len(sent(there)) == 2, "the entry, and both exits with one request"
            there.fault("no_fills")  # the price that the book hears of is not the market's
            entry = stage.engine.ledger.position("scripted", "SPY", "sim").average_price
            await stage.play([float(entry) * 1.007], start=3)
            await stage.until(lambda: stage.of(StopMoved), "moved")
            await stage.until(
                lambda: sorted(each.ticket.type for each in there.orders if not each.state.is_final) == PARTS,
                "the stop that moved took the place of the one before",
            )  # fmt: skip
            assert abs(stage.of(StopMoved)[0].stop_price - entry) < 1
            assert there.tap.said("DELETE") == []
            there.simulated.order_faults.clear()
            await stage.play([there.price()] * 2, start=4)
            await stage.until(lambda: stage.held() == 0, "closed by the strategy")
            await stage.until(lambda: not stage.engine.open_orders, "nothing is left")
            assert [order for order in there.orders if not order.state.is_final] == []
            assert there.executions == [("buy", 10), ("sell", 10)]
            assert stage.of(OrderRejected) == []


@every_venue
async def test_what_happened_while_the_line_was_cut_is_booked_when_it_is_back_by_whatever_clock(at, venue):
    async with at(venue, slot({1: 1, 3: 0}), policy=patient()) as (stage, there):
        there.fault("clock_skew", delay_s=-240)
        await bought(stage, there)
        there.fault("cut_stream", for_s=0.6)
        await stage.until(lambda: not stage.reconciler.is_stream_up, "the line is cut")
        await stage.play([there.price()] * 2, start=3)
        await stage.until(lambda: there.held() == 0, "sold while nobody listened")
        await stage.until(lambda: stage.held() == 0, "booked")
        await stage.until(lambda: stage.reconciler.is_stream_up, "the line is back")
        await stage.until_checked(AccountState.GREEN)


@every_line
async def test_killed_between_order_and_answer_it_is_found_again_and_not_sent_twice(at, venue):
    async with at(venue, slot({1: 1})) as (stage, there):
        there.fault("late_answer", times=1, actions=("place",), delay_s=30.0)
        await stage.play([there.price()] * 2)
        await stage.until(lambda: there.orders, "the order is there")
        await stage.kill()
        getattr(stage.venue, "_names", {}).clear() if venue == "schwab" else None  # a new process has no memory
        await stage.start(reconciles=True)
        await stage.until(lambda: stage.held() == 10, "it is found")
        assert len(there.orders) == 1
        assert venue not in VENUES or len(sent(there)) == 1
        await stage.until_checked(AccountState.GREEN)


@pytest.mark.parametrize(("venue", "seed"), [("alpaca", 0), ("alpaca", 1), ("schwab", 0), ("schwab", 1)])
async def test_whatever_breaks_the_account_and_our_books_hold_the_same_in_the_end(at, venue, seed):
    """Answers and requests lost, errors before and after, news late, twice and in another order, the line cut."""
    rng = random.Random(seed)
    targets = {1: 1} | {number: rng.choice((-1, 0, 1)) for number in range(3, 11)}
    async with at(venue, slot(targets)) as (stage, there):
        await bought(stage, there)
        for name in ("drop_answer", "drop_request", "server_error", "server_error_after", "late_answer"):
            there.fault(name, share=0.15, actions=("place",), delay_s=0.3)
            there.fault(name, share=0.02, actions=("query",), delay_s=0.3)
        for name in ("late_events", "duplicate_events", "reorder_events", "duplicate_fill", "partial_fills"):
            there.fault(name, share=0.3, delay_s=0.2)
        there.fault("cut_stream", after_s=1.0 + rng.random(), for_s=0.5)
        for number in range(3, 11):
            await stage.play([there.price()], start=number)
            await stage.quiet(0.4)
        there.simulated.order_faults.clear()
        await stage.until(lambda: stage.gateway.is_settled, "everything is answered")
        await stage.until(lambda: stage.held() == there.held(), "the same")
        await stage.until_checked(AccountState.GREEN)
        told = [fill.fill_id for fill in stage.of(OrderFilled)]
        assert len(told) == len(set(told)) == len(there.executions)
        names = [fact.client_id for fact in stage.of(OrderSubmitted)]
        assert len(names) == len(set(names)) >= len(there.orders)
        assert there.exposure == 10
