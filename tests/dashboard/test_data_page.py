"""The page of market data: every symbol that is carried, its timeframes and last print."""

import time

import msgspec
import pytest

from infra.redis import keys
from marketdata.services import save_feed, set_wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def carried(store) -> None:
    save_feed(name="dxlink", kind="dxlink", api_url="http://x")
    set_wanted(feed="dxlink", pairs=[("/MES", "144t"), ("/MES", "1"), ("SPY", "5")])
    store.set(keys.lease("feed", "dxlink"), msgspec.json.encode({"owner": "host:7", "token": 3}))
    beat = {"feed": "dxlink", "is_connected": True, "symbols": 2, "fresh": 1, "ticks": 4711, "clock_offset_ms": 31.4}
    store.set(keys.heartbeat("feed:dxlink"), msgspec.json.encode(beat))
    timeframes = {"144t": {"state": "fresh", "reason": ""}, "1": {"state": "gapped", "reason": "cut at noon"}}
    store.hset(
        keys.feed_state("/MES"),
        mapping={
            "feed": "dxlink", "state": "fresh", "reason": "", "venue_symbol": "/MESZ26:XCME",
            "last_tick_ts": 1_763_735_400_000_000_000, "last_tick_recv": time.time_ns() - 1_500_000_000,
            "timeframes": msgspec.json.encode(timeframes),
        },
    )  # fmt: skip


def test_each_symbol_shows_its_timeframes_and_last_print_and_one_that_nobody_tells_of_is_unknown(carried, client, user):
    client.force_login(user)
    page = client.get("/data").content.decode()
    for shown in (
        "/MESZ26:XCME",
        "2025-11-21T14:30:00",
        "Fri 09:30:00",
        "4711",
        "31 ms",
        "gapped: cut at noon",
        "connected",
    ):
        assert shown in page, shown
    spy = page[page.index(">SPY<") :]
    assert "unknown" in spy[: spy.index("</tr>")]


def test_a_symbol_beyond_the_vendors_limit_is_named_with_the_reason(client, user, store):
    save_feed(name="iex", kind="alpaca", token='{"key": "k", "secret": "s"}')
    store.set(keys.lease("feed", "iex"), msgspec.json.encode({"owner": "host:7", "token": 3}))
    beat = {"is_connected": True, "symbols": 31, "refused": {"IBM": "the limit is reached"}}
    store.set(keys.heartbeat("feed:iex"), msgspec.json.encode(beat))
    client.force_login(user)
    page = client.get("/data").content.decode()
    assert "30 of 30" in page
    assert "Without data: IBM (the limit is reached)" in page


def test_who_is_not_signed_in_sees_nothing(carried, client):
    assert client.get("/data").status_code == 302
