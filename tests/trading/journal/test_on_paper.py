"""What is kept of an order on paper: the request that the venue would have got, and files for who wants them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from brokers.adapters import VENUES
from brokers.models import BrokerAccount
from brokers.paper.would_send import would_send
from brokers.registry import FEATURES
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, PositionSide, Side, TimeInForce
from engine.model.orders import ApprovedOrder, Order, OrderSubmitted
from engine.model.positions import PositionChanged, TradeClosed
from infra.redis import keys
from infra.redis.client import sync_client
from trading import models
from trading.journal.backup import back_up
from trading.journal.ledger import Projection
from trading.runtime.state import show_orders

pytestmark = pytest.mark.django_db
T0 = 1_795_000_000_000_000_000
LISTED = {AssetClass.EQUITY: "SPY", AssetClass.FUTURE: "/ES", AssetClass.OPTION: "SPY   261218C00600000"}


def order(number: int = 1, broker: str = "tastytrade", symbol: str = "SPY", **values) -> Order:
    return Order(f"paper0-ema-{symbol.strip('/')}-{number:06d}", "ema", symbol, broker, Side.BUY, Decimal(2), **values)


def test_one_signal_becomes_one_request_per_dialect():
    tasty, schwab = would_send(order()), would_send(order(broker="schwab"))
    assert tasty is not None
    assert schwab is not None
    assert (tasty["venue"], tasty["method"]) == ("tastytrade", "POST")
    assert tasty["body"]["legs"][0]["symbol"] == "SPY"
    assert tasty["body"] != schwab.get("body")
    assert schwab["venue"] == "schwab"


def test_what_the_venue_would_not_take_says_why_instead():
    found = would_send(order(broker="schwab", symbol="/ES"))
    assert found is not None
    assert "futures" in found["refused"].lower()


def not_taken(venue: str) -> Iterator[Order]:
    """One order for everything that the venue's table does not list, and two that none could take."""
    features = FEATURES[venue]
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(400)}
    prices: dict[str, Any] = {"limit_price": Decimal(400), "stop_price": Decimal(400), "trail": Decimal(5)}
    yield from (order(broker=venue, type=kind, **prices) for kind in set(OrderType) - features.order_types)
    yield from (order(broker=venue, tif=tif, **limit) for tif in set(TimeInForce) - features.time_in_force)
    yield from (order(broker=venue, symbol=each) for kind, each in LISTED.items() if kind not in features.asset_classes)
    yield msgspec.structs.replace(order(broker=venue), quantity=Decimal("0.12345678901"))
    yield order(broker=venue, type=OrderType.LIMIT)


@pytest.mark.parametrize("venue", VENUES)
def test_each_dialect_refuses_on_paper_what_its_venue_would_not_take_and_nothing_else(venue):
    for wrong in not_taken(venue):
        found = would_send(wrong)
        assert found is not None
        assert found["refused"], wrong
        assert "body" not in found
    for asset_class in FEATURES[venue].asset_classes & LISTED.keys():
        found = would_send(order(broker=venue, symbol=LISTED[asset_class]))
        assert found is not None
        assert found["body"], asset_class


def test_a_paper_account_of_a_venue_speaks_its_dialect_and_our_own_none():
    BrokerAccount.objects.create(name="practice", broker="tastytrade", mode="paper", account_number="5WT99")
    found = would_send(order(broker="practice", type=OrderType.LIMIT, limit_price=Decimal("400.5")))
    assert found is not None
    assert "5WT99" in found["path"]
    assert would_send(order(broker="paper")) is None
    assert would_send(order(broker="nobody")) is None


def test_the_request_is_stored_with_the_order_and_the_venue_is_never_called():
    book = models.Book.objects.create(name="paper")
    projection = Projection(book, bar_of=lambda key: None)
    projection.apply([ApprovedOrder(ts=T0, order=order()), OrderSubmitted(ts=T0, client_id=order().client_id)])
    request = models.Order.objects.get().request
    assert request is not None
    assert request["body"]["legs"][0]["action"] == "Buy to Open"


def test_files_are_written_per_day_and_per_position(tmp_path):
    trade = TradeClosed(
        ts=T0, trade_id="t1", strategy="ema", symbol="/NQ", broker="paper", side=PositionSide.LONG, quantity=Decimal(2),
        entry_ts=T0, entry_price=Decimal(100), exit_ts=T0 + 5, exit_price=Decimal(101), pnl=Decimal("37.5"),
        fees=Decimal("2.5"), entry_order="a", exit_order="b", entry_reason="up", exit_reason="down",
    )  # fmt: skip
    held = PositionChanged(
        ts=T0, strategy="ema", symbol="/NQ", broker="paper", quantity=Decimal(2), average_price=Decimal(100),
        realized_pnl=Decimal(0), fees=Decimal(1),
    )  # fmt: skip
    for _ in range(2):
        back_up("paper", [trade, held], folder=tmp_path)
    [day] = (tmp_path / "paper_trades").iterdir()
    assert [json.loads(line)["pnl"] for line in day.read_text().splitlines()] == ["37.5", "37.5"]
    assert json.loads((tmp_path / "trade_states" / "ema_NQ_paper.json").read_text())["quantity"] == "2"


def test_a_disk_that_fails_is_told_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "trade_states").write_text("in the way")
    held = PositionChanged(
        ts=T0, strategy="ema", symbol="/NQ", broker="paper", quantity=Decimal(2), average_price=Decimal(100),
        realized_pnl=Decimal(0), fees=Decimal(1),
    )  # fmt: skip
    back_up("paper", [held], folder=tmp_path)
    assert "could not be written" in caplog.text


def test_approved_orders_are_seen_by_outside_readers(redis_url):
    client = sync_client(redis_url)
    show_orders(client, "paper", [ApprovedOrder(ts=T0, order=order())])
    [(_, fields)] = cast("list[Any]", client.xrange(keys.new_orders()))
    assert (fields["book"], json.loads(fields["e"])["order"]["symbol"]) == ("paper", "SPY")
