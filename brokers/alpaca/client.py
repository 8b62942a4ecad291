"""Alpaca over HTTP: one call, one answer, and what each way of failing means for an order."""

import time
from typing import TYPE_CHECKING, Any

import msgspec

from brokers.alpaca.auth import PAPER, Keys
from brokers.alpaca.translate import NOT_UNIQUE, refusal
from brokers.clock import VenueClock
from brokers.exchange import exchange, pause_s
from brokers.venue import NotAuthorized, NotUnderstood, OrderRefused, OutcomeUnknown, RateLimited
from engine.errors import FortifiedError
from infra.http import http_client

if TYPE_CHECKING:
    import httpx


class NotThere(NotUnderstood):
    """The venue knows no such thing: certain, and not what was expected of a name that it gave."""

    code = "not_there"


class Client:
    """Connections are kept open."""

    def __init__(self, api_url: str, keys: Keys, *, timeout_s: float = 10.0) -> None:
        self.clock = VenueClock()
        self._http = http_client(base_url=api_url or PAPER, timeout_s=timeout_s)
        self._http.headers.update(keys.headers)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, *, body: Any = None, params: Any = None) -> Any:
        """The answer's document.

        `NotThere` for a 404, `OrderRefused` and its kinds where it is certain that nothing was done, `OutcomeUnknown`
        where it is not.
        """
        what = f"Alpaca, {method} {path}"
        return _document(
            await exchange(self._http, self.clock, method, path, where=what, json=body, params=params), what
        )


def _document(response: "httpx.Response", what: str) -> Any:
    status = response.status_code
    if status == 204:
        return {}
    if status in (200, 207):
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise OutcomeUnknown(f"{what}: the answer is not understood") from error
    raise _problem(response, what)


def _problem(response: "httpx.Response", what: str) -> FortifiedError:
    status = response.status_code
    if status >= 500:
        return OutcomeUnknown(f"{what}: Alpaca failed (HTTP {status})")
    try:
        code, words = refusal(msgspec.json.decode(response.content))
    except msgspec.DecodeError:
        code, words = "", f"Alpaca refused the request (HTTP {status})."
    if status == 429:
        return RateLimited(f"Alpaca asks for a pause: {words}", retry_after_s=_pause_s(response))
    if status == 401 or (status == 403 and not code):  # a 403 with a code is about the order, not about the key
        return NotAuthorized(f"Alpaca does not accept the key: {words}", venue_code=code or str(status))
    if status == 404:
        return NotThere(f"{what}: {words}")
    if code == NOT_UNIQUE:
        return OutcomeUnknown(f"{what}: Alpaca has an order of this name already")
    if 400 <= status < 500:
        return OrderRefused(words, venue_code=code or str(status))
    return OutcomeUnknown(f"{what}: HTTP {status} was not expected")


def _pause_s(response: "httpx.Response") -> float:
    """Of Retry-After, else until the limit's reset (Unix seconds)."""
    reset = response.headers.get("x-ratelimit-reset", "")
    if reset.isdigit() and "retry-after" not in response.headers:
        return min(max(float(reset) - time.time(), 1.0), 60.0)
    return pause_s(response)
