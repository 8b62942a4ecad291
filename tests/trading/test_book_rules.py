"""What is saved with a book reaches its engine: orders are denied, sized, suppressed and filled accordingly."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from brokers.models import BrokerAccount
from engine.core import ExitPlacement
from engine.model.orders import OrderDenied
from engine.model.signals import SignalSuppressed
from strategies.services import create_ticker
from tests.trading.runtime.test_compose import FALLING, RISING, play
from trading.models import Book, Decision, Fill, Order, Position, Trade
from trading.runtime import compose
from trading.services import start_strategy

pytestmark = pytest.mark.django_db(transaction=True)

SWINGS = [100.0, 100.0, 100.0, 100.0, *([99.0, 98.0, 97.0, 96.0, 105.0, 106.0, 107.0, 108.0] * 5)]


def started(*symbols: str, exits: dict[str, Any] | None = None, **rules: object) -> compose.BookDesk:
    """The desk of a book with these rules, after `ema` was started on the symbols, two units each."""
    for symbol in symbols:
        create_ticker(
            user=None, strategy="ema", symbol=symbol, timeframe="2t", params={"period_1": 1, "period_2": 2},
            quantities={"paper": "2"}, exits=exits or {},
        )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    return desk_with(**rules)


def desk_with(**rules: object) -> compose.BookDesk:
    """The book's desk as it is composed after these rules were saved."""
    book = Book.objects.get()
    for name, document in rules.items():
        setattr(book, name, document)
    book.full_clean()
    book.save()
    return compose.make_desk(compose.load(book.name))


@pytest.mark.parametrize(
    ("risk", "rule"),
    [
        ({"max_order_quantity": 1}, "max_order_quantity"),
        ({"max_order_notional": "500"}, "max_order_notional"),
        ({"max_gross_exposure": 500}, "max_gross_exposure"),
        ({"max_net_exposure": 500}, "max_net_exposure"),
        ({"blocked_symbols": ["/MES"]}, "blocked_symbols"),
        ({"strategies": {"ema": {"max_position": 1}}}, "max_position"),
        ({"strategies": {"ema": {"max_exposure": 500}}}, "max_exposure"),
    ],
)
def test_a_limit_of_a_saved_book_denies_the_order(redis_url, risk, rule):
    play(started("/MES", risk=risk), RISING, "/MES")
    assert Decision.objects.get(kind="denied").rule == rule
    assert not Order.objects.exists()


@pytest.mark.parametrize("limits", [{"max_daily_loss": 50}, {"strategies": {"ema": {"max_daily_loss": 50}}}])
def test_a_daily_loss_lets_the_exit_pass_and_stops_entries(redis_url, limits):
    desk = started("/MES", risk=limits)
    play(desk, RISING, "/MES")
    play(desk, FALLING, "/MES", start=100)
    assert Trade.objects.get().pnl < -50
    assert Position.objects.get().quantity == 0
    assert Decision.objects.get(kind="denied").rule == "max_daily_loss"


def test_a_limit_that_is_set_later_counts_what_was_lost_since_the_morning(redis_url):
    desk = started("/MES")
    play(desk, RISING, "/MES")
    play(desk, FALLING, "/MES", start=100)
    assert Position.objects.get().quantity == -2
    later = desk_with(risk={"max_daily_loss": 50})
    play(later, RISING, "/MES", start=200)
    assert Decision.objects.filter(kind="denied", rule="max_daily_loss").exists()
    assert Position.objects.get().quantity == 0


def test_each_strategy_has_its_own_way_to_size(redis_url):
    method = {"method": "fixed_fraction", "fraction": 0.5}
    desk = started("/MES", sizing={"capital": {"paper": 10_000}, "strategies": {"ema": method}})
    play(desk, RISING, "/MES")
    order = Order.objects.get()
    assert order.average_price is not None
    assert order.quantity == int(5_000 / (order.average_price * 5))
    assert order.quantity != 2


def test_a_size_that_needs_cash_nobody_named_is_refused_when_it_is_saved(redis_url):
    with pytest.raises(ValidationError, match=r"sizing\.capital"):
        started("/MES", sizing={"strategies": {"ema": {"method": "atr_risk"}}})


def test_a_ticker_without_exits_is_not_entered_where_the_book_wants_them(redis_url):
    out = play(started("/MES", risk={"require_exits": True}), RISING, "/MES")
    assert [each.rule for each in out if isinstance(each, SignalSuppressed)] == ["exits"]
    assert not Order.objects.exists()


