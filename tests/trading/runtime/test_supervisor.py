from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import pytest
from django.utils import timezone

from engine.strategy.base import Strategy
from infra.redis import keys
from infra.redis.client import SyncRedis, sync_client
from marketdata.services import save_feed
from strategies.models import Ticker
from strategies.registry import STRATEGIES
from strategies.services import create_ticker, delete_ticker
from trading.models import Book, Position
from trading.runtime import compose, supervisor
from trading.services import paper_book, start_strategy, stop_strategy

pytestmark = pytest.mark.django_db(transaction=True)


class Sent:
    """Takes what would go to a worker."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, list[str]]] = []

    def send_task(self, name: str, args: list[str] | None = None, **options: Any) -> None:
        assert options["expires"] <= supervisor.DISPATCH_EXPIRES_S
        self.tasks.append((name, args or []))


@pytest.fixture
def sent(monkeypatch) -> Sent:
    found = Sent()
    monkeypatch.setattr(supervisor, "current_app", found)
    return found


@pytest.fixture
def client(redis_url) -> SyncRedis:
    save_feed(name="dxlink", kind="dxlink", is_default=True)
    create_ticker(user=None, strategy="ema", symbol="/MES", timeframe="144t", quantities={"paper": "1"})
    return sync_client(redis_url)


def wanted(client: SyncRedis, feed: str) -> set[str]:
    return set(cast("set[str]", client.smembers(keys.wanted(feed))))


def hold_lease(client: SyncRedis, kind: str, name: str) -> None:
    client.set(keys.lease(kind, name), '{"owner": "somebody", "token": 1}', px=60_000)


def test_a_feed_runs_for_the_charts_before_anything_trades(client, sent):
    assert supervisor.supervise() == ["feed:dxlink"]
    assert sent.tasks == [("marketdata.tasks.run_feed", ["dxlink"])]
    assert wanted(client, "dxlink") == {"/MES|144t"}


def test_a_started_strategy_gets_a_trader_and_only_one(client, sent):
    start_strategy(user=None, strategy="ema")
    assert "trader:paper" in supervisor.supervise()
    hold_lease(client, "trader", "paper")
    hold_lease(client, "feed", "dxlink")
    assert supervisor.supervise() == []


def test_a_stopped_book_that_still_holds_something_keeps_its_trader(client, sent):
    start_strategy(user=None, strategy="ema")
    stop_strategy(user=None, strategy="ema")
    assert "trader:paper" not in supervisor.supervise()
    Position.objects.create(
        book=paper_book(), strategy="ema", symbol="/MES", broker="paper", quantity=Decimal(1), updated_at=timezone.now()
    )
    assert "trader:paper" in supervisor.supervise()


def test_what_a_run_trades_is_carried_even_when_its_ticker_is_edited_away(client, sent):
    start_strategy(user=None, strategy="ema")
    delete_ticker(user=None, strategy="ema", symbol="/MES")
    supervisor.supervise()
    assert wanted(client, "dxlink") == {"/MES|144t"}


def test_what_a_stopped_strategy_still_holds_is_carried_as_long_as_it_holds_it(client, sent):
    start_strategy(user=None, strategy="ema")
    stop_strategy(user=None, strategy="ema")
    delete_ticker(user=None, strategy="ema", symbol="/MES")
    held = Position.objects.create(
        book=paper_book(), strategy="ema", symbol="/MES", broker="paper", quantity=Decimal(1), updated_at=timezone.now()
    )
    supervisor.supervise()
    assert wanted(client, "dxlink") == {"/MES|144t"}, "its exits go by these prices"
    Position.objects.filter(pk=held.pk).update(quantity=0)
    supervisor.supervise()
    assert wanted(client, "dxlink") == set()


def test_a_position_of_which_no_run_is_known_keeps_nobody_from_being_fed(client, sent):
    start_strategy(user=None, strategy="ema")
    Position.objects.create(
        book=paper_book(), strategy="gone", symbol="QQQ", broker="paper", quantity=Decimal(1), updated_at=timezone.now()
    )
    supervisor.supervise()
    assert wanted(client, "dxlink") == {"/MES|144t"}


def test_a_ticker_that_names_another_feed_is_carried_there(client, sent):
    save_feed(name="second", kind="dxlink")
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": "1"}, feed="second")
    supervisor.supervise()
    assert wanted(client, "second") == {"SPY|1"}
    assert wanted(client, "dxlink") == {"/MES|144t"}


def test_without_a_feed_nothing_is_started_and_nothing_breaks(redis_url, sent):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": "1"})
    assert supervisor.supervise() == []
    assert not Book.objects.exists()


def test_a_universe_streams_beside_the_tickers_as_far_as_there_is_room(client, sent, settings):
    settings.SYMBOLS, settings.MAX_WEBSOCKET_SYMBOLS = ["SPY", "QQQ", "IWM"], 3
    save_feed(name="dxlink", kind="dxlink", is_default=True, universe="custom", universe_timeframe="1")
    supervisor.supervise()
    assert wanted(client, "dxlink") == {"/MES|144t", "SPY|1", "QQQ|1"}


class MinuteAndTicks(Strategy):
    """Reads bars of 144 prints beside its own."""

    def other_indicators(self) -> Mapping[str, tuple[str, ...]]:
        return {"144t": ("ema(close,5)",)}


def test_the_further_timeframes_of_a_strategy_are_fed_and_read(client, monkeypatch):
    monkeypatch.setattr(STRATEGIES, "_items", {**STRATEGIES._items, "minute_and_ticks": MinuteAndTicks})
    create_ticker(user=None, strategy="minute_and_ticks", symbol="SPY", timeframe="1", quantities={"paper": "1"})
    start_strategy(user=None, strategy="minute_and_ticks")
    supervisor.tell_feeds()
    assert {"SPY|1", "SPY|144t"} <= wanted(client, "dxlink")
    assert compose.load("paper").subscriptions == [("SPY", "1"), ("SPY", "144t")]


def test_a_strategy_that_is_gone_keeps_nobody_from_being_fed(client):
    Ticker.objects.create(strategy="gone", symbol="QQQ", timeframe="5")
    supervisor.tell_feeds()
    assert {"QQQ|5", "/MES|144t"} <= wanted(client, "dxlink")
