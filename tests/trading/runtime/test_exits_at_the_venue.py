"""A stop and a target wait at the venue as one pair, and a stop that waits there is moved: never two, never none
without anybody knowing."""

import msgspec
import pytest

from brokers.venue import OrderRefused, RateLimited, VenueOrder
from engine.core import ExitPlacement
from engine.core.config import VenueExits
from engine.exits.config import BreakEven, Distance, ExitConfig, Target
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderState, OrderType
from engine.model.orders import (
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.model.positions import TradeClosed
from tests.engine.scenario import slot
from tests.trading.runtime.fake_venue import DROPPED, FEATURES, HALF, LOST, FakeVenue
from tests.trading.runtime.live_stage import Stage

ENTRY, STOP, TARGET, FOURTH = (f"t0-scripted-SPY-00000{number}" for number in (1, 2, 3, 4))
PAIRING = msgspec.structs.replace(FEATURES, paired_exits=frozenset({AssetClass.EQUITY}), moves_stops=True)
BOTH = ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.10)),))
TO_ENTRY = ExitConfig(stop=Distance(0.05), break_even=BreakEven(after=Distance(0.02)))
TRAILING = ExitConfig(trailing=Distance(0.04))


def without_target(order: VenueOrder) -> VenueOrder:
    is_target = order.type is OrderType.LIMIT
    return msgspec.structs.replace(order, state=OrderState.REJECTED, reason="no targets today") if is_target else order


@pytest.fixture
async def holding():
    """`await holding(exits)`: 10 shares from 100, guarded by these exits at a venue that pairs and moves."""
    made: list[Stage] = []

    async def make(exits: ExitConfig, *script: object, **venue_exits: object) -> Stage:
        can = VenueExits(**{"pairs": frozenset({"SPY"}), "moves": True, **venue_exits})  # type: ignore[arg-type]
        stage = Stage(
            slot({1: 1, 8: 0}, exits=exits), venue=FakeVenue(PAIRING),
            exit_placement={"sim": ExitPlacement.SPLIT}, venue_exits={"sim": can},
        )  # fmt: skip
        made.append(stage)
        await stage.start()
        stage.venue.script += [lambda order: order, *script]  # type: ignore[list-item]
        await stage.play([100, 100])
        await stage.until(lambda: stage.of(OrderAccepted), "the entry is accepted")
        stage.venue.fill(ENTRY, 10, 100)
        await stage.until(lambda: stage.held() == 10, "the entry is filled")
        return stage

    yield make
    for stage in made:
        await stage.close()


def working(stage: Stage) -> list[tuple[OrderType, float]]:
    """What waits at the venue, with its price."""
    found = [order for order in stage.venue.book.values() if not order.state.is_final]
    return [(order.type, float(order.stop_price or order.limit_price or 0)) for order in found]


async def guarded(stage: Stage) -> None:
    await stage.until(lambda: {r.state for r in stage.engine.open_orders} == {OrderState.ACCEPTED}, "all are accepted")


