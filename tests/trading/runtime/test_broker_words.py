"""How long orders wait for a broker's first word."""

import time
from decimal import Decimal

import pytest

from engine.model.enums import OrderIntent, OrderType, Side
from engine.model.orders import (
    ApprovedOrder,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
)
from tests.engine.scenario import slot
from tests.trading.runtime.live_stage import Stage
from trading.runtime import broker_words
from trading.runtime.broker_words import BrokerWords


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def approved(name: str) -> ApprovedOrder:
    order = Order(
        client_id=name, strategy="ema", symbol="SPY", broker="tasty", side=Side.BUY, quantity=Decimal(1),
        type=OrderType.MARKET, intent=OrderIntent.ENTRY, reason="cross",
    )  # fmt: skip
    return ApprovedOrder(0, order)


def filled(name: str) -> OrderFilled:
    return OrderFilled(0, name, "f", "ema", "SPY", "tasty", Side.BUY, Decimal(1), Decimal(1))


@pytest.mark.parametrize("word", [OrderAccepted(0, "a", "v1"), filled("a"), OrderRejected(0, "a", "no")])
def test_the_first_word_counts_from_the_decision_and_later_ones_do_not(clock, word):
    waits = BrokerWords()
    waits.note([approved("a")])
    clock[0] += 0.02
    waits.note([OrderSubmitted(0, "a")])
    clock[0] += 0.03
    waits.note([word])
    clock[0] += 9
    waits.note([filled("a"), OrderAccepted(0, "a", "v1")])
    assert waits.latency.count == 1
    assert 50.0 <= (waits.latency.quantile(1.0) or 0.0) <= 52.5


@pytest.mark.parametrize(
    "told",
    [
        [OrderRejected(0, "a", "never sent")],
        [OrderCancelled(0, "a", "cancelled before it was sent")],
        [OrderSubmitted(0, "a"), OrderCancelled(0, "a", "cancelled before it was sent")],
        [OrderAccepted(0, "a", "p1"), filled("a")],  # our own venue's, on paper
        [],
    ],
)
def test_what_no_broker_was_asked_counts_for_nothing(clock, told):
    waits = BrokerWords()
    waits.note([approved("a"), *told])
    waits.note([OrderAccepted(0, "b", "somebody else's")])
    assert waits.latency.count == 0


def test_what_is_never_sent_is_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr(broker_words, "_MOST", 2)
    waits = BrokerWords()
    waits.note([approved(name) for name in "abc"])
    for name in "abc":
        waits.note([OrderSubmitted(0, name), OrderAccepted(0, name, f"v{name}")])
    assert waits.latency.count == 2


async def test_a_running_book_tells_of_it():
    stage = Stage(slot({1: 1}))
    await stage.start(is_green=True)
    try:
        await stage.play([100, 100])
        await stage.until(lambda: stage.of(OrderAccepted), "the entry is accepted")
        view = stage.runner.view()
        assert sum(view["answer_buckets"].values()) == 1
        assert view["answer_p50_ms"] == view["answer_p99_ms"] == stage.runner.stats.answers.latency.quantile(0.5)
    finally:
        await stage.close()
