"""Commands that waited: orders are refused when their moment has passed, ways out never are."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from engine.model.commands import (
    AnyCommand,
    CancelOrder,
    Flatten,
    Halt,
    ManualOrder,
    ManualSignal,
    ReplaceOrder,
    Resume,
    StopSlot,
)
from tests.trading.people import book
from trading.models import CommandRecord, Run
from trading.runtime.answers import PATIENCE, unanswered, undelivered
from trading.services import send

pytestmark = pytest.mark.django_db


def sent(command: AnyCommand, *, ago: timedelta) -> CommandRecord:
    record = send(book=book(), command=command, user=None)
    CommandRecord.objects.filter(pk=record.pk).update(created_at=timezone.now() - ago)
    return record


@pytest.mark.parametrize(
    "command",
    [
        ManualOrder(1, "c", quantity=Decimal(1)),
        ReplaceOrder(1, "c", client_id="r1-x"),
        ManualSignal(1, "c", target=1),
        ManualSignal(1, "c", target=-1),
    ],
)
def test_an_order_that_waited_too_long_is_refused_with_the_reason(redis_url, command):
    record = sent(command, ago=PATIENCE + timedelta(seconds=1))
    assert unanswered(["c"]) == set()
    record.refresh_from_db()
    assert (record.state, "give it again" in record.detail) == ("refused", True)


@pytest.mark.parametrize(
    "command", [Flatten(1, "c"), Halt(1, "c"), CancelOrder(1, "c", client_id="x"), ManualSignal(1, "c", target=0)]
)
def test_a_way_out_is_never_too_late(redis_url, command):
    sent(command, ago=timedelta(hours=5))
    assert unanswered(["c", "other"]) == {"c"}


def test_what_was_overtaken_is_not_carried_out_at_the_next_start(redis_url):
    now = timedelta()
    halted, resumed = sent(Halt(1, "h1"), ago=now), sent(Resume(1, "r1"), ago=now)
    stopped = sent(StopSlot(1, "s1", strategy="ema", flatten=True), ago=timedelta(hours=1))
    other = sent(StopSlot(1, "s2", strategy="sma"), ago=timedelta(hours=1))
    Run.objects.create(book=book(), strategy="ema", slots=[])
    assert [each.command_id for each in undelivered(book().pk)] == ["r1", "s2"]
    for record in (halted, resumed, stopped, other):
        record.refresh_from_db()
    assert [record.state for record in (halted, resumed, stopped, other)] == ["refused", "sent", "refused", "sent"]


def test_an_order_in_time_is_carried_out(redis_url):
    sent(ManualOrder(1, "c", quantity=Decimal(1)), ago=PATIENCE - timedelta(seconds=5))
    assert unanswered(["c"]) == {"c"}