class TestPairs:
    async def test_both_leave_with_one_call_after_both_are_committed_as_submitted(self, holding):
        stage = await holding(BOTH)
        await guarded(stage)
        assert stage.venue.sent("pair") == [f"{STOP} {TARGET}"]
        assert stage.venue.sent() == [ENTRY]
        assert working(stage) == [(OrderType.STOP, 95.0), (OrderType.LIMIT, 110.0)]
        submitted = stage.of(OrderSubmitted)[1:]
        assert [fact.client_id for fact in submitted] == [STOP, TARGET]
        assert [fact.request and fact.request["path"] for fact in submitted] == ["/pairs", "/pairs"]

    async def test_the_target_fills_and_the_stops_end_is_confirmed(self, holding):
        stage = await holding(BOTH)
        await guarded(stage)
        stage.venue.fill(TARGET, 10, 110)
        await stage.until(lambda: stage.of(TradeClosed), "closed")
        assert stage.of(TradeClosed)[0].exit_reason == "target_1"
        await stage.until(lambda: not stage.engine.open_orders, "the stop is known to be gone")
        assert working(stage) == []
        assert stage.venue.sent() == [ENTRY]

    async def test_a_part_of_the_target_leaves_a_smaller_stop_that_is_known_to_be_over_when_it_filled(self, holding):
        stage = await holding(BOTH)
        await guarded(stage)
        stage.venue.fill(TARGET, 4, 110)
        stage.venue.shrink(STOP, 6)
        await stage.until(lambda: stage.held() == 6, "the part")
        stage.venue.fill(STOP, 6, 95)
        await stage.until(lambda: stage.held() == 0, "flat")
        await stage.until(lambda: not stage.engine.open_orders, "nothing counts as open")
        assert len(stage.venue.sent("pair")) == 1

    async def test_an_exit_withdraws_both_before_it_sells(self, holding):
        stage = await holding(BOTH)
        await guarded(stage)
        await stage.play([101] * 6, start=3)
        await stage.until(lambda: stage.venue.sent() == [ENTRY, FOURTH], "the exit is sent")
        assert [stage.venue.named(name).state for name in (STOP, TARGET)] == [OrderState.CANCELLED] * 2

    async def test_a_lost_answer_makes_both_unknown_and_each_is_found(self, holding):
        stage = await holding(BOTH, DROPPED)
        await guarded(stage)
        assert {fact.client_id for fact in stage.of(OrderBecameUnknown)} == {STOP, TARGET}
        assert len(stage.venue.sent("pair")) == 1
        assert working(stage) == [(OrderType.STOP, 95.0), (OrderType.LIMIT, 110.0)]

    async def test_a_pair_that_never_came_is_over_and_another_one_guards_the_position(self, holding):
        stage = await holding(BOTH, LOST)
        await stage.until(lambda: len(stage.of(OrderCancelled)) == 2, "it never came")
        await stage.until(lambda: len(stage.venue.sent("pair")) == 2, "guarded again")
        await guarded(stage)
        assert working(stage) == [(OrderType.STOP, 95.0), (OrderType.LIMIT, 110.0)]

    async def test_of_a_refused_pair_the_engine_holds_the_levels(self, holding):
        stage = await holding(BOTH, OrderRefused("no pairs today", venue_code="P1"))
        await stage.until(lambda: len(stage.of(OrderRejected)) == 2, "both are refused")
        assert [what for what, _ in stage.alerts] == ["exit_refused", "exit_refused"]
        await stage.play([94], start=3)
        await stage.until(lambda: len(stage.venue.sent()) == 2, "the level is watched here")
        assert stage.approved()[-1].reason == "stop"

    @pytest.mark.parametrize("what", [HALF, without_target])
    async def test_of_a_pair_that_lost_its_target_the_stop_stays_and_the_target_is_watched(self, holding, what):
        stage = await holding(BOTH, what)
        await stage.until(lambda: [r.order.client_id for r in stage.engine.open_orders] == [STOP], "the target is over")
        await guarded(stage)
        assert (working(stage), stage.venue.sent("cancel")) == ([(OrderType.STOP, 95.0)], [])
        await stage.play([109], start=3)
        await stage.play([110], start=4)
        await stage.until(lambda: stage.venue.sent() == [ENTRY, FOURTH], "the exit at the target")
        assert stage.approved()[-1].reason == "target_1"
        assert stage.venue.named(STOP).state is OrderState.CANCELLED, "before anything was sold"

    async def test_killed_between_the_call_and_its_answer_nothing_is_sent_twice(self, holding):
        stage = await holding(BOTH, DROPPED)
        await stage.until(lambda: stage.of(OrderBecameUnknown), "unknown")
        await stage.kill()
        await stage.start()
        await guarded(stage)
        assert len(stage.venue.sent("pair")) == 1
        assert len(working(stage)) == 2


