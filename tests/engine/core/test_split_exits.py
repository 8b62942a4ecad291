"""One stop waits at the venue and outlives us; the engine watches the rest: never two exits that may both fill."""

from decimal import Decimal

from engine.core.config import ExitPlacement
from engine.exits.config import Distance, ExitConfig, Target
from engine.model.enums import OrderType
from engine.model.orders import CancelRequested
from engine.model.positions import TradeClosed
from tests.engine.scenario import MINUTE, World, bars, slot, tick


def entered(exits: ExitConfig) -> World:
    world = World(slot({1: 1}, exits=exits), exit_placement={"sim": ExitPlacement.SPLIT})
    return world.run(bars([100, 100]))


def working(world: World) -> list[tuple[OrderType, Decimal]]:
    return [(record.order.type, record.order.quantity) for record in world.engine.open_orders]


def test_of_stop_and_targets_the_stop_alone_waits_at_the_venue():
    world = entered(ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.02)),)))
    assert working(world) == [(OrderType.STOP, Decimal(10))]


def test_a_target_withdraws_the_stop_before_it_sells():
    world = entered(ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.02)),)))
    out = world.send(tick(3 * MINUTE, 102.5))
    assert isinstance(out[0], CancelRequested)
    world.send(tick(3 * MINUTE + 1, 102.5))
    world.run(bars([102, 102], start=4))
    [trade] = world.of(TradeClosed)
    assert (trade.exit_reason, trade.quantity) == ("target_1", Decimal(10))
    assert working(world) == []


def test_after_a_partial_target_the_stop_covers_what_is_left():
    half = (Target(Distance(0.02), share=0.5), Target(Distance(0.04), share=0.5))
    world = entered(ExitConfig(stop=Distance(0.05), targets=half))
    world.send(tick(3 * MINUTE, 102.5))
    world.send(tick(3 * MINUTE + 1, 102.5))
    world.send(tick(3 * MINUTE + 2, 102.5))
    assert working(world) == [(OrderType.STOP, Decimal(5))]
    world.send(tick(3 * MINUTE + 3, 104.5))
    world.send(tick(3 * MINUTE + 4, 104.5))
    world.send(tick(3 * MINUTE + 5, 104.5))
    assert [trade.exit_reason for trade in world.of(TradeClosed)] == ["target_1", "target_2"]


def test_the_stop_at_the_venue_closes_as_before():
    world = entered(ExitConfig(stop=Distance(0.05), targets=(Target(Distance(0.02)),)))
    world.send(tick(3 * MINUTE, 94))
    assert world.of(TradeClosed)[0].exit_reason == "stop"
    assert working(world) == []


def test_beside_a_fixed_stop_a_trailing_one_is_watched():
    world = entered(ExitConfig(stop=Distance(0.05), trailing=Distance(0.02)))
    assert working(world) == [(OrderType.STOP, Decimal(10))]
    for number, price in enumerate((104, 101.9, 101.9, 101.9)):
        world.send(tick(3 * MINUTE + number, price))
    assert world.of(TradeClosed)[0].exit_reason == "trailing"


def test_a_trailing_stop_alone_waits_at_the_venue():
    world = entered(ExitConfig(trailing=Distance(0.02)))
    assert working(world) == [(OrderType.TRAILING_STOP, Decimal(10))]


def test_targets_alone_leave_nothing_at_the_venue_and_are_armed_once():
    world = entered(ExitConfig(targets=(Target(Distance(0.02)),)))
    assert working(world) == []
    before = len(world.out)
    world.send(tick(3 * MINUTE, 100.5))
    assert len(world.out) == before
