"""Every change of the configuration is checked, recorded and announced."""

import pytest
import redis
from django.db import IntegrityError, transaction

from engine.errors import Conflict, InvalidInput, NotFound
from infra.redis import keys
from strategies import services
from strategies.models import Ticker, TickerChange

pytestmark = pytest.mark.django_db
GOOD = {"strategy": "ema", "symbol": "MES", "timeframe": "5Min", "quantities": {"paper": 1, "tastytrade": 2}}


def test_a_new_ticker_is_stored_and_recorded_with_its_author(trader):
    ticker = services.create_ticker(user=trader, **GOOD)
    assert (ticker.symbol, ticker.timeframe, ticker.version) == ("/MES", "5", 1)
    change = TickerChange.objects.get()
    assert (change.kind, change.by, change.by_email) == ("created", trader, "trader@example.com")
    assert change.after == services.ticker_document(ticker)


def test_one_strategy_trades_a_symbol_once(trader):
    services.create_ticker(user=trader, **GOOD)
    with pytest.raises(Conflict) as refused:
        services.create_ticker(user=trader, **{**GOOD, "symbol": "/MES"})
    assert refused.value.field == "symbol"
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticker.objects.create(strategy="ema", symbol="/MES", timeframe="1")


def test_an_update_keeps_what_it_does_not_name(trader):
    ticker = services.create_ticker(user=trader, **GOOD, params={"period_1": 5})
    changed = services.update_ticker(user=trader, ticker=ticker, params={"period_2": 30}, quantities={"paper": "3"})
    assert (changed.params["period_1"], changed.params["period_2"]) == (5, 30)
    assert changed.quantities == {"paper": "3", "tastytrade": "2"}
    assert changed.version == 2
    change = TickerChange.objects.filter(kind="updated").get()
    assert change.differences == {"params.period_2": (21, 30), "quantities.paper": ("1", "3")}


def test_an_update_that_changes_nothing_writes_nothing(trader):
    ticker = services.create_ticker(user=trader, **GOOD)
    same = services.update_ticker(user=trader, ticker=ticker, timeframe="5m", quantities={"paper": 1.0})
    assert same.version == 1
    assert not TickerChange.objects.filter(kind="updated").exists()


def test_a_refused_change_leaves_no_trace(trader):
    ticker = services.create_ticker(user=trader, **GOOD)
    with pytest.raises(InvalidInput):
        services.update_ticker(user=trader, ticker=ticker, timeframe="1", params={"period_1": -3})
    assert Ticker.objects.get().timeframe == "5"
    assert TickerChange.objects.count() == 1


def test_deleting_is_recorded_and_what_is_not_there_is_not_found(trader):
    services.create_ticker(user=trader, **GOOD)
    services.delete_ticker(user=trader, strategy="ema", symbol="mes")
    change = TickerChange.objects.first()
    assert change is not None
    assert (change.kind, change.symbol, change.after) == ("deleted", "/MES", {})
    with pytest.raises(NotFound):
        services.delete_ticker(user=trader, strategy="ema", symbol="/MES")


def test_the_record_outlives_the_account(trader):
    services.create_ticker(user=trader, **GOOD)
    trader.delete()
    assert TickerChange.objects.get().by_email == "trader@example.com"


def test_a_change_is_announced_once_it_is_committed(trader, redis_url, django_capture_on_commit_callbacks):
    with redis.Redis.from_url(redis_url) as client:
        with django_capture_on_commit_callbacks(execute=True):
            services.create_ticker(user=trader, **GOOD)
            assert client.get(keys.config_changed()) is None
        assert client.get(keys.config_changed()) == b"1"
