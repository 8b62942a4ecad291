"""OAuth as Schwab does it: consent, code, access tokens of half an hour, a login of seven days."""

import base64
import secrets
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

import msgspec

from simulators.http_server import HttpRequest, HttpResponse

AUTHORIZE, TOKEN = "/v1/oauth/authorize", "/v1/oauth/token"
_WEEK_S = 7 * 86_400.0


class Credentials(msgspec.Struct, frozen=True):
    """Who may log in; an empty value accepts anything but nothing. `refresh_token`, where given, is good from the
    start, as if a person had logged in just now. Lives are in seconds of our clock."""

    app_key: str = ""
    app_secret: str = ""
    refresh_token: str = ""
    code_life_s: float = 30.0
    access_life_s: float = 1_800.0
    login_life_s: float = _WEEK_S


class LoginDesk:
    """Grants and knows until when. A new login ends the tokens of the one before, and refreshing never makes a login
    last longer. `clock` is in seconds."""

    def __init__(self, credentials: Credentials, *, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._codes: dict[str, tuple[str, float]] = {}  # code → its return address, until when
        self._access: dict[str, float] = {}
        self._refresh = credentials.refresh_token
        self._login_ends = clock() + credentials.login_life_s

    def is_valid(self, token: str) -> bool:
        return self._access.get(token, 0.0) > self._clock()

    def expire_all(self) -> None:
        """Every access token issued so far is worthless; the login itself stands."""
        self._access.clear()

    def end_login(self) -> None:
        """As after seven days: a person must log in again."""
        self._login_ends = 0.0

    def authorize(self, request: HttpRequest) -> HttpResponse:
        """The person consents at once: back to the return address with a code."""
        asked = {name: values[0] for name, values in request.query.items()}
        if not _fits(asked.get("client_id", ""), self._credentials.app_key):
            return _oauth_error(401, "invalid_client", "Unauthorized client.")
        back = asked.get("redirect_uri", "")
        if not back:
            return _oauth_error(400, "invalid_request", "redirect_uri was expected.")
        code = f"C0.{secrets.token_urlsafe(24)}@"
        self._codes[code] = (back, self._clock() + self._credentials.code_life_s)
        query = {"code": code, "session": secrets.token_hex(8)}
        query |= {"state": asked["state"]} if "state" in asked else {}
        return HttpResponse(HTTPStatus.FOUND, None, {"Location": f"{back}?{urlencode(query)}"})

    def token(self, request: HttpRequest) -> HttpResponse:
        """The token endpoint: a form with Basic authorization, for a code or a refresh token."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if not self._is_client(request):
            return _oauth_error(401, "invalid_client", "Unauthorized client.")
        if form.get("grant_type") == "authorization_code":
            return self._from_code(form)
        if form.get("grant_type") == "refresh_token":
            return self._from_refresh(form)
        return _oauth_error(400, "unsupported_grant_type", f"Unsupported grant type {form.get('grant_type')}.")

    def _from_code(self, form: dict[str, str]) -> HttpResponse:
        back, until = self._codes.pop(form.get("code", ""), ("", 0.0))
        if until <= self._clock() or back != form.get("redirect_uri"):
            return _oauth_error(400, "invalid_request", "Bad authorization code.")
        self._access.clear()
        self._refresh = secrets.token_urlsafe(48)
        self._login_ends = self._clock() + self._credentials.login_life_s
        return self._grant(self._refresh)

    def _from_refresh(self, form: dict[str, str]) -> HttpResponse:
        found = form.get("refresh_token", "")
        if not _fits(found, self._refresh) or self._login_ends <= self._clock():
            inner = (
                '{"error_description":"Exception while authenticating refresh token [tokenDigest=, Exception=Failed '
                'refresh token authentication [tokenDigest=]]","error":"refresh_token_authentication_error"}'
            )
            return _oauth_error(
                400, "unsupported_token_type", f"400 Bad Request: {msgspec.json.encode(inner).decode()}"
            )
        return self._grant(found)

    def _grant(self, refresh: str) -> HttpResponse:
        now, life = self._clock(), self._credentials.access_life_s
        self._access = {token: end for token, end in self._access.items() if end > now}
        access = f"I0.{secrets.token_urlsafe(32)}@"
        self._access[access] = now + life
        return HttpResponse(
            200,
            {
                "expires_in": int(life),
                "token_type": "Bearer",
                "scope": "api",
                "refresh_token": refresh,
                "access_token": access,
                "id_token": "e30.e30.e30",
            },
        )

    def _is_client(self, request: HttpRequest) -> bool:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        try:
            key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        return _fits(key, self._credentials.app_key) and _fits(secret, self._credentials.app_secret)


def _fits(found: str, expected: str) -> bool:
    return bool(found) and expected in ("", found)


def _oauth_error(status: int, code: str, text: str) -> HttpResponse:
    return HttpResponse(status, {"error": code, "error_description": text})
