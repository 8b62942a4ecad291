"""OAuth as brokers speak it: what each one's dialect is, and the one place where tokens are asked for."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from brokers.venue import NotAuthorized, TryLater
from engine.errors import InvalidInput
from infra.http import http_client
from infra.logging import forget_secret, register_secret, scrub

TIMEOUT_S = 10.0
_KEPT_SECRET = 64
_recent: deque[str] = deque()
_DEAD = frozenset(
    {"invalid_grant", "unsupported_token_type", "invalid_client", "refresh_token_authentication_error",
     "unauthorized_client", "access_denied"}
)  # fmt: skip


class Client(msgspec.Struct, frozen=True):
    """Our registration with a venue. URLs without a slash at the end."""

    client_id: str
    client_secret: str
    redirect_uri: str
    api_url: str
    authorize_url: str = ""  # where a person consents, if it is not below api_url


class TokenRequest(msgspec.Struct, frozen=True):
    """One call of a venue's token endpoint: a form, or JSON where `json` is set."""

    url: str
    form: dict[str, str] = {}
    json: dict[str, str] | None = None
    headers: dict[str, str] = {}


class TokenReply(msgspec.Struct, frozen=True):
    """What the endpoint gave. `refresh_token` is empty where the old one stays as it is."""

    access_token: str
    expires_in_s: float
    refresh_token: str = ""
    scope: str = ""


class VenueAccount(msgspec.Struct, frozen=True):
    """An account behind a login, as the venue lists it."""

    number: str
    kind: str = ""  # "Margin", "Individual", …: the venue's words
    nickname: str = ""
    is_closed: bool = False


AccountsOf = Callable[[str, str], Awaitable[list[VenueAccount]]]
"""(the venue's address, empty for its own; access token) → its accounts."""


class Dialect(msgspec.Struct, frozen=True):
    """How one venue does OAuth. All but `accounts` are pure.

    `client_grant` is None where the venue has no login without a person.

    `refresh_life_s`: how long a consent lasts from the moment it was given, refreshed or not; None: until withdrawn.
    `access_life_s`: what an access token lives if the reply does not say. `refresh_ahead_s`: how long before its end
    it is replaced. `exchanges_code`: False where people copy a refresh token from the venue's page instead.
    """

    broker: str
    title: str
    authorize: Callable[[Client, str], str]  # state → the page on which a person consents
    exchange: Callable[[Client, str], TokenRequest]  # code →
    refresh: Callable[[Client, str], TokenRequest]  # refresh token →
    client_grant: Callable[[Client], TokenRequest] | None = None
    access_life_s: float = 1800.0
    refresh_life_s: float | None = None
    refresh_ahead_s: float = 300.0
    help: str = ""  # for a person, how to connect
    accounts: AccountsOf | None = None


class TokenUnavailable(TryLater):
    """The venue's token endpoint does not answer as it should just now."""

    code = "token_unavailable"


class GrantRefused(NotAuthorized):
    """The venue does not accept this consent (any more): a person must connect again."""

    code = "grant_refused"


async def ask(request: TokenRequest, *, broker: str) -> TokenReply:
    """Send a token request. `GrantRefused` is final, `TokenUnavailable` is not; neither holds a secret."""
    import httpx  # on first use, see infra.http

    try:
        async with http_client(timeout_s=TIMEOUT_S) as client:
            body: dict[str, Any] = {"data": request.form} if request.json is None else {"json": request.json}
            response = await client.post(request.url, headers=request.headers, **body)
    except httpx.HTTPError as error:
        why = scrub(str(error)) or type(error).__name__
        raise TokenUnavailable(f"{broker}: the token endpoint does not answer ({why})") from None
    return read_reply(response.status_code, response.content, broker=broker)


async def fetch(url: str, token: str, *, broker: str) -> Any:
    """What `url` says to the holder of an access token."""
    import httpx  # on first use, see infra.http

    try:
        async with http_client(timeout_s=TIMEOUT_S) as client:
            response = await client.get(url, headers={"Authorization": f"Bearer {token}"})
    except httpx.HTTPError as error:
        raise TokenUnavailable(f"{broker} does not answer ({scrub(str(error)) or type(error).__name__})") from None
    if response.status_code == 401:
        raise GrantRefused(f"{broker} does not accept the login; connect the account again")
    if response.status_code != 200:
        raise TokenUnavailable(f"{broker}: HTTP 200 was expected, found {response.status_code}")
    return response.json()


def read_reply(status: int, content: bytes, *, broker: str) -> TokenReply:
    """The reply of a token endpoint, or one of the two errors. Pages in HTML and busy servers are no refusal."""
    document = _document(content)
    if status == 200 and document.get("access_token"):
        return _reply(document, broker)
    code = _error_code(document)
    if status in (400, 401, 403) and code in _DEAD:
        raise GrantRefused(f"{broker} refuses our login ({code}); connect the account again", venue_code=code)
    found = code or f"HTTP {status}"
    raise TokenUnavailable(f"{broker}: an access token was expected, found {found}", venue_code=code or str(status))


def code_of(text: str, *, expected_state: str | None) -> str:
    """The authorisation code in what a person pasted: the whole redirect URL, or the code alone.

    A URL must carry the state that we gave out; a bare code has none to compare.
    """
    pasted = text.strip()
    if "://" not in pasted and "code=" not in pasted:
        if not pasted:
            raise InvalidInput("code: the redirect URL or the code in it was expected, found nothing", field="code")
        return pasted
    query = parse_qs(urlsplit(pasted).query or pasted.partition("?")[2] or pasted)
    error = query.get("error", [""])[0]
    if error:
        raise InvalidInput(f"code: the broker says {error!r}; authorise again", field="code")
    code = query.get("code", [""])[0]
    if not code:
        raise InvalidInput("code: a redirect URL with a code was expected, found one without", field="code")
    if expected_state is not None and query.get("state", [""])[0] != expected_state:
        raise InvalidInput("state: this redirect belongs to another login; begin again", field="state")
    return code


def state_of(text: str) -> str:
    """The state in a pasted redirect URL; empty where there is none."""
    return parse_qs(urlsplit(text.strip()).query).get("state", [""])[0]


def keep_out_of_logs(token: str) -> None:
    """The last tokens seen are scrubbed from every log line; those before them have ended long ago."""
    if not token or token in _recent:
        return
    register_secret(token)
    _recent.append(token)
    if len(_recent) > _KEPT_SECRET:
        forget_secret(_recent.popleft())


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _reply(document: Mapping[str, Any], broker: str) -> TokenReply:
    try:
        reply = TokenReply(
            access_token=str(document["access_token"]),
            expires_in_s=float(document.get("expires_in") or 0),
            refresh_token=str(document.get("refresh_token") or ""),
            scope=str(document.get("scope") or ""),
        )
    except (TypeError, ValueError):
        raise TokenUnavailable(f"{broker}: the token reply is not understood") from None
    for secret in (reply.access_token, reply.refresh_token):
        keep_out_of_logs(secret)
    return reply


def _error_code(document: Mapping[str, Any]) -> str:
    """RFC 6749 puts the code under `error`; some venues put an object there."""
    error = document.get("error", "")
    return str(error.get("code", "")) if isinstance(error, dict) else str(error)
