"""`Engine.process` and `step`: one event in, everything that follows out."""

from decimal import Decimal

import msgspec
import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput, SnapshotIncompatible
from engine.exits.config import Distance, DistanceKind, ExitConfig
from engine.model.commands import (
    CancelOrder,
    CommandHandled,
    Flatten,
    Halt,
    ManualOrder,
    ManualSignal,
    Resume,
    StartSlot,
    StopSlot,
)
from engine.model.enums import OrderIntent, OrderType, PositionSide, Side
from engine.model.market import FeedGap, FeedStateChanged, TimeAdvanced
from engine.model.orders import ApprovedOrder, OrderAccepted, OrderDenied, OrderFilled
from engine.model.positions import ExitArmed, PositionChanged, TradeClosed
from engine.model.signals import Signal, SignalSuppressed, SlotStateChanged, StrategyFaulted, WarmupProgressed
from engine.risk.config import RiskConfig
from strategies.registry import STRATEGIES as BUILT_IN
from tests.engine.scenario import INSTRUMENTS, MINUTE, STRATEGIES, World, bar, bars, slot, tick


def approved(world):
    return [event.order for event in world.of(ApprovedOrder)]


def states(engine):
    return [event.state for event in engine.slot_states() if isinstance(event, SlotStateChanged)]


def test_an_order_decided_on_a_close_fills_at_the_next_bars_open():
    world = World(slot({2: 1})).run(bars([100, 101, 102, 103]))
    fill = world.of(OrderFilled)[0]
    assert (fill.ts, fill.price, fill.quantity, fill.side) == (2 * MINUTE, Decimal("101.00"), Decimal(10), Side.BUY)


def test_with_ticks_the_order_meets_the_next_tick_and_no_bar():
    world = World(slot({2: 1})).run([tick(1, 100.0), *bars([100, 101]), tick(2 * MINUTE + 5, 101.5)])
    assert [(fill.ts, fill.price) for fill in world.of(OrderFilled)] == [(2 * MINUTE + 5, Decimal("101.50"))]


def test_a_buy_pays_the_ask_and_a_sale_gets_the_bid():
    world = World(slot({1: 1, 2: 0})).run(
        [
            tick(1, 100.0),
            bar(1, 100.0),
            tick(MINUTE + 1, 100.0, bid=99.99, ask=100.02),
            bar(2, 100.0),
            tick(2 * MINUTE + 1, 100.0, bid=99.97, ask=100.0),
        ]
    )
    assert [fill.price for fill in world.of(OrderFilled)] == [Decimal("100.02"), Decimal("99.97")]


def test_a_reversal_is_one_net_order_and_closes_one_trade():
    world = World(slot({1: 1, 3: -1})).run(bars([100, 100, 101, 102, 103]))
    orders = approved(world)
    assert [(o.side, o.quantity, o.intent) for o in orders] == [
        (Side.BUY, Decimal(10), OrderIntent.ENTRY),
        (Side.SELL, Decimal(20), OrderIntent.REVERSAL),
    ]
    trade = world.of(TradeClosed)[0]
    assert (trade.side, trade.quantity, trade.pnl) == (PositionSide.LONG, Decimal(10), Decimal("10.00"))
    assert (trade.entry_reason, trade.exit_reason) == ("script_1", "script_3")
    assert world.of(PositionChanged)[-1].quantity == Decimal(-10)


def test_where_one_order_may_not_cross_zero_the_open_waits_for_the_close():
    world = World(slot({1: 1, 3: -1}), linked_reversal={"sim": True}).run(bars([100, 100, 101, 102, 103]))
    orders = approved(world)
    assert [(o.side, o.quantity, o.intent) for o in orders[1:]] == [
        (Side.SELL, Decimal(10), OrderIntent.EXIT),
        (Side.SELL, Decimal(10), OrderIntent.ENTRY),
    ]
    assert orders[2].parent == orders[1].client_id
    kinds = [type(event).__name__ for event in world.out]
    filled = [i for i, e in enumerate(world.out) if isinstance(e, OrderFilled) and e.client_id == orders[1].client_id]
    assert kinds.index("ApprovedOrder", filled[0]) > filled[0]
    assert [(f.ts, f.price) for f in world.of(OrderFilled)[1:]] == [(3 * MINUTE, Decimal("101.00"))] * 2


