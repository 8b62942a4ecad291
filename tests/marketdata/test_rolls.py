"""When futures roll: by days, by volume, and the same for everything that asks."""

from datetime import date
from typing import Any

import pytest

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput
from engine.instruments.futures import Contract, active_contract, use_rolls
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.feeds.errors import FeedUnavailable
from marketdata.feeds.symbols import streamer_symbol
from marketdata.models import FuturesRoll
from marketdata.rolls import candidates, decide, decide_all, load_rolls, save_rule

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 12, 7)


@pytest.fixture(autouse=True)
def own_rolls():
    yield
    use_rolls(days_before={}, decided={})


class Volumes:
    """A vendor with daily bars of these volumes; a contract it does not know fails."""

    name = "vendor"
    request_ns: int | None = None
    is_adjusted = False

    def __init__(self, volumes: dict[str, float], *, late: tuple[str, ...] = ()) -> None:
        """Of those in `late` it has no bar of the last day yet."""
        self.volumes = volumes
        self.late = late
        self.asked: list[str] = []
        self.is_closed = False

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        assert canonical(timeframe) == "1d"
        self.asked.append(symbol)
        if symbol not in self.volumes:
            raise FeedUnavailable(f"{symbol}: no answer")
        values: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), 1.0)
        end -= NS_PER_DAY * (symbol in self.late)
        return [Bar(ts=end, ts_open=start, symbol=symbol, timeframe="1d", volume=self.volumes[symbol], **values)]

    async def close(self) -> None:
        self.is_closed = True


def test_without_a_rule_a_root_rolls_as_its_product_does():
    load_rolls()
    assert active_contract("ES", MONDAY).symbol == "/ESZ26"
    assert active_contract("ES", date(2026, 12, 14)).symbol == "/ESH27"


def test_the_number_of_days_is_a_choice():
    save_rule(root="ES", rule="days", days_before=9)
    assert active_contract("ES", MONDAY).symbol == "/ESH27"
    assert active_contract("NQ", MONDAY).symbol == "/NQZ26"


def test_more_volume_in_the_next_contract_rolls_from_the_next_business_day_for_everyone():
    save_rule(root="ES", rule="volume")
    vendor = Volumes({"/ESZ26": 900_000.0, "/ESH27": 1_000_000.0, "/ESM27": 4_000.0})
    assert decide_all(vendor, day=MONDAY) == {"ES": Contract("ES", 2027, 3)}
    assert vendor.asked == ["/ESZ26", "/ESH27", "/ESM27"]
    assert vendor.is_closed
    assert active_contract("ES", MONDAY).symbol == "/ESZ26"
    assert active_contract("ES", date(2026, 12, 8)).symbol == "/ESH27"
    assert active_contract("ES", date(2027, 3, 1)).symbol == "/ESH27"
    use_rolls(days_before={}, decided={})  # another process
    load_rolls()
    assert active_contract("ES", date(2026, 12, 8)).symbol == "/ESH27"


def test_less_volume_rolls_nothing_and_the_days_before_expiry_are_the_last_chance():
    save_rule(root="ES", rule="volume")
    decide_all(Volumes({"/ESZ26": 2.0, "/ESH27": 1.0, "/ESM27": 0.0}), day=MONDAY)
    assert active_contract("ES", date(2026, 12, 11)).symbol == "/ESZ26"
    assert active_contract("ES", date(2026, 12, 14)).symbol == "/ESH27"


def test_an_unknown_volume_is_not_a_volume_of_nothing():
    save_rule(root="ES", rule="volume")
    decide_all(Volumes({"/ESH27": 1_000_000.0, "/ESM27": 1.0}), day=MONDAY)
    assert active_contract("ES", date(2026, 12, 8)).symbol == "/ESZ26"
    assert FuturesRoll.objects.get(root="ES").looked_at == MONDAY


@pytest.mark.parametrize("late", ["/ESZ26", "/ESH27"])
def test_volumes_of_different_days_are_not_compared(late):
    save_rule(root="ES", rule="volume")
    decide_all(Volumes({"/ESZ26": 2.0, "/ESH27": 3.0, "/ESM27": 0.0}, late=(late,)), day=MONDAY)
    assert active_contract("ES", date(2026, 12, 8)).symbol == "/ESZ26"


def test_months_that_hardly_trade_are_skipped():
    rule = save_rule(root="GC", rule="volume")
    august, october, december = candidates("GC", date(2026, 7, 27))
    assert [each.code for each in (august, october, december)] == ["Q", "V", "Z"]
    assert decide(rule, {august: 5.0, october: 1.0, december: 9.0}, day=date(2026, 7, 27)) == december
    assert active_contract("GC", date(2026, 7, 28)) == december


def test_a_stream_carries_the_contract_that_was_decided(time_machine):
    time_machine.move_to("2026-12-08T15:00:00Z")
    assert streamer_symbol("/ES") == "/ESZ26:XCME"
    decide(
        save_rule(root="ES", rule="volume"), {Contract("ES", 2026, 12): 1.0, Contract("ES", 2027, 3): 2.0}, day=MONDAY
    )
    assert streamer_symbol("/ES") == "/ESH27:XCME"


def test_a_rule_that_is_none_says_what_was_expected():
    with pytest.raises(InvalidInput, match="expected one of days, volume; found 'moon'"):
        save_rule(root="ES", rule="moon")


def test_the_admin_shows_what_is_active_and_until_when(admin_client, time_machine):
    time_machine.move_to("2026-11-25T15:00:00Z")
    admin_client.post("/admin/marketdata/futuresroll/add/", {"root": "ES", "rule": "days", "days_before": "19"})
    page = admin_client.get("/admin/marketdata/futuresroll/").content.decode()
    assert "/ESH27" in page


def test_a_rule_that_a_person_saves_or_removes_reaches_books_that_run(
    admin_client, redis_url, django_capture_on_commit_callbacks
):
    client = sync_client(redis_url)
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post("/admin/marketdata/futuresroll/add/", {"root": "ES", "rule": "days", "days_before": "7"})
    assert client.get(keys.config_changed()) == "1"
    rule = FuturesRoll.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(f"/admin/marketdata/futuresroll/{rule.pk}/delete/", {"post": "yes"})
    assert client.get(keys.config_changed()) == "2"
    assert not FuturesRoll.objects.exists()
