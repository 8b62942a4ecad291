"""schwab-py, unchanged, pointed at the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import schwab.auth

from simulators.schwab.serve import SchwabSimulator

VENUE = "api.schwabapi.com"


@asynccontextmanager
async def sdk_client(simulator: SchwabSimulator, monkeypatch: Any) -> AsyncIterator[Any]:
    """Logged in by refresh. Its hosts are literals, so every request of its session is turned round on its way."""
    monkeypatch.setattr(schwab.auth, "TOKEN_ENDPOINT", f"{simulator.rest_url}/v1/oauth/token")
    stale = {"access_token": "old", "refresh_token": "r", "token_type": "Bearer", "expires_in": 1800, "expires_at": 1}
    stored: list[Any] = [{"creation_timestamp": 1, "token": stale}]
    client = schwab.auth.client_from_access_functions(
        "key", "secret", lambda: stored[0], lambda token, *_, **__: stored.append(token), asyncio=True
    )

    async def turn_round(request: httpx.Request) -> None:
        if request.url.host == VENUE:
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=simulator.port)

    client.session.event_hooks["request"].append(turn_round)
    try:
        yield client
    finally:
        await client.close_async_session()
