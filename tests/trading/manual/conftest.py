"""A paper book in which `manual` runs, and the person who orders there."""

import pytest
from django.core.cache import cache

from strategies.services import create_ticker
from tests.trading.manual.desk import SYMBOL, PaperDesk
from tests.trading.people import client_of, person
from trading import services
from users.models import User
from users.roles import Role


@pytest.fixture
def trader(db, redis_url) -> User:
    cache.clear()
    return person(Role.TRADER)


@pytest.fixture
def api(trader):
    return client_of(trader)


@pytest.fixture
def paper(trader, redis_url) -> PaperDesk:
    """`ema` has a ticker on /MES; `manual` runs there on paper, at 5,000."""
    create_ticker(user=None, strategy="ema", symbol=SYMBOL, timeframe="144t", quantities={"paper": 1, "tastytrade": 2})
    services.start_strategy(user=trader, strategy="manual")
    desk = PaperDesk(redis_url).alive()
    desk.price(5000.0)
    return desk
