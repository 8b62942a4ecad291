"""A book with a ledger in it, and what the trader and the feed say of it in Redis."""

from decimal import Decimal
from typing import Any

import pytest
import redis
from channels.routing import URLRouter

from dashboard.routing import websocket_urlpatterns
from infra import broadcast
from strategies.models import Ticker
from tests.browser.scripted import ScriptedLedger
from tests.sockets import Socket
from users.models import User
from users.roles import Role
from users.services import create_user

SLOTS = [{"symbol": "/MES", "timeframe": "144t"}, {"symbol": "SPY", "timeframe": "1"}]


@pytest.fixture
def user(db) -> User:
    """Who may read everything and change nothing."""
    return create_user(email="someone@example.com", password="correct-horse-battery", role=Role.VIEWER)


@pytest.fixture
def stranger(db) -> User:
    """An account without a role."""
    return User.objects.create_user("stranger@example.com", "correct-horse-battery")


@pytest.fixture
def store(redis_url) -> redis.Redis:
    return redis.Redis.from_url(redis_url, decode_responses=True)


@pytest.fixture
def tickers(db) -> None:
    for slot in SLOTS:
        Ticker.objects.create(strategy="ema", **slot, params={"period_1": 9, "period_2": 21}, quantities={"paper": "2"})


@pytest.fixture
def ledger(user, store, tickers) -> ScriptedLedger:
    """Book "paper" with `ema` running and nothing traded yet."""
    return ScriptedLedger(store, user=user, slots=SLOTS)


@pytest.fixture
def traded(ledger: ScriptedLedger) -> ScriptedLedger:
    """One closed trade in /MES, and two contracts held long from 5,010.00 with a stop; all of it told already."""
    entry = ledger.enter("/MES", 2, Decimal("5000.25"))
    ledger.leave(entry, 2, Decimal("5004.25"), multiplier=Decimal(5), reason="EMA 9 crossed below EMA 21")
    ledger.enter("/MES", 2, Decimal("5010.00"), stop=Decimal("5006.00"))
    assert broadcast.flush()
    return ledger


@pytest.fixture
def connect(redis_layer, open_socket):
    """Opens one of the pages' sockets as a user."""

    async def _connect(path: str, user: Any) -> tuple[Socket, bool, Any]:
        socket = open_socket(URLRouter(websocket_urlpatterns), path, user=user)
        is_open, code = await socket.connect()
        return socket, is_open, code

    return _connect
