"""Exits, at the venue and held by the engine: every open position is guarded, and levels do what they say."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.core import ExitPlacement
from engine.errors import InvalidInput
from engine.exits.config import BreakEven, Distance, DistanceKind, ExitConfig, Target
from engine.exits.plan import plan_exits
from engine.model.commands import CancelOrder, Flatten, ManualOrder
from engine.model.enums import OrderType, Side
from engine.model.market import Bar, FeedStateChanged, TimeAdvanced
from engine.model.orders import ApprovedOrder, CancelRequested, OrderFilled, OrderRejected
from engine.model.positions import ExitArmed, TradeClosed
from engine.model.signals import SignalSuppressed
from engine.model.time import from_datetime
from engine.venue.matching import SimulatedVenue
from tests.engine.scenario import ES, INSTRUMENTS, MINUTE, SPY, World, bar, bars, slot, tick

D = Decimal
HELD = {"exit_placement": {"sim": ExitPlacement.HELD}}
VENUE = {"exit_placement": {"sim": ExitPlacement.VENUE}}
BOTH = pytest.mark.parametrize("placement", [VENUE, HELD], ids=["venue", "held"])


def points(value):
    return Distance(value, DistanceKind.POINTS)


def world(exits, script=None, placement=None, **config):
    return World(slot({1: 1} if script is None else script, exits=exits), **(placement or {}), **config)


def at(year, month, day, hour, minute):
    return from_datetime(datetime(year, month, day, hour, minute, tzinfo=UTC))


def closed(world):
    return [(t.exit_reason, t.exit_price, t.quantity) for t in world.of(TradeClosed)]


def quantity(world):
    return world.engine.positions[0].quantity


def opened(exits, placement=None, **config):
    """Long 10 at 100 on ticks."""
    found = world(exits, placement=placement, **config)
    return found.run([tick(1, 100.0), bar(1, 100), tick(MINUTE + 1, 100.0)])


def prices(world, *values, start=MINUTE + 10):
    for number, price in enumerate(values):
        world.send(tick(start + number, price))
    return world


def test_a_stop_at_the_venue_fills_inside_the_bar_at_its_level():
    w = world(ExitConfig(stop=Distance(0.02))).run([bar(1, 100), bar(2, 99, open_=100, low=97), bar(3, 99)])
    assert closed(w) == [("stop", D("98.00"), D(10))]
    assert w.of(TradeClosed)[0].exit_ts == 2 * MINUTE


def test_a_stop_that_is_gapped_through_fills_at_the_open():
    w = world(ExitConfig(stop=Distance(0.02))).run([bar(1, 100), bar(2, 100), bar(3, 95, open_=94)])
    assert closed(w) == [("stop", D("94.00"), D(10))]


def test_the_bar_of_the_entry_can_stop_it_out():
    w = world(ExitConfig(stop=Distance(0.02))).run([bar(1, 100), bar(2, 99, open_=100, low=97)])
    assert closed(w) == [("stop", D("98.00"), D(10))]


def test_a_bar_that_touches_stop_and_target_takes_the_stop_and_is_ambiguous():
    exits = ExitConfig(stop=Distance(0.02), targets=(Target(Distance(0.02)),))
    w = world(exits).run([bar(1, 100), bar(2, 100, open_=100), bar(3, 100, open_=100, high=103, low=97)])
    assert closed(w) == [("stop", D("98.00"), D(10))]
    assert w.of(TradeClosed)[0].is_ambiguous


@BOTH
def test_on_ticks_a_stop_exits_within_a_tick_of_its_level(placement):
    w = prices(opened(ExitConfig(stop=points(1)), placement), 99.5, 98.99, 98.98, 98.97)
    reason, price, size = closed(w)[0]
    assert (reason, size) == ("stop", D(10))
    assert D("98.97") <= price <= D("99.00")
    assert quantity(w) == 0


@BOTH
def test_a_trailing_stop_only_ratchets(placement):
    w = prices(opened(ExitConfig(trailing=points(1)), placement), 100.5, 103.0, 102.5, 102.9)
    assert quantity(w) == 10
    prices(w, 102.0, 102.0, start=MINUTE + 50)
    assert closed(w) == [("trailing", D("102.00"), D(10))]


@BOTH
def test_three_tiers_make_three_partial_exits_that_sum_to_the_position(placement):
    exits = ExitConfig(targets=(Target(points(1), 0.34), Target(points(2), 0.33), Target(points(3), 0.33)))
    w = prices(opened(exits, placement), 101.0, 101.0, 102.0, 102.0, 103.0, 103.0)
    assert [reason for reason, _, _ in closed(w)] == ["target_1", "target_2", "target_3"]
    assert sum(size for _, _, size in closed(w)) == 10
    assert [size for _, _, size in closed(w)] == [D(3), D(3), D(4)]


@BOTH
def test_after_a_target_the_stop_covers_what_is_left(placement):
    exits = ExitConfig(stop=points(2), targets=(Target(points(1), 0.4), Target(points(3), 0.6)))
    w = prices(opened(exits, placement), 101.0, 101.0, 98.0, 98.0, 97.0)
    assert [(reason, size) for reason, _, size in closed(w)] == [("target_1", D(4)), ("stop", D(6))]
    assert quantity(w) == 0
    assert not w.engine.open_orders


@BOTH
def test_break_even_moves_the_stop_to_the_entry(placement):
    exits = ExitConfig(stop=points(2), break_even=BreakEven(points(1), points(0.25)))
    w = prices(opened(exits, placement), 101.0, 100.5, 100.25, 100.25)
    assert closed(w) == [("break_even", D("100.25"), D(10))]
    assert "break_even" in [armed.reason for armed in w.of(ExitArmed)]


@BOTH
def test_break_even_keeps_the_targets_that_are_left(placement):
    exits = ExitConfig(
        stop=points(2), targets=(Target(points(0.5), 0.5), Target(points(3), 0.5)), break_even=BreakEven(points(1))
    )
    w = prices(opened(exits, placement), 100.5, 100.5, 101.0, 102.0, 103.0, 103.0)
    assert [(reason, size) for reason, _, size in closed(w)] == [("target_1", D(5)), ("target_2", D(5))]


@BOTH
def test_a_reversal_takes_the_old_exits_away_before_it_is_sent(placement):
    exits = ExitConfig(stop=points(5))
    w = world(exits, {1: 1, 3: -1}, placement).run(bars([100, 100, 101, 101, 101]))
    assert quantity(w) == -10
    names = [
        (type(e).__name__, e.order.type if isinstance(e, ApprovedOrder) else None)
        for e in w.out
        if isinstance(e, ApprovedOrder | CancelRequested)
    ]
    market, stop = ("ApprovedOrder", OrderType.MARKET), ("ApprovedOrder", OrderType.STOP)
    if placement is VENUE:
        assert names == [market, stop, ("CancelRequested", None), market, stop]
        assert [o.order.stop_price for o in w.engine.open_orders] == [D("106.00")]
    else:
        assert names == [market, market]


@pytest.mark.parametrize(
    ("exits", "start", "end", "reason"),
    [
        (ExitConfig(max_hold_s=120.0), (2026, 11, 16, 15, 0), (2026, 11, 16, 15, 3), "max_hold"),
        (ExitConfig(before_close_s=600.0), (2026, 11, 16, 20, 30), (2026, 11, 16, 20, 50), "session_close"),
        (ExitConfig(before_close_s=600.0), (2026, 11, 27, 17, 30), (2026, 11, 27, 17, 50), "session_close"),
        (ExitConfig(cut_off="15:45"), (2026, 11, 16, 20, 30), (2026, 11, 16, 20, 45), "cut_off"),
        (ExitConfig(cut_off="15:45"), (2026, 11, 27, 17, 30), (2026, 11, 27, 17, 45), "cut_off"),
    ],
    ids=["max-hold", "before-close", "before-close-on-a-half-day", "cut-off", "cut-off-on-a-half-day"],
)
def test_time_closes_a_position_even_in_silence(exits, start, end, reason):
    begin, due = at(*start), at(*end)
    w = world(exits)
    for number in (1, 2):
        ts = begin + number * MINUTE
        w.send(Bar(ts, "SPY", "1", ts - MINUTE, 100.0, 100.0, 100.0, 100.0, 1.0))
    assert quantity(w) == 10
    w.send(TimeAdvanced(due - 1))
    assert quantity(w) == 10
    w.send(TimeAdvanced(due))
    w.send(Bar(due + MINUTE, "SPY", "1", due, 100.0, 100.0, 100.0, 100.0, 1.0))
    assert closed(w) == [(reason, D("100.00"), D(10))]


def test_distances_in_ticks_and_in_average_true_ranges():
    exits = ExitConfig(stop=Distance(4, DistanceKind.TICKS), targets=(Target(Distance(2, DistanceKind.ATR)),))
    plan = plan_exits(exits, instrument=ES, signed=D(1), entry=D("5000.00"), atr=10.1)
    assert (plan.stop, plan.tiers[0].price) == (D("4999.00"), D("5020.25"))
    short = plan_exits(exits, instrument=ES, signed=D(-1), entry=D("5000.00"), atr=10.1)
    assert (short.stop, short.tiers[0].price) == (D("5001.00"), D("4979.75"))
    with pytest.raises(InvalidInput, match="warm"):
        plan_exits(exits, instrument=ES, signed=D(1), entry=D("5000.00"), atr=float("nan"))


def test_an_atr_stop_waits_for_its_own_warmup():
    exits = ExitConfig(stop=Distance(2, DistanceKind.ATR), atr_period=3)
    w = world(exits, {1: 1}).run([bar(n, 100, open_=100, high=101, low=99) for n in range(1, 7)])
    assert [o.order.stop_price for o in w.engine.open_orders] == [D("96.00")]


def test_an_atr_and_a_share_round_away_from_the_entry():
    plan = plan_exits(ExitConfig(stop=Distance(0.0149)), instrument=SPY, signed=D(3), entry=D("101.33"), atr=0.0)
    assert plan.stop == D("99.82")


@pytest.mark.parametrize(
    ("exits", "field"),
    [
        (ExitConfig(), "exits"),
        (ExitConfig(targets=(Target(points(1), 0.7), Target(points(2), 0.7))), "targets"),
        (ExitConfig(trailing=points(1), break_even=BreakEven(points(1))), "break_even"),
    ],
)
def test_a_configuration_that_guards_nothing_or_contradicts_itself_is_refused(exits, field):
    with pytest.raises(InvalidInput) as caught:
        world(exits)
    assert caught.value.field == field


def test_a_protective_order_that_someone_cancels_is_placed_again():
    w = opened(ExitConfig(stop=points(1)))
    (stop,) = w.engine.open_orders
    w.send(CancelOrder(MINUTE + 5, "c", client_id=stop.order.client_id))
    (again,) = w.engine.open_orders
    assert again.order.client_id != stop.order.client_id
    assert again.order.stop_price == D("99.00")


def test_exits_that_the_venue_rejects_are_held_by_the_engine():
    w = world(ExitConfig(stop=points(1))).run([tick(1, 100.0), bar(1, 100)])
    fill_tick = tick(MINUTE + 1, 100.0)
    reports = list(w.venue.match(fill_tick))
    out = [event for report in reports for event in w.engine.process(report)]
    stop = next(e.order for e in out if isinstance(e, ApprovedOrder))
    told = w.engine.process(OrderRejected(MINUTE + 1, stop.client_id, "stops are not accepted"))
    assert "held by the engine" in next(e.reason for e in told if isinstance(e, ExitArmed))
    prices(w, 98.9, 98.9)
    assert closed(w) == [("stop", D("98.90"), D(10))]


def test_both_legs_reached_by_one_tick_never_open_the_other_way():
    exits = ExitConfig(stop=points(1), trailing=points(1), targets=(Target(points(1)),))
    w = prices(opened(exits), 90.0, 110.0, 90.0)
    assert quantity(w) == 0
    assert not w.engine.open_orders
    assert len(w.of(TradeClosed)) == 1


def test_partial_entries_are_guarded_as_they_fill():

    w = World(
        slot({1: 1}, exits=ExitConfig(stop=points(1))),
        venue=SimulatedVenue(instruments=INSTRUMENTS, participation=0.01),
    )
    w.run([bar(1, 100), bar(2, 100, volume=400)])
    assert quantity(w) == 4
    assert [o.order.quantity for o in w.engine.open_orders if o.is_protective] == [D(4)]
    w.send(bar(3, 100, volume=10_000))
    assert quantity(w) == 10
    assert [o.order.quantity for o in w.engine.open_orders if o.is_protective] == [D(10)]


@BOTH
def test_flatten_goes_before_the_exits(placement):
    w = opened(ExitConfig(stop=points(1)), placement)
    w.send(Flatten(MINUTE + 5, "c"))
    prices(w, 98.0, 97.0)
    assert closed(w) == [("flatten", D("98.00"), D(10))]
    assert not w.engine.open_orders


def test_no_exit_is_decided_on_an_old_price_and_that_is_told_once():
    w = opened(ExitConfig(stop=points(1), stale_after_s=2.0), HELD)
    w.send(TimeAdvanced(MINUTE + 10_000_000_000))
    prices(w, 98.0, 97.0, start=MINUTE + 1_000_000_000)
    assert quantity(w) == 10
    assert [armed.reason for armed in w.of(ExitArmed)][1:] == ["not decided: the price is 9 s old"]
    prices(w, 98.0, 98.0, start=MINUTE + 11_000_000_000)
    assert closed(w) == [("stop", D("98.00"), D(10))]


@pytest.mark.parametrize("state", ["suspect", "stale"])
def test_a_feed_in_doubt_blocks_exits_by_price_and_entries(state):
    w = opened(
        ExitConfig(stop=points(1)),
        HELD,
    )
    w.send(FeedStateChanged(MINUTE + 2, "SPY", state, "spread of 40 %"))
    prices(w, 98.0, 98.0)  # the second would fill what the first sets off
    assert quantity(w) == 10
    w.send(FeedStateChanged(MINUTE + 20, "SPY", "fresh"))
    prices(w, 98.0, 98.0, start=MINUTE + 30)
    assert quantity(w) == 0
    again = world(None, {2: 1}).run([bar(1, 100)])
    again.send(FeedStateChanged(MINUTE + 2, "SPY", state, "no print for 60 s"))
    again.send(bar(2, 100))
    assert [s.rule for s in again.of(SignalSuppressed)] == ["stale_feed"]


@BOTH
@pytest.mark.parametrize("cut", range(1, 9))
def test_a_guarded_position_survives_a_restart_at_any_event(placement, cut):
    exits = ExitConfig(
        stop=points(2), trailing=points(3), targets=(Target(points(1), 0.5),), break_even=BreakEven(points(1))
    )
    events = [tick(1, 100.0), bar(1, 100), tick(MINUTE + 1, 100.0)]
    events += [tick(MINUTE + 10 + n, p) for n, p in enumerate([100.5, 101.0, 101.5, 104.0, 102.0, 101.0, 101.0])]
    whole = world(exits, placement=placement).run(events)
    first, second = world(exits, placement=placement).run(events[:cut]), world(exits, placement=placement)
    second.engine.restore(first.engine.snapshot())
    second.venue.restore(first.venue.snapshot())
    assert first.out + second.run(events[cut:]).out == whole.out
    assert quantity(whole) == 0
    assert len(whole.of(OrderFilled)) == 3


def test_an_exit_order_that_fails_is_sent_again_after_a_pause():
    w = opened(ExitConfig(stop=points(1)), HELD)
    out = w.engine.process(tick(MINUTE + 10, 98.0))
    exit_order = next(e.order for e in out if isinstance(e, ApprovedOrder))
    w.engine.process(OrderRejected(MINUTE + 11, exit_order.client_id, "try again"))
    assert not [e for e in w.engine.process(tick(MINUTE + 12, 98.0)) if isinstance(e, ApprovedOrder)]
    again = w.engine.process(tick(MINUTE + 6_000_000_000, 98.0))
    assert [e.order.reason for e in again if isinstance(e, ApprovedOrder)] == ["stop"]


def test_levels_in_true_ranges_are_armed_as_soon_as_the_range_is_warm():
    exits = ExitConfig(stop=Distance(2, DistanceKind.ATR), atr_period=3)
    w = world(exits, {}).run([bar(1, 100)])
    w.send(ManualOrder(MINUTE, "c", "", "scripted", "SPY", "sim", Side.BUY, D(10)))
    w.run([bar(n, 100, open_=100, high=101, low=99) for n in range(2, 8)])
    reasons = [(armed.kind, armed.reason) for armed in w.of(ExitArmed)]
    assert reasons == [("none", "not armed yet: the average true range is not warm"), ("stop", "armed")]
    assert len(w.engine.open_orders) == 1


def test_targets_shrink_with_a_position_that_an_exit_made_smaller():
    venue = SimulatedVenue(instruments=INSTRUMENTS, participation=0.002)
    exits = ExitConfig(stop=Distance(0.1), targets=(Target(Distance(0.05), 0.5), Target(Distance(0.06), 0.5)))
    w = World(slot({1: 1, 4: 0, 5: 1}, exits=exits), venue=venue)
    w.run([bar(n, 100, volume=5000) for n in (1, 2, 3, 4)])
    w.send(bar(5, 100, volume=2000))
    w.send(bar(6, 100, volume=0.0001))
    targets = [o.order.quantity for o in w.engine.open_orders if o.order.type is OrderType.LIMIT]
    assert (quantity(w), targets) == (D(6), [D(5), D(1)])
