"""From a click to an order: consent at the venue, tokens at rest, an adapter that trades, and a consent that ends."""

import asyncio

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.test import AsyncClient

from brokers import logins
from brokers.connections import venue_of
from brokers.models import BrokerAccount, BrokerNotice, BrokerToken
from brokers.tokens import TokenSource
from brokers.venue import Known, NotAuthorized, Unknown
from engine.instruments.catalog import instrument_for
from engine.model.market import Tick
from marketdata.feeds.dxlink.tokens import TokenSource as QuoteTokens
from marketdata.feeds.errors import FeedUnauthorized
from marketdata.feeds.registry import FEEDS, FeedSetup
from marketdata.feeds.symbols import streamer_symbol
from simulators.dxlink.quote_tokens import Credentials
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve
from tests.brokers.tastytrade.test_translate import order
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def simulator(redis_url, settings):
    cache.clear()
    market = MarketConfig(seed=5, symbols=("SPY",), always_open=True)
    credentials = Credentials(client_secret="client-secret-1", refresh_token="not-this-one", access_life_s=61.0)
    async with await serve(SimulatorConfig(market=market, credentials=credentials)) as running:
        settings.VENUES = {
            **settings.VENUES,
            "tastytrade": {
                "api_url": running.rest_url,
                "stream_url": running.account_stream_url,
                "authorize_url": f"{running.rest_url}/auth.html",
                "client_id": "client-1",
                "client_secret": "client-secret-1",
                "redirect_uri": "https://localhost:8000/api/brokers/tastytrade/callback",
            },
        }
        yield running


async def consent(user) -> None:
    """The person follows the link, agrees, and the broker sends the browser back."""
    url = await sync_to_async(logins.begin)(user=user, broker="tastytrade")
    async with httpx.AsyncClient(trust_env=False) as browser:
        sent_to = (await browser.get(url)).headers["location"]
    path = sent_to.removeprefix("https://localhost:8000")
    assert (await AsyncClient().get(path)).status_code == 200


async def test_a_click_is_enough_to_trade_until_the_consent_ends_and_another_click_goes_on(simulator, admin):
    await consent(admin)
    account = await BrokerAccount.objects.acreate(
        broker="tastytrade", name="tasty", mode="live", account_number="5WT00001"
    )
    (found,) = await sync_to_async(logins.accounts)(broker="tastytrade")
    assert (found["number"], found["name"]) == ("5WT00001", "tasty")
    venue = venue_of(account, settle_s=0.1)
    try:
        await venue.open()
        placed = await venue.place(order(), instrument_for("SPY"))
        assert placed.client_id == "r7-ema-NQ-000042"
        # The venue forgets every access token: the adapter gets itself another and nobody notices.
        simulator.tokens.expire_all()
        assert isinstance(await venue.positions(), Known)
        # The consent is withdrawn: it is said, kept and told, and nothing is asked any more.
        simulator.tokens.expire_all()
        simulator.tokens._grants.clear()
        assert isinstance(await venue.positions(), Unknown)
        with pytest.raises(NotAuthorized, match="connect the account again"):
            await venue.place(order(), instrument_for("SPY"))
        assert (await BrokerToken.objects.aget()).state == "dead"
        assert await BrokerNotice.objects.filter(level="error").acount() == 1
        # Another click; the adapter that was there all the while goes on.
        await consent(admin)
        assert isinstance(await venue.positions(), Known)
    finally:
        await venue.close()


async def test_many_tasks_and_a_token_that_ends_in_the_middle(simulator, admin):
    await consent(admin)
    account = await BrokerAccount.objects.acreate(
        broker="tastytrade", name="tasty", mode="live", account_number="5WT00001"
    )
    venue = venue_of(account)
    try:
        await venue.open()
        simulator.tokens.expire_all()
        answers = await asyncio.gather(*(venue.balances() for _ in range(20)))
        assert all(isinstance(answer, Known) for answer in answers)
    finally:
        await venue.close()


async def test_the_login_of_the_accounts_opens_the_price_stream_too(simulator, admin):
    await consent(admin)
    kind = FEEDS["dxlink"]
    feed = kind.make(FeedSetup("dx", simulator.rest_url, "", {"login": "main"}, streamer_symbol))
    try:
        await feed.subscribe(["SPY"])
        simulator.tokens.expire_all()  # what it has in hand is refused: it gets another at once
        async with asyncio.timeout(DEADLINE_S):
            async for events in feed.frames():
                if any(isinstance(event, Tick) for event in events):
                    return
    finally:
        await feed.close()


async def test_a_login_that_needs_a_person_is_said_by_the_feed(simulator):
    source = QuoteTokens(simulator.rest_url, login=TokenSource("tastytrade"))
    with pytest.raises(FeedUnauthorized, match="connect the account first"):
        await source.fetch()
