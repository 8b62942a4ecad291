"""HTTP to Schwab: what each answer means for the one who asked; nothing of orders or symbols."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from brokers.clock import VenueClock
from brokers.exchange import exchange, pause_s
from brokers.schwab.auth import PRODUCTION
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, RateLimited
from infra.http import http_client
from infra.logging import scrub

if TYPE_CHECKING:
    import httpx

UNAUTHORIZED = 401
_LONGEST_DETAIL = 300  # of what a venue says, in our messages


class SchwabClient:
    """`access_token` gives a good one each time, and another after `token_refused` was told of a refusal.

    Every call is sent once, but for one that was refused for its token alone, which certainly did nothing: that is
    sent again with another token, if there is one."""

    def __init__(
        self,
        *,
        api_url: str = "",
        access_token: Callable[[], Awaitable[str]],
        token_refused: Callable[[str], Awaitable[None]],
        timeout_s: float = 10.0,
    ) -> None:
        self.clock = VenueClock()
        self._api_url = api_url or PRODUCTION
        self._access_token = access_token
        self._token_refused = token_refused
        self._timeout_s = timeout_s
        self._http: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def get(self, path: str, **params: str) -> Any:
        """The document behind `path`. Raises like `send`; what is no JSON is `OutcomeUnknown`."""
        return document((await self.send("GET", path, params=params)).content, path)

    async def send(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Any = None
    ) -> "httpx.Response":
        """A 2xx answer. Raises `OrderRefused` (also `NotAuthorized`, `RateLimited`, `VenueUnreachable`) where it is
        certain that nothing was done, `OutcomeUnknown` where it is not."""
        where = f"Schwab, {method} {path.partition('?')[0]}"
        token = await self._access_token()
        response = await self._ask(method, path, where, token, params=params, json=body)
        if response.status_code == UNAUTHORIZED:
            await self._token_refused(token)
            other = await self._access_token()
            if other != token:
                response = await self._ask(method, path, where, other, params=params, json=body)
        _check(response, where)
        return response

    async def _ask(self, method: str, path: str, where: str, token: str, **what: Any) -> "httpx.Response":
        headers = {"Authorization": f"Bearer {token}"}
        return await exchange(await self._opened(), self.clock, method, path, where=where, headers=headers, **what)

    async def _opened(self) -> "httpx.AsyncClient":
        async with self._opening:
            if self._http is None:
                self._http = http_client(base_url=self._api_url, timeout_s=self._timeout_s)
            return self._http


def document(content: bytes, path: str) -> Any:
    """The JSON of an answer."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise OutcomeUnknown(f"Schwab, {path}: JSON was expected, found {_short(content.decode('latin-1'))}") from error


def _check(response: "httpx.Response", where: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    said = _said(response.content)
    text = f"{where}: HTTP {status}: {said}"
    if status == UNAUTHORIZED:
        raise NotAuthorized(f"{text}; connect the account again if this stays so", venue_code="401")
    if status == 429:
        raise RateLimited(text, retry_after_s=pause_s(response))
    if status >= 500 or status < 400:
        raise OutcomeUnknown(text)
    raise OrderRefused(said, venue_code=str(status))


def _said(content: bytes) -> str:
    """What the venue says, in whichever of its forms: the trader's, the gateway's, or an HTML page of the edge."""
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError):
        found = msgspec.json.decode(content)
    if not isinstance(found, dict):
        text = content.decode("latin-1")
        return "a page in HTML (access denied at the edge)" if "<" in text else _short(text) or "nothing"
    listed = found.get("errors")
    errors = listed if isinstance(listed, list) else []
    details = [str(each.get("detail") or each.get("title")) if isinstance(each, dict) else str(each) for each in errors]
    fault = found.get("fault")
    if isinstance(fault, dict):
        details.append(str(fault.get("faultstring", "")))
    parts = [str(found.get("message") or found.get("error_description") or ""), *details]
    return _short("; ".join(dict.fromkeys(filter(None, parts)))) or "nothing"


def _short(text: str) -> str:
    return scrub(" ".join(text.split()))[:_LONGEST_DETAIL]
