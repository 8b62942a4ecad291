"""A venue that keeps no name of ours is told what a predecessor knew of its own names."""

import msgspec
import pytest

from brokers.venue import LearnsNames
from engine.model.enums import OrderState
from engine.model.orders import OrderAccepted, OrderCancelled
from tests.engine.scenario import slot
from tests.trading.runtime.fake_venue import FEATURES, FakeVenue
from tests.trading.runtime.live_stage import Stage

FIRST = "t0-scripted-SPY-000001"


class Learner(FakeVenue):
    """Answers only for orders whose name it was told or gave itself."""

    def __init__(self) -> None:
        super().__init__(msgspec.structs.replace(FEATURES, client_order_ids=False))
        self.names: dict[str, str] = {}

    def adopt(self, client_id: str, venue_id: str) -> None:
        self.names[client_id] = venue_id


@pytest.fixture
async def stage():
    made = Stage(slot({1: 1}), venue=Learner())
    yield await made.start()
    await made.close()


def test_an_adapter_that_learns_is_known_by_its_method():
    assert isinstance(Learner(), LearnsNames)
    assert not isinstance(FakeVenue(), LearnsNames)


async def test_after_a_restart_the_names_that_were_committed_are_told_before_it_is_asked(stage):
    await stage.play([100])
    await stage.until(lambda: stage.of(OrderAccepted), "the order is accepted")
    await stage.kill()
    stage.venue.names.clear()
    await stage.start(reconciles=True)
    [order] = stage.venue.book.values()
    record = stage.account.record(FIRST)
    answer = await stage.account.find(record)
    assert answer.value.venue_id == order.venue_id
    assert stage.venue.names == {FIRST: order.venue_id}
    stage.venue.book[order.venue_id] = msgspec.structs.replace(order, state=OrderState.CANCELLED)
    await stage.until(lambda: stage.of(OrderCancelled), "its end is seen")