def test_each_broker_trades_its_own_quantity_and_zero_means_not_there():
    world = World(slot({1: 1}, quantity={"a": 3, "b": 5, "c": 0})).run(bars([100, 100, 100]))
    assert {(f.broker, f.quantity) for f in world.of(OrderFilled)} == {("a", Decimal(3)), ("b", Decimal(5))}


def test_order_ids_come_from_run_and_counter():
    world = World(slot({1: 1, 2: -1}, symbol="/ES")).run(bars([100, 100, 100, 100], symbol="/ES"))
    assert [o.client_id for o in approved(world)] == ["r1-scripted-ES-000001", "r1-scripted-ES-000002"]


def test_an_event_handled_twice_changes_nothing_the_second_time():
    once = World(slot({1: 1, 3: -1})).run(bars([100, 101, 102, 103, 104]))
    twice = World(slot({1: 1, 3: -1}))
    for event in bars([100, 101, 102, 103, 104]):
        twice.send(event)
        assert not twice.engine.process(event)
    assert twice.out == once.out


def test_a_fill_reported_twice_is_booked_once():
    world = World(slot({1: 1})).run(bars([100, 100, 100]))
    fill = world.of(OrderFilled)[0]
    assert not world.engine.process(fill)
    assert world.engine.positions[0].quantity == Decimal(10)


def test_the_same_target_again_is_no_signal():
    world = World(slot({1: 1, 2: 1, 3: 1})).run(bars([100] * 5))
    assert len(world.of(Signal)) == 1


def test_an_incomplete_bar_is_shown_to_nobody():
    world = World(slot({1: 1}))
    assert not world.send(msgspec.structs.replace(bar(1, 100.0), is_complete=False))
    world.send(bar(2, 100.0))
    assert world.of(Signal)[0].bar_ts == 2 * MINUTE


def test_trading_switched_off_records_the_wish_and_sends_nothing():
    world = World(msgspec.structs.replace(slot({1: 1}), trade_enabled=False)).run(bars([100, 100]))
    assert [s.rule for s in world.of(SignalSuppressed)] == ["trade_enabled"]
    assert not approved(world)


def test_a_faulting_strategy_is_disabled_alone():
    world = World(
        slot({1: 1}, raises_at=2),
        slot({3: 1}, strategy="other", kind="scripted", symbol="/ES"),
    )
    for number in range(1, 6):
        world.run([bar(number, 100.0), bar(number, 100.0, symbol="/ES")])
    assert [(f.strategy, f.error) for f in world.of(StrategyFaulted)] == [("scripted", "ZeroDivisionError: planted")]
    states = {s.strategy: s.state for s in world.engine.slot_states() if isinstance(s, SlotStateChanged)}
    assert states == {"scripted": "faulted", "other": "ready"}
    assert {p.strategy: p.quantity for p in world.engine.positions} == {"scripted": Decimal(10), "other": Decimal(10)}


def test_a_wish_for_more_than_one_unit_is_the_strategys_fault():
    world = World(slot({1: 2})).run(bars([100, 100]))
    assert "−1, 0 or +1 was expected, found 2" in world.of(StrategyFaulted)[0].error
    assert not approved(world)


def test_of_two_wishes_at_one_instant_the_higher_priority_wins_and_the_loser_is_recorded():
    world = World(slot({1: 1}), slot({1: -1}, strategy="strong", kind="scripted", priority=5)).run(bars([100, 100]))
    suppressed = world.of(SignalSuppressed)[0]
    assert (suppressed.signal.strategy, suppressed.rule) == ("scripted", "arbiter")
    assert "strong" in suppressed.reason
    assert [o.strategy for o in approved(world)] == ["strong"]


def test_a_losing_reversal_still_leaves_its_position():
    world = World(slot({1: 1, 3: -1}), slot({3: 1}, strategy="strong", kind="scripted", priority=5))
    world.run(bars([100, 100, 100, 100]))
    assert [s.rule for s in world.of(SignalSuppressed)] == ["arbiter"]
    assert {p.strategy: p.quantity for p in world.engine.positions} == {"scripted": Decimal(0), "strong": Decimal(10)}


