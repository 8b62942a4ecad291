"""Quote tokens: where the DXLink server is and what opens it, asked of the broker's REST interface."""

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from engine.errors import FortifiedError
from infra.http import http_client
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable

if TYPE_CHECKING:
    import httpx

PATH = "/api-quote-tokens"
LOGIN_PATH = "/oauth/token"


class QuoteToken(msgspec.Struct, frozen=True):
    """`url` and `token` belong together and come anew with every request; never keep either longer."""

    url: str
    token: str


class Grant(msgspec.Struct, frozen=True):
    """A person's consent, from which access tokens are made for as long as it is not withdrawn."""

    refresh_token: str
    client_secret: str


class Login(Protocol):
    """A login that an account has already: it gives access tokens, and another where one is refused."""

    async def __call__(self) -> str: ...

    async def refused(self, token: str) -> None: ...


class TokenSource:
    """Quote tokens of one login: an account's (`login`), or one of the feed's own. Then `secret` is a JSON object with
    `refresh_token` and `client_secret`, or an access token as it is. Every call asks the broker anew."""

    def __init__(self, api_url: str, secret: str = "", *, login: Login | None = None, timeout_s: float = 10.0) -> None:
        self._api_url = api_url
        self._secret = secret
        self._login = login
        self._timeout_s = timeout_s

    async def fetch(self) -> QuoteToken:
        """A fresh quote token and the address it opens."""
        import httpx  # on first use, see infra.http

        try:
            async with http_client(base_url=self._api_url, timeout_s=self._timeout_s) as client:
                access = await self._access_token(client)
                response = await client.get(PATH, headers={"Authorization": f"Bearer {access}"})
                if response.status_code == 401 and self._login is not None:
                    await self._login.refused(access)
                    access = await self._access_token(client)
                    response = await client.get(PATH, headers={"Authorization": f"Bearer {access}"})
        except httpx.HTTPError as error:
            raise FeedUnavailable(f"{self._api_url} does not answer: {error or type(error).__name__}") from error
        self._check(response, PATH)
        return _parse(response.content)

    async def _access_token(self, client: "httpx.AsyncClient") -> str:
        if self._login is not None:
            return await _token_of(self._login)
        if not self._secret.lstrip().startswith("{"):
            return self._secret
        try:
            grant = msgspec.json.decode(self._secret, type=Grant)
        except msgspec.DecodeError as error:
            raise FeedUnauthorized(
                f"the feed's secret: refresh_token and client_secret were expected: {error}"
            ) from None
        body = {"grant_type": "refresh_token", **msgspec.to_builtins(grant)}
        response = await client.post(LOGIN_PATH, json=body)
        self._check(response, LOGIN_PATH)
        try:
            return str(response.json()["access_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise FeedProtocolError(f"{LOGIN_PATH}: an access_token was expected, found none") from error

    def _check(self, response: "httpx.Response", path: str) -> None:
        status, where = response.status_code, f"{self._api_url}{path}"
        if status in (400, 401, 403):
            raise FeedUnauthorized(f"{where} refuses our login (HTTP {status}); log in to the broker again")
        if status == 429 or status >= 500:
            wait = response.headers.get("retry-after", "")
            raise FeedUnavailable(
                f"{where} is busy (HTTP {status})", retry_after_s=float(wait) if wait.isdigit() else 0.0
            )
        if status != 200:
            raise FeedProtocolError(f"{where}: HTTP 200 was expected, found {status}")


async def _token_of(login: Login) -> str:
    try:
        return await login()
    except FortifiedError as error:
        kind = FeedUnavailable if error.retryable else FeedUnauthorized
        raise kind(error.detail) from error


def _parse(content: bytes) -> QuoteToken:
    try:
        document: Any = msgspec.json.decode(content)
        data = document.get("data", document)
        return QuoteToken(url=data["dxlink-url"], token=data["token"])
    except (msgspec.DecodeError, KeyError, AttributeError, TypeError) as error:
        raise FeedProtocolError(
            f"{PATH}: an object with token and dxlink-url was expected, found {content[:120]!r}"
        ) from error
