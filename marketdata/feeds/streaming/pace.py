"""Requests to a venue's REST interface at the pace it allows, and its refusals in our words."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from infra.http import http_client
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable

if TYPE_CHECKING:
    import httpx


class Turns:
    """`await turns()` before each request spreads them over the minute; up to a tenth may go at once before that."""

    def __init__(self, requests_per_minute: int) -> None:
        self._interval_s = 60.0 / requests_per_minute
        self._burst = max(1, requests_per_minute // 10)
        self._next_at = 0.0

    async def __call__(self) -> None:
        now = time.monotonic()
        self._next_at = max(self._next_at, now - self._interval_s * (self._burst - 1))
        wait_s = self._next_at - now
        self._next_at += self._interval_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def pause(self, wait_s: float) -> None:
        """Nobody's turn comes for so long."""
        self._next_at = max(self._next_at, time.monotonic() + wait_s)


class RestClient:
    """GET requests, evenly spread over the minute, JSON back. A 429 is obeyed by everybody who uses this client."""

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], requests_per_minute: int, timeout_s: float = 20.0
    ) -> None:
        self._base_url = base_url
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._turn = Turns(requests_per_minute)
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str, params: Mapping[str, Any]) -> Any:
        """The document. `FeedUnavailable` with the pause where the venue is busy or away."""
        import httpx  # on first use, see infra.http

        await self._turn()
        client = self._client = self._client or http_client(base_url=self._base_url, timeout_s=self._timeout_s)
        try:
            response = await client.get(path, params=dict(params), headers=self._headers)
        except httpx.HTTPError as error:
            raise FeedUnavailable(f"{self._base_url} does not answer: {error or type(error).__name__}") from error
        self._check(response, path)
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise FeedProtocolError(f"{self._base_url}{path}: JSON was expected: {error}") from error

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def _check(self, response: "httpx.Response", path: str) -> None:
        status, where = response.status_code, f"{self._base_url}{path}"
        said = response.text[:200]
        if status in (401, 403):
            raise FeedUnauthorized(f"{where} refuses us (HTTP {status}): {said}")
        if status == 429 or status >= 500:
            wait_s = _retry_after(response)
            self._turn.pause(wait_s)
            raise FeedUnavailable(f"{where} is busy (HTTP {status})", retry_after_s=wait_s)
        if status != 200:
            raise FeedProtocolError(f"{where}: HTTP 200 was expected, found {status}: {said}")


def _retry_after(response: "httpx.Response") -> float:
    """Seconds: of Retry-After, or of the limit's reset (Unix seconds), or a guess."""
    wait = response.headers.get("retry-after", "")
    if wait.isdigit():
        return float(wait)
    reset = response.headers.get("x-ratelimit-reset", "")
    if reset.isdigit():
        return min(max(float(reset) - time.time(), 0.0), 60.0)
    return 1.0
