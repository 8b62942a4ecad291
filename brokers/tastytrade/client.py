"""tastytrade over HTTP: one call, one answer, and what each way of failing means for an order."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from brokers.clock import VenueClock
from brokers.exchange import exchange, pause_s
from brokers.tastytrade.auth import PRODUCTION
from brokers.tastytrade.translate import refusal
from brokers.venue import NotAuthorized, NotUnderstood, OrderRefused, OutcomeUnknown, RateLimited, VenueSetup
from infra.http import http_client

if TYPE_CHECKING:
    import httpx

VERSION = "20251101"  # of the interface; the venue's test system knows no versions
_TEST_SYSTEM = "cert.tastyworks.com"
_PER_PAGE = 200
_MAX_PAGES = 50


class Client:
    """Connections are kept open."""

    def __init__(self, setup: VenueSetup, *, timeout_s: float = 10.0) -> None:
        base = setup.api_url or PRODUCTION
        self.clock = VenueClock()
        self._setup = setup
        headers = {} if _TEST_SYSTEM in base else {"Accept-Version": VERSION}
        self._http = http_client(base_url=base, timeout_s=timeout_s)
        self._http.headers.update(headers)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, *, body: Any = None, params: Any = None) -> Any:
        """The `data` of the answer.

        `OrderRefused` and its kinds where it is certain that nothing was done, `OutcomeUnknown` where it is not. A
        login that the venue does not accept is renewed and tried once more: a 401 does nothing.
        """
        token = await self._setup.access_token()
        response = await self._send(method, path, token, body, params)
        if response.status_code == 401:
            await self._setup.token_refused(token)
            response = await self._send(method, path, await self._setup.access_token(), body, params)
        return _data(response, f"{method} {path}")

    async def items(self, path: str, params: Mapping[str, Any] | None = None) -> list[Any]:
        """Everything of a list, page by page."""
        found: list[Any] = []
        for page in range(_MAX_PAGES):
            wanted = {**(params or {}), "per-page": _PER_PAGE, "page-offset": page}
            data = await self.call("GET", path, params=wanted)
            items = data.get("items") if isinstance(data, Mapping) else None
            if not isinstance(items, Sequence):
                raise NotUnderstood(f"GET {path}: a list of items was expected")
            found += items
            if len(items) < _PER_PAGE:
                return found
        raise NotUnderstood(f"GET {path}: the list did not end after {_MAX_PAGES} pages")

    async def _send(self, method: str, path: str, token: str, body: Any, params: Any) -> "httpx.Response":
        headers = {"Authorization": f"Bearer {token}"}
        where = f"tastytrade, {method} {path}"
        return await exchange(
            self._http, self.clock, method, path, where=where, json=body, params=params, headers=headers
        )


def _data(response: "httpx.Response", what: str) -> Any:
    status = response.status_code
    if status >= 500:
        raise OutcomeUnknown(f"{what}: tastytrade failed (HTTP {status})")
    if status in (200, 201):
        try:
            return msgspec.json.decode(response.content)["data"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise OutcomeUnknown(f"{what}: the answer is not understood") from error
    if status == 204:
        return {}
    raise _refusal(response, status, what)


def _refusal(response: "httpx.Response", status: int, what: str) -> OrderRefused | OutcomeUnknown:
    try:
        code, words = refusal(msgspec.json.decode(response.content))
    except msgspec.DecodeError:
        code, words = "", f"tastytrade refused the request (HTTP {status})."
    if status == 429:
        return RateLimited(f"tastytrade asks for a pause: {words}", retry_after_s=pause_s(response))
    if status == 401:
        return NotAuthorized(f"tastytrade does not accept the login: {words}", venue_code=code)
    if 400 <= status < 500:
        return OrderRefused(words, venue_code=code or str(status))
    return OutcomeUnknown(f"{what}: HTTP {status} was not expected")
