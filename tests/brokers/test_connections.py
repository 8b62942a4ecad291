"""An account becomes an adapter with its venue's addresses and its login's tokens, and nothing more."""

import pytest

from brokers.connections import setup_of, venue_of
from brokers.models import BrokerAccount
from brokers.tastytrade.broker import TastytradeVenue
from brokers.timed import TimedVenue
from brokers.tokens import TokenSource
from brokers.venue import NotAuthorized
from engine.errors import NotFound


def account(broker: str, **values) -> BrokerAccount:
    return BrokerAccount(broker=broker, name="main", account_number="5WT1", **values)


def test_an_adapter_gets_addresses_tokens_and_no_client_secret(endpoint):
    setup = setup_of(account("tastytrade", login="second"), contracts=["/ESH27"])
    assert (setup.account, setup.account_number, setup.api_url) == ("main", "5WT1", endpoint.url)
    assert isinstance(setup.access_token, TokenSource)
    assert (setup.access_token.broker, setup.access_token.login) == ("tastytrade", "second")
    assert setup.token_refused == setup.access_token.refused
    assert setup.options == {"contracts": ["/ESH27"]}
    venue = venue_of(account("tastytrade"))
    assert isinstance(venue, TimedVenue)
    assert isinstance(venue._venue, TastytradeVenue)


async def test_brokers_without_a_login_find_their_keys_in_the_options(settings):
    settings.VENUES = {**settings.VENUES, "alpaca": {"api_url": "http://x", "key": "k", "secret": "s"}}
    setup = setup_of(account("alpaca"))
    assert setup.options == {"key": "k", "secret": "s"}
    with pytest.raises(NotAuthorized):
        await setup.access_token()


def test_a_venue_without_an_adapter_is_named():
    with pytest.raises(NotFound, match="no venue adapter named 'paper'"):
        venue_of(account("paper"))
