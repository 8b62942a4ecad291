"""The truth gate's word over HTTP, and how a feed's options reach it."""

import msgspec
import pytest
from rest_framework.test import APIClient

from engine.errors import InvalidInput
from engine.model.signals import MoverDetected
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata import host
from marketdata.feeds.truth import TruthOptions
from marketdata.services import save_feed

pytestmark = pytest.mark.django_db


def test_every_symbol_is_told_with_its_reason_and_by_timeframe(admin_user, redis_url):
    sync_client(redis_url).hset(
        keys.feed_state("/NQ"),
        mapping={
            "feed": "dxlink", "state": "gapped", "reason": "cut", "since": 1_763_735_400_000_000_000, "last_recv": 0,
            "venue_symbol": "/NQZ26:XCME", "timeframes": '{"1": {"state": "gapped", "reason": "cut"}}',
        },
    )  # fmt: skip
    sync_client(redis_url).hset(keys.feed_state("SPY"), mapping={"state": "fresh"})
    api = APIClient()
    api.force_authenticate(admin_user)
    future, stock = api.get("/api/feeds/states").json()
    assert (future["symbol"], future["state"], future["venue_symbol"]) == ("/NQ", "gapped", "/NQZ26:XCME")
    assert future["timeframes"] == {"1": {"state": "gapped", "reason": "cut"}}
    assert (future["since"], future["last_received"]) == ("2025-11-21T14:30:00.000000000Z", None)
    assert (stock["symbol"], stock["state"], stock["timeframes"]) == ("SPY", "fresh", {})


def test_a_feeds_truth_options_are_checked_and_kept_apart_from_its_own(redis_url):
    save_feed(name="main", kind="dxlink", api_url="http://x", options={"truth": {"prints_after_s": {"SPY": 5}}})
    truth, second = host.make_truth("main")
    assert (truth.prints_after_s, truth.stale_after_s, second) == ({"SPY": 5.0}, 15.0, None)
    assert host.make_feed("main").name == "main"
    with pytest.raises(InvalidInput, match="stale_after"):
        save_feed(name="main", kind="dxlink", api_url="http://x", options={"truth": {"stale_after": 5}})


def test_a_second_source_is_another_configured_feed(redis_url):
    save_feed(name="other", kind="dxlink", api_url="http://y")
    save_feed(name="main", kind="dxlink", api_url="http://x", options={"truth": {"check_against": "other"}})
    _, second = host.make_truth("main")
    assert second is not None
    assert second.name == "other"
    save_feed(name="main", kind="dxlink", api_url="http://x", options={"truth": {"check_against": "main"}})
    with pytest.raises(InvalidInput, match="names the feed itself"):
        host.make_truth("main")
    save_feed(name="plain", kind="dxlink", api_url="http://x")
    assert host.make_truth("plain") == (TruthOptions(), None)


def test_limits_are_told_with_the_symbols_that_find_no_place(admin_user, redis_url):
    save_feed(name="iex", kind="alpaca", token='{"key": "k", "secret": "s"}', options={"requests_per_minute": 90})
    beat = {"symbols": 31, "refused": {"IBM": "the limit of 30 symbols a connection is reached"}}
    sync_client(redis_url).set(keys.heartbeat("feed:iex"), msgspec.json.encode(beat))
    api = APIClient()
    api.force_authenticate(admin_user)
    (found,) = api.get("/api/feeds/limits").json()
    assert (found["feed"], found["symbols"], found["symbols_carried"]) == ("iex", 30, 30)
    assert found["refused"] == beat["refused"]
    assert (found["connections"], found["line"], found["requests_per_minute"]) == (1, "iex", 90)
    assert (found["message_bytes"], found["history_since"]) == (None, "2016-01-01")


def test_movers_are_listed_newest_first_and_each_once(admin_user, redis_url):
    client = sync_client(redis_url)
    client.xadd(keys.movers(), {"e": codec.encode(MoverDetected(0, "OLD", "fast", 1, 1.0, 0.5))}, id="1-1")
    for event in (
        MoverDetected(1, "SPY", "fast", 1, 500.0, 0.012),
        MoverDetected(2, "IBM", "slow", 0, 100.0, 0.0, 4.5),
        MoverDetected(3, "SPY", "fast", -1, 490.0, -0.02),
    ):
        client.xadd(keys.movers(), {"e": codec.encode(event), "feed": "iex" if event.symbol == "IBM" else "dxlink"})
    api = APIClient()
    api.force_authenticate(admin_user)
    newest, other = api.get("/api/movers").json()
    assert (newest["symbol"], newest["direction"], newest["change"], newest["volume_ratio"]) == ("SPY", -1, -0.02, None)
    assert (other["symbol"], other["volume_ratio"]) == ("IBM", 4.5)
    assert [each["symbol"] for each in api.get("/api/movers?kind=slow").json()] == ["IBM"]
    assert [(each["symbol"], each["feed"]) for each in api.get("/api/movers?feed=iex").json()] == [("IBM", "iex")]
    assert api.get("/api/movers?kind=odd").status_code == 400
