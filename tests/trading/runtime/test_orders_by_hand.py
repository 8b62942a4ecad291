"""Orders that persons give go to the venue like any other, each once, whatever breaks."""

from decimal import Decimal

import pytest

from engine.model.commands import CancelOrder, Command, CommandHandled, ManualOrder, ReplaceOrder, SetExits
from engine.model.enums import OrderState, OrderType, Side
from engine.model.orders import OrderAccepted
from tests.engine.scenario import slot
from tests.trading.runtime.fake_venue import LOST
from tests.trading.runtime.live_stage import Stage

D = Decimal
KEY = ("scripted", "SPY", "sim")
FIRST, SECOND, THIRD = (f"t0-scripted-SPY-00000{number}" for number in (1, 2, 3))


@pytest.fixture
async def stage():
    made = await Stage(slot({})).start()
    await made.play([100, 100])
    yield made
    await made.close()


async def told(stage: Stage, command: Command) -> CommandHandled:
    await stage.give(command)
    await stage.until(lambda: any(f.command_id == command.command_id for f in stage.of(CommandHandled)), "an answer")
    return next(f for f in stage.of(CommandHandled) if f.command_id == command.command_id)


async def buy(stage: Stage, quantity: int = 10, name: str = "c1", **changes) -> CommandHandled:
    return await told(stage, ManualOrder(stage.now_ns(), name, "ann", *KEY, Side.BUY, D(quantity), **changes))


async def waits(stage: Stage) -> None:
    """A limit order of 10 at 95 is accepted."""
    assert (await buy(stage, type=OrderType.LIMIT, limit_price=D(95))).accepted
    await stage.until(lambda: stage.of(OrderAccepted), "it is accepted")


async def test_a_limit_order_brings_its_own_stop_which_waits_at_the_venue(stage):
    await buy(stage, type=OrderType.LIMIT, limit_price=D(95), stop_loss=D(90))
    await stage.until(lambda: stage.of(OrderAccepted), "it is accepted")
    sent = stage.venue.named(FIRST)
    assert (sent.type, sent.limit_price, sent.quantity) == (OrderType.LIMIT, D(95), D(10))
    stage.venue.fill(FIRST, 10, 95)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the stop is sent")
    stop = stage.venue.named(SECOND)
    assert (stop.type, stop.stop_price, stop.side) == (OrderType.STOP, D(90), Side.SELL)


async def test_the_same_command_twice_is_one_order(stage):
    command = ManualOrder(stage.now_ns(), "c1", "ann", *KEY, Side.BUY, D(10))
    await stage.give(command, command)
    await stage.until(lambda: stage.venue.sent(), "it is sent")
    await stage.give(command)
    await stage.quiet()
    assert stage.venue.sent() == [FIRST]


async def test_a_change_is_sent_when_the_old_order_is_gone_and_not_before(stage):
    await waits(stage)
    stage.venue.cancel_script += [LOST, LOST]
    assert (await told(stage, ReplaceOrder(stage.now_ns(), "c2", "ann", FIRST, limit_price=D(96)))).accepted
    await stage.until(lambda: stage.venue.sent("cancel"), "the cancel is asked for")
    assert stage.venue.sent() == [FIRST]
    await stage.until(lambda: stage.venue.sent() == [FIRST, SECOND], "the changed one follows")
    assert stage.venue.named(FIRST).state is OrderState.CANCELLED
    assert stage.venue.named(SECOND).limit_price == D(96)


async def test_what_fills_while_it_is_changed_counts(stage):
    await waits(stage)
    stage.venue.cancel_script.append(LOST)
    await told(stage, ReplaceOrder(stage.now_ns(), "c2", "ann", FIRST, limit_price=D(96)))
    stage.venue.fill(FIRST, 4, 95)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the rest follows")
    assert (stage.held(), stage.venue.named(SECOND).quantity) == (4, D(6))


async def test_a_change_survives_a_kill_and_is_sent_once(stage):
    await waits(stage)
    stage.venue.cancel_script += [LOST] * 3
    await told(stage, ReplaceOrder(stage.now_ns(), "c2", "ann", FIRST, limit_price=D(96)))
    await stage.kill()
    await stage.start()
    await stage.until(lambda: SECOND in stage.venue.sent(), "the changed one follows after all")
    await stage.quiet()
    assert stage.venue.sent() == [FIRST, SECOND]


async def test_a_person_closes_at_the_market_and_the_stop_goes_first(stage):
    await buy(stage, stop_loss=D(90))
    await stage.until(lambda: stage.of(OrderAccepted), "it is accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: SECOND in stage.venue.sent(), "the stop waits")
    await stage.until(lambda: len(stage.of(OrderAccepted)) == 2, "and is accepted")
    stage.venue.cancel_script.append(LOST)
    command = ManualOrder(stage.now_ns(), "c2", "ann", *KEY, Side.SELL, D(10))
    assert "withdrawn first" in (await told(stage, command)).detail
    await stage.until(lambda: THIRD in stage.venue.sent(), "the close is sent")
    assert stage.venue.named(SECOND).state is OrderState.CANCELLED
    stage.venue.fill(THIRD, 10, 101)
    await stage.until(lambda: stage.held() == 0, "flat")
    await stage.quiet()
    assert stage.engine.open_orders == []


async def test_other_exits_replace_the_stop_at_the_venue(stage):
    await buy(stage, stop_loss=D(90))
    await stage.until(lambda: stage.of(OrderAccepted), "it is accepted")
    stage.venue.fill(FIRST, 10, 100)
    await stage.until(lambda: len(stage.of(OrderAccepted)) == 2, "the stop is accepted")
    assert (await told(stage, SetExits(stage.now_ns(), "c2", "ann", *KEY, stop=D(97)))).accepted
    await stage.until(lambda: THIRD in stage.venue.sent(), "the new stop waits")
    assert (stage.venue.named(SECOND).state, stage.venue.named(THIRD).stop_price) == (OrderState.CANCELLED, D(97))


async def test_a_cancel_by_a_person_ends_the_order_at_the_venue(stage):
    await waits(stage)
    assert (await told(stage, CancelOrder(stage.now_ns(), "c2", "ann", FIRST))).accepted
    await stage.until(lambda: stage.venue.named(FIRST).state is OrderState.CANCELLED, "cancelled")
    await stage.until(lambda: not stage.engine.open_orders, "and known to be")
