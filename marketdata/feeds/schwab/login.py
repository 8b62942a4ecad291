"""The access token of a Schwab feed: given as it is, or made of a login's refresh token."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from brokers.oauth import Client, GrantRefused, ask
from brokers.schwab.auth import DIALECT
from brokers.venue import NotAuthorized


class Secret(msgspec.Struct, frozen=True):
    """A login of a feed of its own. An account's login belongs to the account: two refreshing ones end each other."""

    app_key: str
    app_secret: str
    refresh_token: str


class LoginToken:
    """Call it for an access token. `secret` is a JSON object of `Secret`, or an access token as it is."""

    def __init__(self, api_url: str, secret: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api_url = api_url
        self._secret = secret
        self._clock = clock
        self._token = ""
        self._ends = 0.0
        self._asking = asyncio.Lock()

    async def __call__(self) -> str:
        """`NotAuthorized` where a person must log in, `TokenUnavailable` where the venue does not answer."""
        if not self._secret.lstrip().startswith("{"):
            if not self._secret.strip():
                raise NotAuthorized("the feed has no login: app_key, app_secret and refresh_token were expected")
            return self._secret.strip()
        async with self._asking:
            if self._clock() >= self._ends - DIALECT.refresh_ahead_s:
                await self._refresh()
            return self._token

    async def refused(self, token: str) -> None:
        """The venue did not accept `token`: it is not given out again."""
        if token == self._token:
            self._ends = 0.0

    async def _refresh(self) -> None:
        secret = self._read()
        client = Client(secret.app_key, secret.app_secret, "", self._api_url)
        try:
            reply = await ask(DIALECT.refresh(client, secret.refresh_token), broker="Schwab")
        except GrantRefused as error:
            text = f"{error.detail}: Schwab wants a new login every seven days"
            raise NotAuthorized(text, venue_code=error.venue_code) from error
        self._token = reply.access_token
        self._ends = self._clock() + (reply.expires_in_s or DIALECT.access_life_s)

    def _read(self) -> Secret:
        try:
            return msgspec.json.decode(self._secret, type=Secret)
        except msgspec.DecodeError as error:
            raise NotAuthorized(
                f"the feed's login: app_key, app_secret and refresh_token were expected: {error}"
            ) from None
