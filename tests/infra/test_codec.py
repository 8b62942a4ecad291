from decimal import Decimal

import pytest

from engine.model.enums import Side
from engine.model.market import Bar, Quote
from engine.model.orders import ApprovedOrder, Order
from engine.model.signals import Signal, SignalSuppressed
from infra import codec

ORDER = Order(
    client_id="r1-ema-NQ-000001", strategy="ema", symbol="/NQ", broker="paper", side=Side.BUY, quantity=Decimal("1.50")
)
SIGNAL = Signal(ts=3, strategy="ema", symbol="/NQ", timeframe="1", target=1, reason="cross up", evidence={"fast": 2.5})


@pytest.mark.parametrize(
    "event",
    [
        ApprovedOrder(ts=1, order=ORDER),
        SignalSuppressed(ts=3, signal=SIGNAL, rule="arbiter", reason="lost"),
        Bar(ts=2, symbol="/NQ", timeframe="1", ts_open=1, open=1.0, high=2.0, low=1.0, close=1.5, volume=3.0, vwap=1.2),
    ],
)
def test_an_event_survives_the_wire(event):
    assert codec.decode(codec.encode(event)) == event


def test_an_absent_number_stays_absent():
    decoded = codec.decode(codec.encode(Quote(ts=1, symbol="SPX", ask=6000.25)))
    assert isinstance(decoded, Quote)
    assert decoded.bid != decoded.bid
    assert decoded.ask == 6000.25


def test_decimals_keep_their_digits_as_text():
    assert codec.to_builtins(ApprovedOrder(ts=1, order=ORDER))["order"]["quantity"] == "1.50"
