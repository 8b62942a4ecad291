"""An account of ours to the adapter that trades in it: addresses and keys from the settings, tokens of its login."""

from typing import Any

from django.conf import settings

from brokers.adapters import VENUES
from brokers.dialects import DIALECTS
from brokers.models import BrokerAccount
from brokers.timed import TimedVenue
from brokers.tokens import TokenSource
from brokers.venue import NotAuthorized, Venue, VenueSetup
from engine.errors import NotFound
from engine.ports import ChainSource

_OF_THE_LOGIN = frozenset({"api_url", "stream_url", "authorize_url", "client_id", "client_secret", "redirect_uri"})


def venue_of(account: BrokerAccount, **options: Any) -> Venue:
    """The adapter for `account`, with a watch on it. `options` are the adapter's own; `NotFound` where the venue has
    none."""
    return TimedVenue(VENUES[account.broker].make(setup_of(account, **options)), account.broker)


def chains_of(account: BrokerAccount) -> ChainSource:
    """The option chains that the login of `account` may ask for; `NotFound` where its venue tells none."""
    chains = VENUES[account.broker].chains
    if chains is None:
        raise NotFound(f"{account.name}: {account.broker} has no option chains here", field="chains")
    return chains(setup_of(account))


def setup_of(account: BrokerAccount, **options: Any) -> VenueSetup:
    """What the adapter of `account` is made of. Keys and gateways, where there is no login, are options."""
    known = settings.VENUES.get(account.broker, {})
    own = {name: value for name, value in known.items() if name not in _OF_THE_LOGIN}
    setup = VenueSetup(
        account=account.name,
        account_number=account.account_number,
        api_url=known.get("api_url", ""),
        stream_url=known.get("stream_url", ""),
        access_token=_no_login,
        options={**own, **_gateway_of(account), **options},
    )
    if account.broker not in DIALECTS:
        return setup
    source = TokenSource(account.broker, account.login)
    return setup._replace(access_token=source, token_refused=source.refused)


def _gateway_of(account: BrokerAccount) -> dict[str, Any]:
    """What the account says of its gateway; the settings say the rest."""
    given = {"host": account.host, "port": account.port, "client_id": account.client_id}
    return {name: value for name, value in given.items() if value not in ("", None)}


async def _no_login() -> str:
    raise NotAuthorized("this broker is reached with keys or a gateway, not with a login")
