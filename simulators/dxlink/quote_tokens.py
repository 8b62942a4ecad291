"""The REST calls in front of the stream: OAuth refresh, session check, and `/api-quote-tokens`."""

import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec

from simulators.http_server import HttpRequest, HttpResponse

_CODE_LIFE_S = 30.0
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
    code: str = ""


class TokenDesk:
    """Issues access and quote tokens and knows until when they are good. `clock` is in seconds."""

    def __init__(self, credentials: Credentials, *, clock: Callable[[], float], feed_url: Callable[[], str]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._feed_url = feed_url
        self._access: dict[str, float] = {}
        self._quote: dict[str, float] = {}
        self._codes: dict[str, float] = {}
        self._grants: set[str] = set()
        self._routes: dict[tuple[str, str], Callable[[HttpRequest], HttpResponse]] = {
            ("GET", "/auth.html"): self._consent,
            ("POST", "/oauth/token"): self._refresh,
            ("POST", "/sessions/validate"): self._validate,
            ("GET", "/api-quote-tokens"): self._quote_token,
        }

    def quote_token_is_valid(self, token: str) -> bool:
        return self._quote.get(token, 0.0) > self._clock()

    def access_token_is_valid(self, token: str) -> bool:
        return self._access.get(token, 0.0) > self._clock()

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
        if wanted.grant_type not in ("refresh_token", "authorization_code"):
            return error(400, "unsupported_grant_type", f"refresh_token was expected, found {wanted.grant_type!r}.")
        expected = self._credentials
        if not _matches(wanted.client_secret, expected.client_secret):
            return error(401, "invalid_client", "The client secret is not the one of this application.")
        reply: dict[str, Any] = {"token_type": "Bearer", "expires_in": int(expected.access_life_s)}
        if wanted.grant_type == "authorization_code":
            if self._codes.pop(wanted.code, 0.0) <= self._clock():
                return error(400, "invalid_grant", "The code is unknown, used or too old.")
            reply["refresh_token"] = secrets.token_urlsafe(24)
            self._grants.add(reply["refresh_token"])
        elif wanted.refresh_token not in self._grants and not _matches(wanted.refresh_token, expected.refresh_token):
            return error(400, "invalid_grant", "The refresh token is unknown or was deleted.")
        return HttpResponse(200, {"access_token": self._issue(self._access, expected.access_life_s), **reply})

    def _consent(self, request: HttpRequest) -> HttpResponse:
        """The page on which a person consents; this person always does."""
        query = {name: values[0] for name, values in request.query.items()}
        if "redirect_uri" not in query or "client_id" not in query:
            return error(400, "invalid_request", "client_id and redirect_uri were expected.")
        answer = {"code": self._issue(self._codes, _CODE_LIFE_S), "state": query.get("state", "")}
        return HttpResponse(302, None, {"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    def _validate(self, request: HttpRequest) -> HttpResponse:
        refusal = self.refusal(request)
        data = {"email": "simulated@example.com", "username": "simulated", "external-id": "U0001"}
        return refusal or HttpResponse(201, {"data": data, "context": "/sessions/validate"})

    def _quote_token(self, request: HttpRequest) -> HttpResponse:
        refusal = self.refusal(request)
        if refusal:
            return refusal
        token = self._issue(self._quote, self._credentials.quote_token_life_s)
        data = {"token": token, "dxlink-url": self._feed_url(), "level": "api"}
        return HttpResponse(200, {"data": data, "context": "/api-quote-tokens"})

    def refusal(self, request: HttpRequest) -> HttpResponse | None:
        """401 for a request without a good access token, else None."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and self.access_token_is_valid(token):
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