def test_one_entry_per_bar():
    world = World(slot(strategy="on_ticks")).run([tick(1, 100.0), bar(1, 100.0)])
    for offset, price in enumerate([102.0, 98.0, 98.0, 102.0], start=1):
        world.send(tick(MINUTE + offset, price))
    refused = [(s.rule, s.signal.target) for s in world.of(SignalSuppressed)]
    assert refused == [("one_trade_per_bar", -1), ("one_trade_per_bar", 1)]  # each wish is told once per bar
    assert world.engine.positions[0].quantity == Decimal(0)  # the refused reversal still closed what it held


def test_warmup_is_told_and_no_signal_comes_before_it():
    world = World(slot({1: 1}))
    world.engine.warm(bar(1, 100.0))
    assert not world.send(bar(1, 100.0))
    world.run(bars([100, 100], start=2))
    assert not world.of(Signal)  # the script's first bar was history


def test_slot_states_tell_how_far_the_warmup_is():
    config = EngineConfig(
        run="r1",
        slots=(slot(strategy="ema", period_1=3, period_2=8),),
        instruments=INSTRUMENTS,
    )
    engine = Engine(config, strategies=BUILT_IN)
    out = [event for b in bars([100.0] * 9) for event in engine.process(b)]
    progress = [event for event in out if isinstance(event, WarmupProgressed)]
    assert (progress[-1].have, progress[-1].need) == (9, 9)
    assert [e.state for e in out if isinstance(e, SlotStateChanged)] == ["warming", "ready"]
    fresh = Engine(config, strategies=BUILT_IN)
    for b in bars([100.0] * 5):
        fresh.warm(b)
    assert [(e.have, e.need) for e in fresh.slot_states() if isinstance(e, WarmupProgressed)] == [(5, 9)]


def test_a_gap_blocks_entries_until_the_slot_is_warm_again():
    config = EngineConfig(run="r1", slots=(slot(strategy="ema", period_1=2, period_2=3),), instruments=INSTRUMENTS)
    engine = Engine(config, strategies=BUILT_IN)
    for b in bars([100.0] * 6):
        engine.process(b)
    out = engine.process(FeedGap(6 * MINUTE + 1, "SPY", "12 events are missing"))
    assert [(e.state, e.reason) for e in out if isinstance(e, SlotStateChanged)] == [
        ("gapped", "12 events are missing")
    ]
    assert states(engine) == ["gapped"]
    engine.begin_rewarm("SPY")
    for b in bars([100.0] * 6):
        engine.warm(b)
    assert states(engine) == ["gapped"]
    (again,) = [event for event in engine.process(bar(7, 100.0)) if isinstance(event, SlotStateChanged)]
    assert (again.state, again.reason) == ("ready", "")
    assert states(engine) == ["ready"]
    assert any(isinstance(e, Signal) for b in bars([100.0, 103.0], start=8) for e in engine.process(b))


def two_timeframes():
    """A slot of one minute and one of five, both warm, then a cut, and both warm again."""
    quick = slot(strategy="on_ticks")
    slow = msgspec.structs.replace(slot({}), timeframe="5")
    world = World(quick, slow)
    known = [bar(4, 100.0), bar(4, 100.0, timeframe="5")]
    world.run(known).send(FeedGap(4 * MINUTE + 1, "SPY", "cut"))
    world.engine.begin_rewarm("SPY")
    for each in known:
        world.engine.warm(each)
    return world


def test_after_a_gap_each_timeframe_waits_for_its_own_whole_bar():
    world = two_timeframes()
    world.send(tick(4 * MINUTE + 2, 102.0))
    assert [(held.rule, held.reason) for held in world.of(SignalSuppressed)] == [("gapped", "the data have a gap: cut")]
    world.send(bar(6, 100.0))
    assert states(world.engine) == ["ready", "gapped"]
    world.send(tick(6 * MINUTE + 2, 102.0))
    assert [event.order.strategy for event in world.of(ApprovedOrder)] == ["on_ticks"]
    again = World(world.config.slots[0], world.config.slots[1])
    again.engine.restore(world.engine.snapshot())
    assert states(again.engine) == ["ready", "gapped"]
    world.send(bar(10, 100.0, timeframe="5"))
    assert states(world.engine) == ["ready", "ready"]


