"""People and a ticker for the tests of the configuration."""

import pytest
from rest_framework.test import APIClient

from users.roles import Role
from users.services import create_user

PASSWORD = "correct-horse-battery"


@pytest.fixture
def trader(db):
    return create_user(email="trader@example.com", password=PASSWORD, role=Role.TRADER)


@pytest.fixture
def viewer(db):
    return create_user(email="viewer@example.com", password=PASSWORD, role=Role.VIEWER)


def client_of(user) -> APIClient:
    """A client with a token from the real login."""
    client = APIClient()
    token = client.post("/api/login", {"email": user.email, "password": PASSWORD}, format="json").data["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def api(trader):
    return client_of(trader)


@pytest.fixture
def viewer_api(viewer):
    return client_of(viewer)
