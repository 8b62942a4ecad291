"""Rows and people that the tests of the trader's API and admin share."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rest_framework.test import APIClient

from trading.models import Book, Order, Trade
from users.models import User
from users.roles import Role
from users.services import create_user

PASSWORD = "correct-horse-battery"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def person(role: Role) -> User:
    return create_user(email=f"{role}@example.com", password=PASSWORD, role=role)


def client_of(user: User) -> APIClient:
    """A client with a token from the real login."""
    client = APIClient()
    answer = client.post("/api/login", {"email": user.email, "password": PASSWORD}, format="json")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.data['access']}")
    return client


def book(mode: str = "paper") -> Book:
    return Book.objects.get_or_create(name=mode, defaults={"mode": mode})[0]


def order(number: int = 1, **changes) -> Order:
    values = {
        "book": book(), "client_id": f"r1-ema-SPY-{number:06d}", "strategy": "ema", "symbol": "SPY", "broker": "paper",
        "side": "buy", "type": "market", "intent": "entry", "state": "filled", "quantity": Decimal(2),
        "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return Order.objects.create(**{**values, **changes})


def trade(number: int = 1, *, pnl: str = "1.5", mode: str = "paper", **changes) -> Trade:
    values = {
        "book": book(mode), "trade_id": f"t{number}", "mode": mode, "strategy": "ema", "symbol": "SPY",
        "broker": "paper", "side": "long", "quantity": Decimal("2.50"), "entry_at": NOON - timedelta(minutes=5),
        "entry_price": Decimal("400.25"), "exit_at": NOON, "exit_price": Decimal("401"), "pnl": Decimal(pnl),
        "fees": Decimal("0.25"),
    }  # fmt: skip
    return Trade.objects.create(**{**values, **changes})