def test_a_ticker_with_exits_of_its_own_is_entered(redis_url):
    desk = started("/MES", risk={"require_exits": True}, exits={"stop": {"value": 0.5}})
    play(desk, RISING, "/MES")
    assert Position.objects.get().quantity == 2


def test_the_same_bet_in_a_second_symbol_is_suppressed(redis_url):
    desk = started("/MES", "/MNQ", correlation={"limit": 0.9, "min_bars": 2})
    out = play(desk, RISING, "/MES", "/MNQ")
    assert list(Position.objects.exclude(quantity=0).values_list("symbol", flat=True)) == ["/MES"]
    assert [each.rule for each in out if isinstance(each, SignalSuppressed)] == ["correlation"]
    assert Decision.objects.get(kind="suppressed", rule="correlation").symbol == "/MNQ"


@pytest.mark.parametrize(("venue", "rules"), [("schwab", {"pattern_day_trader"}), ("tastytrade", set())])
def test_the_day_trading_rule_is_that_of_the_account_and_the_date(redis_url, venue, rules):
    desk = started("SPY", risk={"day_trading": {"paper": {"venue": venue, "equity": "10000"}}})
    out = play(desk, SWINGS, "SPY")
    assert {each.rule for each in out if isinstance(each, OrderDenied)} == rules
    assert Trade.objects.count() == (3 if rules else 8)


@pytest.mark.parametrize(
    ("fills", "paid", "fee"),
    [
        ({}, Decimal("105"), 0),
        ({"fill": "last", "slippage": "fixed:2"}, Decimal("105.5"), 0),
        ({"fees": "unit:1.25"}, Decimal("105"), Decimal("2.5")),
    ],
)
def test_a_simulated_fill_costs_what_the_book_says(redis_url, fills, paid, fee):
    play(started("/MES", fills=fills), RISING, "/MES")
    fill = Fill.objects.get()
    assert (fill.price, fill.fee) == (paid, fee)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"fills": {"slippage": "some"}}, "fills.slippage: expected none, fixed:TICKS"),
        ({"correlation": {"limit": 2}}, "correlation.limit: more than 0, at most 1"),
        ({"correlation": {"min_bars": 500}}, "correlation.min_bars: 2 to 100"),
        ({"sizing": {"capital": {"paper": -1}}}, "sizing.capital.paper: 0 or more"),
        ({"sizing": {"capital": {"paper": 1}, "strategies": {"ema": {"method": "luck"}}}}, "sizing.strategies"),
    ],
)
def test_a_wrong_rule_is_named(rules, message):
    with pytest.raises(ValidationError) as caught:
        Book(name="paper", **rules).clean()
    assert message in str(caught.value)


def real_book(**execution: object) -> None:
    """A book for real money at tastytrade and Alpaca."""
    for name, broker in (("tasty1", "tastytrade"), ("alp1", "alpaca")):
        BrokerAccount.objects.create(name=name, broker=broker, mode="live", account_number=name, is_armed=True)
    live = Book.objects.create(name="live", mode="live", execution=execution)
    slots = [
        {"strategy": "ema", "symbol": symbol, "timeframe": "1", "params": {}, "quantities": quantities, "exits": None}
        for symbol, quantities in (("/MES", {"tasty1": "1"}), ("SPY", {"tasty1": "5", "alp1": "5"}))
    ]
    live.runs.create(strategy="ema", slots=slots)


def test_a_reversal_is_one_order_or_a_linked_pair_as_the_accounts_venue_wants(redis_url):
    real_book()
    config = compose.engine_config(compose.load("live"))
    assert ("alp1", "SPY") in config.linked_pairs
    assert ("tasty1", "/MES") not in config.linked_pairs


@pytest.mark.parametrize(
    ("execution", "placement", "pairs"),
    [
        ({}, ExitPlacement.SPLIT, {"tasty1": {"SPY", "/MES"}, "alp1": {"SPY"}}),
        ({"exits": "stop"}, ExitPlacement.SPLIT, {"tasty1": set(), "alp1": set()}),
        ({"exits": "engine"}, ExitPlacement.HELD, {"tasty1": set(), "alp1": set()}),
    ],
)
def test_exits_wait_at_the_venue_as_far_as_it_can_and_the_book_wants(redis_url, execution, placement, pairs):
    real_book(**execution)
    config = compose.engine_config(compose.load("live"))
    assert set(config.exit_placement.values()) == {placement}
    assert {name: set(can.pairs) for name, can in config.venue_exits.items()} == pairs
    assert all(can.moves for can in config.venue_exits.values())
    assert [config.venue_exits[name].trails for name in ("tasty1", "alp1")] == [False, True]
