"""A book in a process of its own obeys people: signals, halt, stop with flatten, and a change of configuration."""

import pytest
from django.conf import settings

from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import holder
from strategies.services import create_ticker, update_ticker
from tests.integration.market import Market
from tests.integration.processes import running, wait_for
from trading import selectors, services
from trading.book_usage import book_usage
from trading.models import Book, CommandRecord, Decision, Order, Position, Trade

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SYMBOL, TIMEFRAME = "/MES", "50t"  # so slow that the strategy itself never gets warm here


def slot() -> dict[str, object]:
    [status] = selectors.trading_status(strategy="ema")
    return next(iter(status["slots"]), {})


def held() -> int:
    position = Position.objects.filter(strategy="ema", symbol=SYMBOL).first()
    return int(position.quantity) if position else 0


def used(of: str, name: str) -> float | None:
    """What the book's process says it uses of a limit."""
    figures = {(each.of, each.name): each.used for each in book_usage("paper").figures}
    return figures.get((of, name))


def test_a_running_book_obeys(redis_url, tmp_path):
    ticker = create_ticker(
        user=None, strategy="ema", symbol=SYMBOL, timeframe=TIMEFRAME, params={"period_1": 40, "period_2": 200},
        quantities={"paper": "2"},
    )  # fmt: skip
    services.start_strategy(user=None, strategy="ema")
    market = Market(SYMBOL, TIMEFRAME)
    market.play(50)
    with running(redis_url, tmp_path) as processes:
        processes.manage("trader", "run_trader", "paper")
        wait_for(lambda: slot().get("state") == "warming", what="the slot warms up")
        assert selectors.trading_status(strategy="ema")[0]["running"]

        # A person's wish passes planner and risk like a strategy's, and is filled by the next tick.
        market.play(25)
        services.manual_signal(user=None, strategy="ema", symbol=SYMBOL, action="long")
        market.play(100)
        wait_for(lambda: held() == 2, what="long by hand")
        view = sync_client(redis_url).hgetall(keys.trade_state("ema", SYMBOL, "paper"))
        assert (view["side"], view["quantity"]) == ("LONG", "2")
        wait_for(lambda: used("strategy ema", "max_position") == 2, what="what is used of a limit")
        wait_for(lambda: sync_client(redis_url).llen(keys.notices()) > 0, what="a notice of the fill")

        # A halt lets the way out pass and refuses the way in: of a reversal only the close remains.
        services.halt(user=None, book=Book.objects.get(), reason="test")
        market.play(25)
        services.manual_signal(user=None, strategy="ema", symbol=SYMBOL, action="short")
        market.play(50)
        wait_for(lambda: held() == 0, what="the halted book goes flat")
        services.manual_signal(user=None, strategy="ema", symbol=SYMBOL, action="short")
        market.play(50)
        wait_for(lambda: Decision.objects.filter(reason__icontains="halt").exists(), what="a refusal")
        assert held() == 0
        services.resume(user=None, book=Book.objects.get())
        market.play(25)

        services.manual_signal(user=None, strategy="ema", symbol=SYMBOL, action="short")
        market.play(50)
        wait_for(lambda: held() == -2, what="short after the halt")
        services.flatten(user=None, strategy="ema")
        market.play(50)
        wait_for(lambda: held() == 0, what="flat")

        # A parameter of the configuration waits for the next start; switching trading off does not.
        update_ticker(user=None, ticker=ticker, trade_enabled=False)
        market.play(50)
        before = Order.objects.count()
        services.manual_signal(user=None, strategy="ema", symbol=SYMBOL, action="long")
        market.play(100)
        wait_for(lambda: not CommandRecord.objects.filter(state="sent").exists(), what="all answered")
        assert Order.objects.count() == before

        services.stop_strategy(user=None, strategy="ema", flatten=True)
        market.play(50)
        wait_for(lambda: holder(sync_client(settings.REDIS_URL), "trader", "paper") is None,
                 what="the process ends when nothing is left to run")  # fmt: skip
    assert selectors.trading_status(strategy="ema")[0]["state"] == "stopped"
    assert [trade.side for trade in Trade.objects.order_by("id")] == ["long", "short"]
    assert all(trade.exit_reason for trade in Trade.objects.all())
    assert {record.state for record in CommandRecord.objects.all()} <= {"accepted", "refused", "sent"}
