"""A book that trades options, in a process of its own that is killed: the call it holds is turned into a put, once."""

import json
import signal
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.utils import timezone

from engine.instruments.options import parse_option
from engine.model.time import from_datetime
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import holder
from strategies.services import create_ticker
from tests.engine.options.world import HALF_DAY, NEVER_TRADES
from tests.integration.market import Market
from tests.integration.processes import kill_tree, running, wait_for
from trading import services
from trading.models import Book, CommandRecord, Decision, EngineState, JournalEvent, Order, Position
from trading.rerun import repeat, sentence

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NOON = from_datetime(datetime(2026, 11, 27, 16, 30, tzinfo=UTC))  # half past eleven in New York

PARAMS = NEVER_TRADES | {"chain_wait_s": 120}  # a process may take long to come up on a busy machine


@pytest.fixture
def half_day(monkeypatch: pytest.MonkeyPatch) -> int:
    """Nanoseconds by which this process, and those that it starts, live later."""
    real, shift = time.time_ns, NOON - time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: real() + shift)
    monkeypatch.setattr(services, "_now", time.time_ns)
    monkeypatch.setenv("TEST_CLOCK_SHIFT_NS", str(shift))
    return shift


# As the command does it, but for a lease that ends sooner than a test waits.
TRADER = """
import django; django.setup()
from trading.runtime.host import run_book
while run_book("paper", lease_ttl_s=2.0) == "lease_lost":  # on a busy machine; whoever keeps traders starts it again
    pass
"""


def held() -> dict[str, int]:
    return {row.symbol: int(row.quantity) for row in Position.objects.exclude(quantity=0)}


def bars_seen() -> int:
    found = sync_client(settings.REDIS_URL).hget(keys.slot_state("paper"), "zero_dte:SPX")
    return int(json.loads(found)["have"]) if isinstance(found, str) else 0


def saved_after(market: Market) -> datetime:
    """When the book's state was committed last; a market that moves gives it reason to."""
    market.play(5)
    return EngineState.objects.values_list("saved_at", flat=True).get()


def wish(action: str) -> CommandRecord:
    return services.manual_signal(user=None, strategy="zero_dte", symbol="SPX", action=action)


def outcome(record: CommandRecord) -> str:
    record.refresh_from_db()
    return record.outcome


def test_a_killed_book_goes_on_with_its_option(redis_url, tmp_path, half_day):
    create_ticker(
        user=None, strategy="zero_dte", symbol="SPX", timeframe="20t", params=PARAMS, quantities={"paper": "1"}
    )
    services.start_strategy(user=None, strategy="zero_dte")
    Book.objects.update(execution={"chains": "synthetic"})
    market = Market("SPX", "20t")
    market.play(15)
    with running(redis_url, tmp_path, settings_module="tests.half_day_settings") as processes:
        first = processes.start("first", "-c", TRADER)
        wait_for(lambda: holder(sync_client(settings.REDIS_URL), "trader", "paper"), what="a trader")
        market.play(25)
        call = wish("call")
        wait_for(lambda: outcome(call) == "filled", what="the call is bought")
        [bought] = held()
        assert (parse_option(bought).right, parse_option(bought).expiry) == ("C", HALF_DAY)

        before = bars_seen()
        market.play(15)
        wait_for(lambda: bars_seen() > before, what="a bar of its own for the next wish")
        seen_at = timezone.now()
        wait_for(lambda: saved_after(market) > seen_at, what="its commit")

        # Killed the hardest way with the next wish on its way; whoever comes next turns the call into a put, once.
        put = wish("put")
        kill_tree(first.pid, signal.SIGKILL)
        wait_for(lambda: holder(sync_client(settings.REDIS_URL), "trader", "paper") is None, what="no owner")
        processes.start("second", "-c", TRADER)
        wait_for(lambda: holder(sync_client(settings.REDIS_URL), "trader", "paper"), what="a trader")
        market.play(25)
        wait_for(lambda: outcome(put) == "filled", what="the put is bought")
        [turned] = held()
        assert parse_option(turned).right == "P"

        services.stop_strategy(user=None, strategy="zero_dte", flatten=True)
        wait_for(lambda: not held(), what="flat")
    orders = list(Order.objects.order_by("id").values_list("symbol", "side", "state"))
    assert orders == [
        (bought, "buy", "filled"), (bought, "sell", "filled"), (turned, "buy", "filled"), (turned, "sell", "filled"),
    ]  # fmt: skip
    assert (
        Decision.objects.filter(kind="contract").count()
        == JournalEvent.objects.filter(kind="ContractChosen").count()
        == 2
    )
    found = repeat("paper")
    assert found.difference is None, sentence(found.difference)
