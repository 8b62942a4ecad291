"""The REST calls in front of the stream: OAuth refresh, session check, and `/api-quote-tokens`."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from simulators.http_server import HttpRequest, HttpResponse

_USER_AGENT = re.compile(r"^[\w.\-]+/[\w.\-]+")


class Credentials(msgspec.Struct, frozen=True):
    """Who may log in; an empty value accepts anything but nothing. Lives are in seconds."""

    client_secret: str = ""
    refresh_token: str = ""
    access_life_s: float = 900.0
    quote_token_life_s: float = 86_400.0
    strict_user_agent: bool = False  # `<product>/<version>` and no more, as the vendor checks it


class Refresh(msgspec.Struct):
    grant_type: str = ""
    refresh_token: str = ""
    client_secret: str = ""


class TokenDesk:
    """Issues access and quote tokens and knows until when they are good. `clock` is in seconds."""

    def __init__(self, credentials: Credentials, *, clock: Callable[[], float], feed_url: Callable[[], str]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._feed_url = feed_url
        self._access: dict[str, float] = {}
        self._quote: dict[str, float] = {}
        self._routes: dict[tuple[str, str], Callable[[HttpRequest], HttpResponse]] = {
            ("POST", "/oauth/token"): self._refresh,
            ("POST", "/sessions/validate"): self._validate,
            ("GET", "/api-quote-tokens"): self._quote_token,
        }

    def quote_token_is_valid(self, token: str) -> bool:
        return self._quote.get(token, 0.0) > self._clock()

    def expire_all(self) -> None:
        """From now on every token issued so far is worthless."""
        self._access.clear()
        self._quote.clear()

    def handle(self, request: HttpRequest) -> HttpResponse | None:
        """None for a path that is not ours."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return None
        if not self._user_agent_is_fine(request):
            return error(401, "invalid_user_agent", "A User-Agent of the form <product>/<version> was expected.")
        return route(request)

    def _user_agent_is_fine(self, request: HttpRequest) -> bool:
        agent = request.headers.get("user-agent", "")
        return not self._credentials.strict_user_agent or _USER_AGENT.fullmatch(agent) is not None

    def _refresh(self, request: HttpRequest) -> HttpResponse:
        wanted = msgspec.json.decode(request.body, type=Refresh)
        if wanted.grant_type != "refresh_token":
            return error(400, "unsupported_grant_type", f"refresh_token was expected, found {wanted.grant_type!r}.")
        expected = self._credentials
        if not _matches(wanted.client_secret, expected.client_secret):
            return error(401, "invalid_client", "The client secret is not the one of this application.")
        if not _matches(wanted.refresh_token, expected.refresh_token):
            return error(400, "invalid_grant", "The refresh token is unknown or was deleted.")
        token = self._issue(self._access, expected.access_life_s)
        reply = {"access_token": token, "token_type": "Bearer", "expires_in": int(expected.access_life_s)}
        return HttpResponse(200, reply)

    def _validate(self, request: HttpRequest) -> HttpResponse:
        refusal = self._refuse(request)
        data = {"email": "simulated@example.com", "username": "simulated", "external-id": "U0001"}
        return refusal or HttpResponse(201, {"data": data, "context": "/sessions/validate"})

    def _quote_token(self, request: HttpRequest) -> HttpResponse:
        refusal = self._refuse(request)
        if refusal:
            return refusal
        token = self._issue(self._quote, self._credentials.quote_token_life_s)
        data = {"token": token, "dxlink-url": self._feed_url(), "level": "api"}
        return HttpResponse(200, {"data": data, "context": "/api-quote-tokens"})

    def _refuse(self, request: HttpRequest) -> HttpResponse | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and self._access.get(token, 0.0) > self._clock():
            return None
        return error(401, "token_invalid", "A valid access token was expected.")

    def _issue(self, kept: dict[str, float], life_s: float) -> str:
        now = self._clock()
        for old in [token for token, end in kept.items() if end <= now]:
            del kept[old]
        token = secrets.token_urlsafe(24)
        kept[token] = now + life_s
        return token


def error(status: int, code: str, message: str) -> HttpResponse:
    """The vendor's error envelope."""
    document: dict[str, Any] = {"error": {"code": code, "message": message}}
    return HttpResponse(status, document)


def _matches(found: str, expected: str) -> bool:
    return bool(found) and expected in ("", found)