class TestMoving:
    async def test_the_stop_moves_to_the_entry_in_place(self, holding):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        await stage.play([103], start=3)
        await stage.until(lambda: stage.of(StopMoved), "moved")
        assert stage.venue.sent("replace") == [f"{STOP} 100.0"]
        assert working(stage) == [(OrderType.STOP, 100.0)]
        assert stage.venue.sent("cancel") == []
        [record] = stage.engine.open_orders
        assert (record.order.client_id, record.order.stop_price, record.moving_to) == (STOP, 100, None)
        stage.venue.fill(STOP, 10, 100)
        await stage.until(lambda: stage.of(TradeClosed), "closed")
        assert stage.of(TradeClosed)[0].exit_reason == "break_even"

    async def test_the_stop_of_a_pair_moves_and_the_target_stays(self, holding):
        exits = msgspec.structs.replace(BOTH, break_even=BreakEven(after=Distance(0.02)))
        stage = await holding(exits)
        await guarded(stage)
        await stage.play([103], start=3)
        await stage.until(lambda: stage.of(StopMoved), "moved")
        assert working(stage) == [(OrderType.STOP, 100.0), (OrderType.LIMIT, 110.0)]

    async def test_a_refused_move_withdraws_the_stop_confirmed_and_then_places_another_one(self, holding):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        stage.venue.replace_script.append(OrderRefused("not now"))
        stage.venue.cancel_script.append(LOST)
        most = 0
        await stage.play([103], start=3)

        def is_there() -> bool:
            nonlocal most
            most = max(most, len(working(stage)))
            return working(stage) == [(OrderType.STOP, 100.0)]

        await stage.until(is_there, "the new stop")
        assert most == 1, "never two"
        assert [fact.reason for fact in stage.of(StopMoveRefused)] == ["not now"]
        assert [fact.client_id for fact in stage.of(OrderCancelled)] == [STOP]
        assert any(what == "stop_not_moved" for what, _ in stage.alerts)

    @pytest.mark.parametrize("what", [DROPPED, LOST])
    async def test_a_move_without_an_answer_is_resolved_by_asking(self, holding, what):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        stage.venue.replace_script.append(what)
        await stage.play([103], start=3)
        await stage.until(lambda: stage.of(StopMoved), "moved")
        assert working(stage) == [(OrderType.STOP, 100.0)]
        # One that arrived is not asked for again; one that the venue still shows where it was is.
        assert len(stage.venue.sent("replace")) == (1 if what == DROPPED else 2)
        assert any(alert == "move_unknown" for alert, _ in stage.alerts)

    async def test_a_move_waits_out_a_pause_that_the_venue_asks_for(self, holding):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        stage.venue.replace_script.append(RateLimited("slow down", retry_after_s=0.2))
        await stage.play([103], start=3)
        await stage.until(lambda: stage.of(StopMoved), "moved")
        assert len(stage.venue.sent("replace")) == 2

    async def test_a_stop_that_fills_while_it_is_moved_is_not_placed_again(self, holding):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        stage.venue.replace_script.append(OrderRefused("the order is filled"))
        stage.venue.fill_quietly(STOP, 10, 95)
        await stage.play([103], start=3)
        await stage.until(lambda: stage.held() == 0, "the stop had filled")
        await stage.until(lambda: not stage.engine.open_orders, "nothing is open")
        assert working(stage) == []
        assert stage.venue.sent() == [ENTRY, STOP]

    async def test_a_move_that_a_kill_cut_off_is_taken_up(self, holding):
        stage = await holding(TO_ENTRY)
        await guarded(stage)
        stage.locks.has_lease = False
        await stage.play([103], start=3)
        await stage.until(lambda: stage.of(StopMoveRequested), "wanted")
        await stage.quiet(0.05)
        assert stage.venue.sent("replace") == []
        await stage.kill()
        stage.locks.has_lease = True
        await stage.start()
        await stage.until(lambda: stage.of(StopMoved), "moved")
        assert working(stage) == [(OrderType.STOP, 100.0)]

    async def test_where_the_venue_does_not_trail_its_stop_follows_what_is_watched_here(self, holding):
        stage = await holding(TRAILING, trails=False)
        await guarded(stage)
        assert working(stage) == [(OrderType.STOP, 96.0)]
        await stage.play([100.5], start=3)  # not worth a message
        await stage.play([104], start=4)
        await stage.until(lambda: stage.of(StopMoved), "it follows")
        assert working(stage) == [(OrderType.STOP, 100.0)]
        assert len(stage.venue.sent("replace")) == 1
        stage.venue.fill(STOP, 10, 100)
        await stage.until(lambda: stage.of(TradeClosed), "closed")
        assert stage.of(TradeClosed)[0].exit_reason == "trailing"

    async def test_a_stop_that_is_filled_in_part_is_not_moved_but_withdrawn_for_one_of_what_is_left(self, holding):
        stage = await holding(TRAILING, trails=False)
        await guarded(stage)
        stage.venue.fill(STOP, 4, 96)
        await stage.until(lambda: stage.held() == 6, "a part of the stop")
        await stage.play([104], start=3)
        await stage.until(lambda: working(stage) == [(OrderType.STOP, 100.0)], "the stop is where the trail is")
        [stop] = [order for order in stage.venue.book.values() if not order.state.is_final]
        assert stop.quantity - stop.filled_quantity == 6, "more would turn the position"
        assert stage.venue.sent("replace") == []

    async def test_the_stop_of_a_pair_that_the_venue_made_smaller_is_not_moved_with_its_old_quantity(self, holding):
        stage = await holding(msgspec.structs.replace(BOTH, break_even=BreakEven(after=Distance(0.02))))
        await guarded(stage)
        stage.venue.fill(TARGET, 4, 110)
        stage.venue.shrink(STOP, 6)
        await stage.until(lambda: stage.held() == 6, "a part of the target")
        await stage.play([103], start=3)
        await stage.until(lambda: working(stage) == [(OrderType.STOP, 100.0), (OrderType.LIMIT, 110.0)], "both anew")
        there = [order for order in stage.venue.book.values() if not order.state.is_final]
        assert {order.quantity - order.filled_quantity for order in there} == {6}
        assert stage.venue.sent("replace") == []

    async def test_where_the_venue_trails_it_does_so_by_itself(self, holding):
        stage = await holding(TRAILING)
        await guarded(stage)
        assert [kind for kind, _ in working(stage)] == [OrderType.TRAILING_STOP]
        await stage.play([104, 108], start=3)
        await stage.quiet(0.05)
        assert stage.venue.sent("replace") == []
