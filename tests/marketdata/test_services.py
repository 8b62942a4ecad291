"""Feed sources, what feeds must carry, and what is told about them."""

import time

import msgspec
import pytest

from engine.errors import InvalidInput, NotFound
from infra.redis import keys
from infra.redis.client import sync_client
from infra.sealed import SealBroken, seal, unseal
from marketdata import host, selectors, services
from marketdata.models import FeedSource

pytestmark = pytest.mark.django_db


def test_a_feed_is_saved_with_its_options_completed_and_its_token_sealed():
    feed = services.save_feed(
        name="main", kind="dxlink", api_url="http://x", token="secret", options={"prints": "trade"}
    )
    assert feed.options["prints"] == "trade"
    assert feed.options["mute_after_s"] == 20.0
    assert "secret" not in feed.sealed_token
    assert unseal(feed.sealed_token) == "secret"


def test_a_token_that_is_not_given_stays():
    services.save_feed(name="main", kind="dxlink", api_url="http://x", token="secret")
    feed = services.save_feed(name="main", kind="dxlink", api_url="http://y")
    assert (unseal(feed.sealed_token), feed.api_url) == ("secret", "http://y")


def test_only_one_feed_is_the_default():
    services.save_feed(name="a", kind="dxlink", is_default=True)
    services.save_feed(name="b", kind="dxlink", is_default=True)
    assert list(FeedSource.objects.filter(is_default=True).values_list("name", flat=True)) == ["b"]


@pytest.mark.parametrize(
    ("options", "named"), [({"prints": "candles"}, "prints"), ({"mute_after_s": 0}, "mute_after_s"), ({"x": 1}, "x")]
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(InvalidInput, match=named) as raised:
        services.save_feed(name="main", kind="dxlink", options=options)
    assert raised.value.field == "options"


def test_an_unknown_kind_says_what_may_have_been_meant():
    with pytest.raises(NotFound, match="Did you mean 'dxlink'"):
        services.save_feed(name="main", kind="dxlnk")


def test_a_secret_of_another_installation_is_not_read(settings):
    sealed = seal("secret")
    settings.SECRET_KEY = "another"
    with pytest.raises(SealBroken, match="enter it again"):
        unseal(sealed)


def test_what_is_wanted_replaces_what_was(redis_url):
    services.set_wanted(feed="main", pairs=[("SPY", "1"), ("/NQ", "144t")])
    services.set_wanted(feed="main", pairs=[("SPY", "1"), ("SPY", "5")])
    assert selectors.wanted_pairs("main") == [("SPY", "1"), ("SPY", "5")]
    services.set_wanted(feed="main", pairs=[])
    assert selectors.wanted_pairs("main") == []


def test_a_login_streams_as_often_as_its_vendor_allows_and_no_more():
    key = '{"key": "k", "secret": "s"}'
    services.save_feed(name="iex", kind="alpaca", token=key)
    with pytest.raises(InvalidInput, match=r"alpaca allows 1 stream of one login .*: again; iex") as raised:
        services.save_feed(name="again", kind="alpaca", token=key)
    assert raised.value.field == "is_enabled"
    assert not FeedSource.objects.filter(name="again").exists()
    services.save_feed(name="sip", kind="alpaca", token=key, options={"feed": "sip"})  # another line
    services.save_feed(name="other", kind="alpaca", token=key.replace("k", "x"))
    services.save_feed(name="again", kind="alpaca", token=key, is_enabled=False)
    services.save_feed(name="iex", kind="alpaca")  # itself does not count twice


def test_a_second_opinion_opens_a_stream_too():
    services.save_feed(name="schwab", kind="schwab", token="t")
    with pytest.raises(InvalidInput, match="2 would be open: schwab, for comparison with main; schwab"):
        services.save_feed(name="main", kind="dxlink", api_url="x", options={"truth": {"check_against": "schwab"}})
    services.save_feed(name="schwab", kind="schwab", is_enabled=False)
    services.save_feed(name="main", kind="dxlink", api_url="x", options={"truth": {"check_against": "schwab"}})


def test_a_feed_is_made_of_its_configuration():
    services.save_feed(name="main", kind="dxlink", api_url="http://x", token="t", options={"speed": 4})
    feed = host.make_feed("main")
    assert (feed.name, feed.speed) == ("main", 4.0)
    with pytest.raises(NotFound, match="Known: main"):
        host.make_feed("other")


def test_a_feed_without_an_address_is_refused():
    services.save_feed(name="main", kind="dxlink")
    with pytest.raises(InvalidInput, match="api_url"):
        host.make_feed("main")


def test_status_tells_who_runs_a_feed_and_what_it_did(redis_url):
    services.save_feed(name="main", kind="dxlink")
    assert [status.is_running for status in selectors.feed_statuses()] == [False]
    client = sync_client(redis_url)
    client.set(keys.lease("feed", "main"), msgspec.json.encode({"owner": "host:7", "token": 3}), px=5_000)
    client.set(keys.heartbeat("feed:main"), msgspec.json.encode({"ts": time.time_ns(), "ticks": 5}))
    (status,) = selectors.feed_statuses()
    assert (status.is_running, status.owner, status.beat["ticks"]) == (True, "host:7", 5)


def test_the_state_of_a_symbol_nobody_carries_is_unknown(redis_url):
    sync_client(redis_url).hset(keys.feed_state("SPY"), items=["state", "stale", "reason", "cut", "last_recv", "5"])
    known, unknown = selectors.symbol_states(["SPY", "IBM"])
    assert (known.state, known.reason, known.last_recv) == ("stale", "cut", 5)
    assert unknown.state == "unknown"


def test_the_admin_saves_through_the_service_and_shows_no_secret(admin_client, redis_url):
    data = {
        "name": "main",
        "kind": "dxlink",
        "api_url": "http://x",
        "token": "secret",
        "options": "{}",
        "is_enabled": "on",
    }
    response = admin_client.post("/admin/marketdata/feedsource/add/", data)
    assert response.status_code == 302, response.context["errors"]
    feed = FeedSource.objects.get()
    assert unseal(feed.sealed_token) == "secret"
    page = admin_client.get(f"/admin/marketdata/feedsource/{feed.pk}/change/").content.decode()
    assert "secret" not in page.replace("client_secret", "")
    wrong = admin_client.post("/admin/marketdata/feedsource/add/", {**data, "name": "b", "options": '{"prints": "x"}'})
    assert "prints" in wrong.content.decode()
    assert "not running" in admin_client.get("/admin/marketdata/feedsource/").content.decode()


def test_the_admin_shows_what_the_vendor_allows_and_refuses_a_stream_too_many(admin_client, redis_url):
    data = {"name": "a", "kind": "massive", "token": "key", "options": "{}", "is_enabled": "on"}
    assert admin_client.post("/admin/marketdata/feedsource/add/", data).status_code == 302
    page = admin_client.get(f"/admin/marketdata/feedsource/{FeedSource.objects.get().pk}/change/").content.decode()
    assert "<strong>connections of one login to stocks</strong>: 1" in page
    again = admin_client.post("/admin/marketdata/feedsource/add/", {**data, "name": "b"})
    assert "massive allows 1 stream of one login" in again.content.decode()
