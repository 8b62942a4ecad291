from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from engine.errors import InvalidInput
from engine.model.orders import OrderDenied
from strategies.services import create_ticker
from tests.trading.runtime.test_compose import RISING, play
from trading.limits import risk_limits
from trading.models import Book, Decision, Order
from trading.runtime import compose
from trading.services import start_strategy


def test_limits_may_be_written_as_numbers_or_text():
    limits = risk_limits({"max_order_quantity": "5", "max_daily_loss": 500, "blocked_symbols": ["TSLA"]})
    assert (limits.max_order_quantity, limits.max_daily_loss) == (Decimal(5), Decimal(500))
    assert limits.blocked_symbols == ("TSLA",)
    assert risk_limits({}).max_order_quantity is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"max_orderquantity": 5}, "risk.max_orderquantity is not a limit; there are: max_order_quantity"),
        ({"max_daily_loss": "much"}, "risk.max_daily_loss"),
        ({"max_daily_loss": -5}, "risk.max_daily_loss: 0 or more was expected, found -5"),
        ({"strategies": {"ema": {"max_drawdown": -1}}}, "risk.strategies.ema.max_drawdown: 0 or more"),
        ([], "an object of limits was expected"),
    ],
)
def test_a_wrong_limit_is_named(document, message):
    with pytest.raises(InvalidInput) as caught:
        risk_limits(document)
    assert message in caught.value.detail
    with pytest.raises(ValidationError, match="risk"):
        Book(name="paper", risk=document).clean()


@pytest.mark.django_db(transaction=True)
def test_a_limit_of_the_book_denies_an_order_and_says_which_value_met_which_limit(redis_url):
    create_ticker(
        user=None, strategy="ema", symbol="/MES", timeframe="2t", params={"period_1": 1, "period_2": 2},
        quantities={"paper": "2"}, exits={},
    )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    Book.objects.update(risk={"max_order_quantity": 1})
    out = play(compose.make_desk(compose.load("paper")), RISING, start=0)
    assert any(isinstance(event, OrderDenied) for event in out)
    assert not Order.objects.exists()
    denial = Decision.objects.get(kind=Decision.Kind.DENIED)
    assert (denial.value, denial.limit) == ("2", "1")
    assert denial.rule
