"""Logins at a token endpoint of our own."""

from collections.abc import Iterator

import pytest

from tests.brokers.token_server import TokenServer
from users.roles import Role
from users.services import create_user

PASSWORD = "correct-horse-battery"


@pytest.fixture
def admin(db):
    return create_user(email="admin@example.com", password=PASSWORD, role=Role.ADMIN)


@pytest.fixture
def trader(db):
    return create_user(email="trader@example.com", password=PASSWORD, role=Role.TRADER)


@pytest.fixture
def endpoint(redis_url, settings) -> Iterator[TokenServer]:
    """A token endpoint, and `settings.VENUES` pointing at it; what becomes of a login is told through a real Redis."""
    server = TokenServer()
    client = {"client_id": "client-1", "client_secret": "client-secret-1", "redirect_uri": "https://localhost:8000/cb"}
    settings.VENUES = {
        **settings.VENUES,
        "tastytrade": {**client, "api_url": server.url, "stream_url": "", "authorize_url": "https://consent.test/auth"},
        "schwab": {**client, "api_url": server.url},
    }
    yield server
    server.close()
