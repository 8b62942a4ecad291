"""What became of a person's signal is told when it is known: filled, refused with the reason, or replaced."""

from engine.model.commands import CommandHandled, CommandSettled, Flatten, ManualSignal, Outcome
from engine.model.enums import OrderState
from engine.model.orders import OrderRejected
from tests.engine.options.world import OptionWorld
from tests.engine.scenario import World, bar, slot


def told(world):
    return [(each.command_id, each.outcome, each.detail) for each in world.of(CommandSettled)]


def asked(world, number, target, at):
    world.send(ManualSignal(at, f"c{number}", "ann", "scripted", "SPY", target))


def test_an_order_that_is_filled_is_told_with_its_price():
    world = World(slot({}, quantity=10))
    world.send(bar(1, 100))
    asked(world, 1, 1, bar(1, 100).ts)
    assert world.of(CommandHandled)[-1].detail == "the order is on its way"
    assert told(world) == [], "nothing is known yet"
    world.send(bar(2, 101, open_=100.5))
    assert told(world) == [("c1", Outcome.FILLED, "bought 10 SPY at 100.5")]
    asked(world, 2, 0, bar(2, 101).ts)
    world.send(bar(3, 102, open_=101.5))
    assert told(world)[1:] == [("c2", Outcome.FILLED, "sold 10 SPY at 101.5")]


def test_an_order_that_the_venue_refuses_is_told_with_its_reason():
    world = World(slot({}, quantity=10))
    world.send(bar(1, 100))
    found = world.engine.process(ManualSignal(bar(1, 100).ts, "c1", "ann", "scripted", "SPY", 1))
    [record] = world.engine.open_orders
    assert record.state is OrderState.APPROVED
    world.out += found
    world.out += world.engine.process(OrderRejected(bar(1, 100).ts + 1, record.order.client_id, "no money"))
    assert told(world) == [("c1", Outcome.REFUSED, "no money")]


def test_a_signal_that_is_not_followed_is_answered_at_once_and_only_once():
    world = World(slot({}, quantity=10))
    world.send(bar(1, 100))
    for number, target in ((1, 1), (2, 0), (3, 1)):
        asked(world, number, target, bar(1, 100).ts + number)
        world.send(bar(1, 100, timeframe="5"))
    last = world.of(CommandHandled)[-1]
    assert (last.accepted, last.detail) == (False, "the slot has entered in this bar already")
    assert "c3" not in {each[0] for each in told(world)}


def test_an_option_is_told_when_it_is_bought():
    world = OptionWorld()
    world.wish(1)
    assert world.of(CommandHandled)[-1].detail == "an option is being chosen, the order follows"
    world.answer()
    assert told(world) == []
    world.quote()
    [(command, outcome, detail)] = told(world)
    assert (command, outcome) == ("c1", Outcome.FILLED)
    assert detail.startswith("bought 1 SPXW  261127C06000000 at ")


def test_an_option_that_is_not_bought_is_told_with_the_reason():
    world = OptionWorld()
    world.wish(1)
    world.answer(reason="the venue did not answer")
    world.wish(-1)
    world.after(20)
    assert told(world) == [
        ("c1", Outcome.REFUSED, "the venue did not answer"),
        ("c2", Outcome.REFUSED, "no chain of options came within 20 s"),
    ]


def test_a_signal_that_another_one_overtakes_is_replaced():
    world = OptionWorld()
    world.wish(1)
    world.wish(-1)
    world.answer()
    world.quote()
    assert [each[:2] for each in told(world)] == [("c1", Outcome.REPLACED), ("c2", Outcome.FILLED)]
    world.wish(1)
    world.send(Flatten(world.now, "x", "ann"))
    assert told(world)[2:] == [], "what is held is being sold"
    world.quote()
    assert told(world)[2][:2] == ("c3", Outcome.REFUSED)


def test_a_restart_still_owes_the_answer():
    world = OptionWorld()
    world.wish(1)
    world.restart()
    world.answer()
    world.restart()
    world.quote()
    assert told(world)[0][:2] == ("c1", Outcome.FILLED)