def test_history_in_the_place_of_what_was_lost_frees_its_own_timeframe():
    world = two_timeframes()
    world.send(FeedGap(4 * MINUTE + 2, "SPY", "1 bars of 5 were repaired from history", mended="5"))
    world.engine.begin_rewarm("SPY")
    world.engine.warm(bar(4, 100.0, timeframe="5"))
    assert states(world.engine) == ["gapped", "ready"]


def test_a_gap_leaves_the_price_good_enough_to_be_stopped_out():
    world = World(slot({1: 1}, exits=ExitConfig(stop=Distance(1.0, DistanceKind.POINTS))))
    world.run([bar(1, 100.0), tick(MINUTE + 1, 100.0)])
    world.send(FeedStateChanged(MINUTE + 2, "SPY", "gapped", "cut"))
    world.run([tick(MINUTE + 3, 98.0), tick(MINUTE + 4, 98.0)])
    assert [event.exit_reason for event in world.of(TradeClosed)] == ["stop"]


def test_a_bar_that_was_decided_on_is_not_decided_on_again_after_warming_up_anew():
    world = World(slot({1: 1, 3: -1})).run(bars([100, 100, 100]))
    world.engine.begin_rewarm("SPY")
    before = world.engine.positions
    for old in bars([100, 100, 100]):
        assert not world.engine.process(old)
    for old in bars([100, 100, 100]):
        world.engine.warm(old)
    assert not world.engine.process(bar(3, 100))
    assert world.engine.positions == before
    assert world.engine.slot_states()[0].state == "ready"  # type: ignore[union-attr]


def test_what_is_kept_of_finished_orders_is_bounded():
    world = World(slot({n: 1 if n % 2 else -1 for n in range(1, 3_000)})).run(bars([100] * 3_000))
    assert len(world.of(OrderFilled)) == 2_999
    assert len(world.engine.desk._holding_of) < 3_000
    assert len(world.engine.snapshot()) < 100_000


def test_a_halt_stops_entries_and_lets_exits_pass():
    world = World(slot({1: 1, 3: -1, 5: 1})).run(bars([100, 100]))
    world.send(Halt(2 * MINUTE, "c1", reason="too hot"))
    world.run(bars([100, 100], start=3))
    assert world.of(SignalSuppressed)[0].rule == "kill_switch"
    assert world.engine.positions[0].quantity == Decimal(0)
    world.send(Resume(4 * MINUTE, "c2"))
    world.run(bars([100, 100], start=5))
    assert world.engine.positions[0].quantity == Decimal(10)


def test_stop_keeps_the_position_and_flatten_closes_it():
    world = World(slot({1: 1, 3: 0, 4: 1})).run(bars([100, 100]))
    world.send(StopSlot(2 * MINUTE, "c1", strategy="scripted"))
    assert world.engine.positions[0].quantity == Decimal(10)
    world.send(Flatten(2 * MINUTE, "c2"))
    world.run(bars([100, 100, 100, 100], start=3))
    assert world.engine.positions[0].quantity == Decimal(0)
    assert [s.rule for s in world.of(SignalSuppressed)] == ["stopped"]
    assert all(answer.accepted for answer in world.of(CommandHandled))
    assert [s.state for s in world.of(SlotStateChanged)][-1] == "stopped"


def test_a_command_delivered_twice_is_answered_once():
    world = World(slot({})).run(bars([100, 100]))
    command = ManualSignal(2 * MINUTE, "c1", strategy="scripted", symbol="SPY", target=1)
    assert any(isinstance(event, ApprovedOrder) for event in world.send(command))
    assert not world.send(command)
    assert len(world.of(CommandHandled)) == 1


@pytest.mark.parametrize(
    "command",
    [
        StartSlot(1, "c", strategy="nobody"),
        ManualSignal(1, "c", strategy="scripted", symbol="QQQ", target=1),
        ManualSignal(1, "c", strategy="scripted", symbol="SPY", target=2),
        ManualOrder(1, "c", strategy="scripted", symbol="SPY", broker="elsewhere", quantity=Decimal(1)),
        ManualOrder(1, "c", strategy="scripted", symbol="SPY", broker="sim", quantity=Decimal(0)),
        CancelOrder(1, "c", client_id="r1-unknown"),
    ],
)
def test_a_command_that_cannot_be_followed_is_refused_with_a_reason(command):
    answer = World(slot({})).send(command)[-1]
    assert isinstance(answer, CommandHandled)
    assert not answer.accepted
    assert answer.detail


