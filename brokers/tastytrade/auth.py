"""tastytrade's OAuth: a personal grant that never ends, access tokens of 15 minutes.

https://developer.tastytrade.com/docs/authentication/oauth2
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from brokers.oauth import Client, Dialect, TokenRequest, VenueAccount, fetch

SCOPES = "read trade openid"
PRODUCTION = "https://api.tastyworks.com"
CONSENT_PAGE = "https://my.tastytrade.com/auth.html"


def authorize(client: Client, state: str) -> str:
    """The consent page. It needs an application that tastytrade has approved for others; for one's own account a
    personal grant is made on the venue's page and its refresh token pasted instead."""
    query = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "scope": SCOPES,
        "state": state,
    }
    return f"{client.authorize_url or CONSENT_PAGE}?{urlencode(query)}"


def exchange(client: Client, code: str) -> TokenRequest:
    return _request(
        client,
        grant_type="authorization_code",
        code=code,
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uri=client.redirect_uri,
    )


def refresh(client: Client, refresh_token: str) -> TokenRequest:
    # `client_id` is left out: it may be, and one that does not match is refused.
    return _request(client, grant_type="refresh_token", refresh_token=refresh_token, client_secret=client.client_secret)


def _request(client: Client, **body: str) -> TokenRequest:
    return TokenRequest(f"{client.api_url or PRODUCTION}/oauth/token", json=body)


async def accounts(api_url: str, token: str) -> list[VenueAccount]:
    """The accounts behind an access token."""
    found = await fetch(f"{api_url or PRODUCTION}/customers/me/accounts", token, broker="tastytrade")
    return [_account(item["account"]) for item in found["data"]["items"]]


def _account(document: Mapping[str, Any]) -> VenueAccount:
    return VenueAccount(
        number=str(document["account-number"]),
        kind=str(document.get("margin-or-cash", "")),
        nickname=str(document.get("nickname", "")),
        is_closed=bool(document.get("is-closed", False)),
    )


DIALECT = Dialect(
    broker="tastytrade",
    title="tastytrade",
    authorize=authorize,
    exchange=exchange,
    refresh=refresh,
    access_life_s=900.0,
    refresh_life_s=None,
    refresh_ahead_s=60.0,
    accounts=accounts,
    help=(
        "At my.tastytrade.com open Manage, My Profile, API, OAuth Applications; choose Create Grant and paste the "
        "refresh token here. It lasts until you delete it there."
    ),
)
