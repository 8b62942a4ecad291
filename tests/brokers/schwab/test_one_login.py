"""One login of a person serves orders and data: connected once, refreshed by one owner, told when it has ended."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from brokers import logins
from brokers.adapters import VENUES
from brokers.connections import venue_of
from brokers.models import BrokerAccount, BrokerToken
from brokers.tokens import TokenSource
from brokers.venue import LearnsNames, NotAuthorized, Unknown, VenueSetup
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderType, Side
from engine.model.orders import Order
from marketdata.feeds.registry import FEEDS, FeedSetup
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import MarketConfig
from simulators.schwab.login import Credentials
from simulators.schwab.serve import SchwabConfig, serve
from tests.contracts.feeds.base import Venue, Watched
from tests.contracts.venues.base import known
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "https://127.0.0.1:8182"


@pytest.fixture
async def simulator(settings):
    config = SchwabConfig(
        market=MarketConfig(seed=5, symbols=("SPY",), always_open=True, tick_rate=20.0),
        credentials=Credentials(app_key="key", app_secret="secret"),
        poll_s=0.01,
    )
    async with await serve(config) as running:
        client = {"client_id": "key", "client_secret": "secret", "redirect_uri": BACK, "api_url": running.rest_url}
        settings.VENUES = {**settings.VENUES, "schwab": client}
        yield running
    await sync_to_async(connections.close_all)()


async def log_in(simulator) -> None:
    """As a person does: consent on the venue's page, and paste the address it ended at."""
    query = {"client_id": "key", "redirect_uri": BACK, "response_type": "code"}
    async with httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as browser:
        reply = await browser.get("/v1/oauth/authorize", params=query)
    code = httpx.URL(reply.headers["Location"]).params["code"]
    await sync_to_async(logins.connect)(user=None, broker="schwab", pasted=code)


def adapter(simulator):
    tokens = TokenSource("schwab")
    return VENUES["schwab"].make(
        VenueSetup("schwab", "12345678", simulator.rest_url, "", tokens, {"activity": "poll"}, tokens.refused)
    )


async def test_orders_and_data_share_a_token_and_both_outlive_it(simulator):
    await log_in(simulator)
    asked: list[HttpRequest] = []
    grant: Callable[[HttpRequest], HttpResponse] = simulator.login.token

    def counted(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return grant(request)

    simulator.login.token = counted
    venue = adapter(simulator)
    options = {"login": "main", "reconnect_base_s": 0.02, "reconnect_cap_s": 0.1}
    feed: Any = FEEDS["schwab"].make(FeedSetup("schwab", simulator.rest_url, "", options, lambda symbol: symbol))
    await feed.subscribe(["SPY"])
    got = Watched(feed, Venue(simulator))
    try:
        await venue.open()
        await got.until_prints("SPY", 3)
        assert known(await venue.positions()) == ()
        assert asked == []  # the token of the login is good for both
        simulator.stream.expire_tokens()
        await got.until(lambda: feed.connects == 2)
        await got.until_prints("SPY", 3)
        assert known(await venue.positions()) == ()
        assert len(asked) == 1
    finally:
        await got.close()
        await venue.close()


async def test_after_seven_days_both_ask_for_a_person_and_a_new_login_needs_no_restart(simulator):
    await log_in(simulator)
    row = await BrokerToken.objects.aget(broker="schwab")
    assert row.refresh_expires_at is not None
    left = row.refresh_expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    venue = adapter(simulator)
    await venue.open()
    simulator.login.end_login()
    simulator.login.expire_all()
    with pytest.raises(NotAuthorized):
        await venue.open()
    assert (await BrokerToken.objects.aget(broker="schwab")).state == BrokerToken.State.DEAD
    await log_in(simulator)
    await asyncio.wait_for(venue.open(), DEADLINE_S)
    await venue.close()


async def test_an_account_of_ours_is_made_of_the_settings_and_learns_names_through_the_watch_on_it(simulator):
    await log_in(simulator)
    account = BrokerAccount(broker="schwab", name="schwab", mode="live", account_number="12345678")
    venue = venue_of(account, activity="poll", settle_s=0.1)
    await venue.open()
    assert isinstance(venue, LearnsNames)
    one, other = (
        Order(f"r1-x-00000{at}", "x", "SPY", "schwab", Side.BUY, D(1), OrderType.LIMIT, limit_price=D(100))
        for at in (1, 2)
    )
    spy, since = instrument_for("SPY"), time.time_ns()
    first = await venue.place(one, spy)
    await venue.place(other, spy)
    successor = venue_of(account, activity="poll", settle_s=0.1)
    await successor.open()
    assert isinstance(await successor.find(one, since=since), Unknown)
    assert isinstance(successor, LearnsNames)
    successor.adopt(one.client_id, first.venue_id)
    assert known(await successor.find(one, since=since)).venue_id == first.venue_id
    await venue.close()
    await successor.close()


def test_the_setting_says_how_orders_are_followed(settings):
    assert settings.VENUES["schwab"]["activity"] in ("stream", "poll")
