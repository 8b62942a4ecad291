"""The universe on a feed: what streams, what is polled, and that the limits say so."""

import pytest

from engine.model.time import from_datetime
from marketdata.backfill import services as backfill
from marketdata.models import BackfillJob, FeedSource
from marketdata.services import save_feed
from marketdata.universe.carried import carried, poll, streamed_pairs
from marketdata.universe.services import Universe, choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


@pytest.fixture(autouse=True)
def custom(settings):
    settings.SYMBOLS = ["SPY", "QQQ", "IWM", "DIA", "TLT"]
    settings.MAX_WEBSOCKET_SYMBOLS, settings.MAX_SYMBOLS = 3, 4


@pytest.fixture
def feed() -> FeedSource:
    return save_feed(name="main", kind="dxlink", is_default=True, universe="custom", universe_timeframe="5m")


def test_the_first_symbols_stream_the_next_are_polled_and_the_rest_is_left_out_with_the_reason(feed):
    found = carried(feed)
    assert found.streamed == ("SPY", "QQQ", "IWM")
    assert found.polled == ("DIA",)
    assert [(each.symbol, each.reason) for each in found.excluded] == [("TLT", "it is beyond MAX_SYMBOLS=4")]
    assert found.summary == "3 symbols streamed, 1 polled, 1 left out"
    assert streamed_pairs({}) == {"main": {("SPY", "5"), ("QQQ", "5"), ("IWM", "5")}}


def test_what_is_traded_streams_before_anything_that_is_only_watched(feed):
    found = carried(feed, traded=["/NQ", "SPY"])
    assert found.streamed == ("QQQ",)
    assert found.polled == ("IWM", "DIA")
    crowded = carried(feed, traded=["/NQ", "/ES", "/YM", "/RTY"])
    assert crowded.streamed == ()
    assert len(crowded.polled) == 4


def test_no_more_stream_than_the_vendor_allows():
    feed = save_feed(name="main", kind="dxlink", universe="custom", universe_timeframe="5m", options={"max_symbols": 2})
    assert carried(feed, traded=["/NQ"]).streamed == ("SPY",)
    assert carried(feed, traded=["/NQ"]).polled == ("QQQ", "IWM", "DIA")


def test_the_lists_of_two_feeds_are_remembered_beside_each_other(feed, settings, monkeypatch):
    settings.SYMBOLS, made = ["KO", "PEP"], []

    def counted(mode: str) -> Universe:
        made.append(mode)
        return choose(mode)

    monkeypatch.setattr("marketdata.universe.carried.choose", counted)
    other = save_feed(
        name="other", kind="dxlink", universe="custom", universe_timeframe="5m", options={"max_symbols": 1}
    )
    assert [carried(each).streamed for each in (feed, other, feed, other)] == [("KO", "PEP"), ("KO",)] * 2
    assert made == ["custom", "custom"]


def test_what_the_source_has_no_history_of_is_not_polled_and_the_others_are(feed, caplog):
    save_feed(name="ahead", kind="schwab", universe="custom", universe_timeframe="30s")
    (job,) = poll(traded={})
    assert backfill.get_job(job).source == "main"
    assert "ahead: 1 symbols are not polled" in caplog.text


def test_a_feed_without_a_universe_carries_its_tickers_only():
    feed = save_feed(name="plain", kind="dxlink")
    assert carried(feed) == ((), (), (), "", "")
    assert streamed_pairs({"plain": {("SPY", "1")}}) == {}


def test_a_universe_without_a_symbol_says_what_is_missing_and_stops_nothing(feed, settings):
    settings.SYMBOLS = []
    assert "needs at least one symbol" in carried(feed).summary
    assert poll(traded={}) == []


def test_one_poll_at_a_time_and_each_goes_on_where_the_last_one_began(feed):
    long = backfill.create_job(symbols=["IWM"], timeframe="1d", source="archive", days=900)
    (first,) = poll(traded={})
    assert poll(traded={}) == []
    assert backfill.waiting_jobs() == [first, long.pk]  # what is polled does not wait for years of history
    done = backfill.get_job(first)
    assert [item.symbol for item in done.items.all()] == ["DIA"]
    BackfillJob.objects.filter(pk=first).update(state=BackfillJob.State.DONE)
    (second,) = poll(traded={})
    assert from_datetime(backfill.get_job(second).start) == from_datetime(done.end)
    assert set(BackfillJob.objects.values_list("pk", flat=True)) == {long.pk, second}


def test_the_api_tells_what_becomes_of_each_symbol(feed, admin_client):
    (document,) = admin_client.get("/api/universe").json()
    assert document["universe"] == "custom"
    assert document["polled"] == ["DIA", "IWM", "QQQ", "SPY"]  # nothing streams yet
    assert document["excluded"] == [{"symbol": "TLT", "reason": "it is beyond MAX_SYMBOLS=4"}]


def test_the_admin_shows_feeds_backfills_and_compared_days(feed, admin_client):
    poll(traded={})
    assert (
        "3 symbols streamed, 1 polled, 1 left out" in admin_client.get("/admin/marketdata/feedsource/").content.decode()
    )
    page = admin_client.get("/admin/marketdata/backfilljob/").content.decode()
    assert "0 of 1 symbols; 0 new bars" in page
    assert admin_client.get("/admin/marketdata/historyday/").status_code == 200


def test_failed_symbols_are_tried_again_from_the_admin(feed, admin_client):
    (number,) = poll(traded={})
    job = backfill.get_job(number)
    job.items.update(state="failed", error="no answer")
    BackfillJob.objects.filter(pk=number).update(state="failed")
    admin_client.post("/admin/marketdata/backfilljob/", {"action": "try_again", "_selected_action": [number]})
    assert [item.state for item in backfill.get_job(number).items.all()] == ["pending"]
    assert number in backfill.waiting_jobs()
