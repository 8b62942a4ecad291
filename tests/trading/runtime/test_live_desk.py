"""One wish at several accounts, and a session that can be repeated exactly."""

from decimal import Decimal

import pytest

from engine.core import Engine
from engine.exits.config import Distance, ExitConfig
from engine.model.accounts import AccountState
from engine.model.event import Event
from engine.model.orders import OrderAccepted, OrderDenied
from engine.model.signals import WarmupProgressed
from tests.engine.scenario import STRATEGIES, slot
from tests.trading.runtime.fake_venue import DROPPED, FakeVenue
from tests.trading.runtime.live_stage import Stage
from trading.runtime.live import BrokerDesk


@pytest.fixture
async def stages():
    made: list[Stage] = []

    async def make(*slots, **options) -> Stage:
        made.append(Stage(*slots, **options))
        return made[-1]

    yield make
    for stage in made:
        await stage.close()


def two() -> dict[str, FakeVenue]:
    return {"schwab-1": FakeVenue(), "tasty-1": FakeVenue()}


async def test_each_account_gets_its_own_quantity_of_one_wish(stages):
    stage = await stages(slot({1: 1}, quantity={"schwab-1": 10, "tasty-1": 1}), venues=two())
    await stage.start(reconciles=True)
    await stage.until(lambda: not stage.engine.gate.holds, "both are green")
    await stage.play([100])
    await stage.until(lambda: all(venue.book for venue in stage.venues.values()), "both have an order")
    sent = {name: [order.quantity for order in venue.book.values()] for name, venue in stage.venues.items()}
    assert sent == {"schwab-1": [Decimal(10)], "tasty-1": [Decimal(1)]}


async def test_an_account_that_is_not_green_does_not_keep_the_other_from_trading(stages):
    venues = two()
    venues["tasty-1"].held["SPY"] = Decimal(3)
    stage = await stages(slot({1: 1}, quantity={"schwab-1": 10, "tasty-1": 1}), venues=venues)
    await stage.start(reconciles=True)
    await stage.until(lambda: set(stage.engine.gate.holds) == {"tasty-1"}, "one is green")
    await stage.until(lambda: stage.engine.checks["tasty-1"].state is AccountState.RED, "the other is red")
    await stage.play([100])
    await stage.until(lambda: venues["schwab-1"].book, "the green one trades")
    await stage.until(lambda: stage.of(OrderDenied), "the other is denied")
    assert stage.of(OrderDenied)[0].order.broker == "tasty-1"
    assert not venues["tasty-1"].book


async def test_recorded_inputs_of_a_session_repeat_its_outputs_exactly(stages):
    stage = await stages(slot({1: 1, 3: 0, 5: -1}, exits=ExitConfig(stop=Distance(0.05))))
    stage.venue.script += [DROPPED]
    await stage.start(reconciles=True)
    began = stage.desk.began_ts
    await stage.until_checked(AccountState.GREEN)
    await stage.play([100, 100])
    await stage.until(lambda: stage.of(OrderAccepted), "found after its answer was lost")
    stage.venue.fill(stage.approved()[0].client_id, 4, 100, times=2)
    stage.venue.fill(stage.approved()[0].client_id, 6, 101)
    await stage.until(lambda: stage.held() == 10, "filled")
    await stage.play([99, 99, 99], start=3)
    await stage.until(lambda: len(stage.approved()) >= 3, "it leaves")
    stage.venue.trade_by_hand("SPY", 2, 99)
    await stage.until_checked(AccountState.RED)
    stage.stop = True
    await stage.loop

    again = BrokerDesk(Engine(stage.config, strategies=STRATEGIES), accounts=["sim"], now=began)
    repeated: list[Event] = list(again.begin())
    for event in stage.journal.inputs:
        repeated += [out for out in again.handle(event) if not isinstance(out, WarmupProgressed)]
    assert repeated == stage.journal.facts
    assert again.save() == stage.desk.save()