def test_a_manual_limit_order_waits_and_can_be_cancelled():
    world = World(slot({})).run(bars([100, 100]))
    world.send(
        ManualOrder(
            2 * MINUTE, "c1", "ann", "scripted", "SPY", "sim", Side.BUY, Decimal(5), OrderType.LIMIT, Decimal("90.00")
        )
    )
    waiting = world.engine.open_orders[0]
    assert waiting.order.limit_price == Decimal("90.00")
    world.send(CancelOrder(2 * MINUTE, "c2", client_id=waiting.order.client_id))
    world.run(bars([80, 80], start=3))
    assert not world.of(OrderFilled)
    assert not world.engine.open_orders


def test_a_denial_names_rule_value_and_limit():
    world = World(slot({1: 1}), risk=RiskConfig(max_order_quantity=Decimal(5))).run(bars([100, 100]))
    denied = world.of(OrderDenied)[0]
    assert (denied.rule, denied.value, denied.limit) == ("max_order_quantity", "10", "5")
    assert not world.of(OrderFilled)


def test_a_denied_reversal_still_closes_the_position():
    world = World(slot({1: 1, 3: -1}), risk=RiskConfig(max_order_quantity=Decimal(15))).run(bars([100] * 5))
    assert [d.order.intent for d in world.of(OrderDenied)] == [OrderIntent.REVERSAL]
    assert world.engine.positions[0].quantity == Decimal(0)


def test_without_exits_an_open_position_says_none():
    world = World(slot({1: 1})).run(bars([100, 100]))
    assert [armed.kind for armed in world.of(ExitArmed)] == ["none"]


def test_continued_from_a_snapshot_at_any_bar_the_run_is_the_same():
    events = [*bars([100, 101, 99, 103, 104, 102, 101, 100]), TimeAdvanced(9 * MINUTE)]
    script = slot({1: 1, 3: -1, 5: 0, 6: 1})
    whole = World(script).run(events)
    for cut in range(len(events)):
        first = World(script).run(events[:cut])
        second = World(script)
        second.engine.restore(first.engine.snapshot())
        second.venue.restore(first.venue.snapshot())
        assert second.engine.snapshot() == first.engine.snapshot()
        second.run(events[cut:])
        assert first.out + second.out == whole.out, f"differs when cut at {cut}"


def test_a_snapshot_of_another_run_or_with_an_orphaned_position_is_refused():
    world = World(slot({1: 1})).run(bars([100, 100]))
    data = world.engine.snapshot()
    other = EngineConfig(run="r2", slots=(slot({1: 1}),), instruments=INSTRUMENTS)
    with pytest.raises(SnapshotIncompatible, match="run 'r2' was expected"):
        Engine(other, strategies=STRATEGIES).restore(data)
    moved = EngineConfig(run="r1", slots=(slot({1: 1}, symbol="/ES"),), instruments=INSTRUMENTS)
    with pytest.raises(SnapshotIncompatible, match="SPY at sim"):
        Engine(moved, strategies=STRATEGIES).restore(data)
    with pytest.raises(SnapshotIncompatible, match="unreadable"):
        Engine(world.config, strategies=STRATEGIES).restore(b"nonsense")


def test_slots_may_be_added_while_a_position_is_kept():
    world = World(slot({1: 1})).run(bars([100, 100]))
    grown = World(slot({1: 1}), slot({}, symbol="/ES"))
    grown.engine.restore(world.engine.snapshot())
    assert [(p.symbol, p.quantity) for p in grown.engine.positions] == [("SPY", Decimal(10))]


def test_a_configuration_that_cannot_run_is_refused_by_field():
    with pytest.raises(InvalidInput, match="twice") as caught:
        World(slot({}), slot({}))
    assert caught.value.field == "slots"
    with pytest.raises(InvalidInput) as caught:
        World(slot({}, quantity=-1))
    assert caught.value.field == "quantities"


def test_every_order_is_acknowledged_before_it_fills():
    world = World(slot({1: 1, 2: -1, 3: 1})).run(bars([100] * 6))
    for order in approved(world):
        names = [type(e).__name__ for e in world.out if getattr(e, "client_id", "") == order.client_id]
        assert names == ["OrderAccepted", "OrderFilled"]
    assert len(world.of(OrderAccepted)) == 3
