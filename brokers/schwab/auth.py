"""Schwab's OAuth: a person logs in every seven days, access tokens live half an hour.

Only one process may refresh: two at once can end the login. https://developer.schwab.com
"""

from base64 import b64encode
from urllib.parse import unquote, urlencode

from brokers.oauth import Client, Dialect, TokenRequest

PRODUCTION = "https://api.schwabapi.com"
AUTHORIZE_PATH, TOKEN_PATH = "/v1/oauth/authorize", "/v1/oauth/token"
LOGIN_LIFE_S = 7 * 86_400.0


def authorize(client: Client, state: str) -> str:
    """The consent page. The return address must be exactly the registered one, with https."""
    query = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "state": state,
    }
    page = client.authorize_url or f"{client.api_url or PRODUCTION}{AUTHORIZE_PATH}"
    return f"{page}?{urlencode(query)}"


def exchange(client: Client, code: str) -> TokenRequest:
    """A code lives half a minute and ends with "@", which browsers show encoded: both spellings are taken."""
    return _request(client, grant_type="authorization_code", code=unquote(code), redirect_uri=client.redirect_uri)


def refresh(client: Client, refresh_token: str) -> TokenRequest:
    return _request(client, grant_type="refresh_token", refresh_token=refresh_token)


def _request(client: Client, **form: str) -> TokenRequest:
    basic = b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()
    url = f"{client.api_url or PRODUCTION}{TOKEN_PATH}"
    return TokenRequest(url, form=form, headers={"Authorization": f"Basic {basic}"})


DIALECT = Dialect(
    broker="schwab",
    title="Charles Schwab",
    authorize=authorize,
    exchange=exchange,
    refresh=refresh,
    access_life_s=1_800.0,
    refresh_life_s=LOGIN_LIFE_S,
    refresh_ahead_s=300.0,
    help=(
        "Log in on Schwab's page and come back here; Schwab wants this again every seven days. The callback URL of "
        "your app at developer.schwab.com must be exactly the one shown here, with https and without an added slash."
    ),
)
