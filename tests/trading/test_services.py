from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from engine.errors import Conflict, InvalidInput, NotFound
from engine.model.commands import Flatten, ManualSignal, StopSlot
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from strategies.services import create_ticker
from trading import services
from trading.live_mode import LiveModeLocked
from trading.models import Book, CommandRecord, Position, Run
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return User.objects.create_user("trader@example.com", "a long enough password")


@pytest.fixture
def ticker(redis_url):
    return create_ticker(
        user=None, strategy="ema", symbol="/MES", timeframe="144t", params={"period_1": 5, "period_2": 8},
        quantities={"paper": "2"},
    )  # fmt: skip


def hold(quantity: str = "2", *, symbol: str = "/MES") -> Position:
    return Position.objects.create(
        book=services.paper_book(), strategy="ema", symbol=symbol, broker="paper", quantity=Decimal(quantity),
        average_price=Decimal(5000), updated_at=timezone.now(),
    )  # fmt: skip


def delivered(url: str) -> list[object]:
    entries: Any = sync_client(url).xrange(keys.commands("paper"))
    return [codec.decode(fields["e"]) for _, fields in entries]


def test_a_start_freezes_the_configuration(ticker, user):
    run = services.start_strategy(user=user, strategy="ema")
    ticker.quantities = {"paper": "9"}
    ticker.save()
    run.refresh_from_db()
    assert run.slots[0]["quantities"] == {"paper": "2"}
    assert (run.slots[0]["symbol"], run.slots[0]["timeframe"], run.started_by) == ("/MES", "144t", user)


def test_starting_what_runs_changes_nothing(ticker, user):
    first = services.start_strategy(user=user, strategy="ema")
    assert services.start_strategy(user=user, strategy="ema") == first
    assert Run.objects.count() == 1


def test_a_strategy_without_a_ticker_is_refused_by_name(redis_url, user):
    with pytest.raises(InvalidInput, match="no ticker for strategy 'ema'") as caught:
        services.start_strategy(user=user, strategy="ema")
    assert caught.value.field == "strategy"


def test_an_unknown_strategy_is_answered_with_what_there_is(ticker, user):
    with pytest.raises(NotFound, match="ema"):
        services.start_strategy(user=user, strategy="emma")


def test_real_money_stays_locked(ticker, user):
    with pytest.raises(LiveModeLocked, match="permission"):
        services.start_strategy(user=user, strategy="ema", live_mode=True)
    assert not Run.objects.exists()


def test_a_stop_tells_the_book_and_can_be_repeated_only_once(ticker, user, redis_url):
    services.start_strategy(user=user, strategy="ema")
    [run] = services.stop_strategy(user=user, strategy="ema", flatten=True)
    assert run.state == Run.State.STOPPED
    command = delivered(redis_url)[0]
    assert isinstance(command, StopSlot)
    assert (command.strategy, command.flatten, command.by) == ("ema", True, user.email)
    with pytest.raises(Conflict, match="not running"):
        services.stop_strategy(user=user, strategy="ema")


def test_flattening_nothing_says_so(ticker, user):
    with pytest.raises(Conflict, match="nothing to flatten"):
        services.flatten(user=user, strategy="ema")


def test_flattening_reaches_the_book_that_holds(ticker, user, redis_url):
    hold()
    services.flatten(user=user, symbol="MES")
    command = delivered(redis_url)[0]
    assert isinstance(command, Flatten)
    assert (command.strategy, command.symbol) == ("", "/MES")
    assert CommandRecord.objects.get().state == CommandRecord.State.SENT


@pytest.mark.parametrize("symbol", ["SPX", "SPXW  261127C06000000", ".SPXW261127C6000"])
def test_an_option_is_closed_by_its_name_or_by_that_of_its_index(user, redis_url, symbol):
    hold(symbol="SPXW  261127C06000000")
    services.flatten(user=user, symbol=symbol)
    command = delivered(redis_url)[0]
    assert isinstance(command, Flatten)
    assert command.symbol == "SPX", "the slot that holds it"
    with pytest.raises(Conflict, match="nothing to flatten"):
        services.flatten(user=user, symbol="SPXW  261127P06000000")


@pytest.mark.parametrize(("action", "target"), [("long", 1), ("CALL", 1), ("Short", -1), ("put", -1), ("close", 0)])
def test_a_person_may_wish_in_any_spelling(ticker, user, redis_url, action, target):
    services.start_strategy(user=user, strategy="ema")
    services.manual_signal(user=user, strategy="ema", symbol="MES", action=action)
    command = delivered(redis_url)[0]
    assert isinstance(command, ManualSignal)
    assert (command.symbol, command.target) == ("/MES", target)


def test_an_unknown_action_names_the_known_ones(ticker, user):
    services.start_strategy(user=user, strategy="ema")
    with pytest.raises(InvalidInput, match=r"long, call, short.*'buy'") as caught:
        services.manual_signal(user=user, strategy="ema", symbol="/MES", action="buy")
    assert caught.value.field == "action"


def test_a_halt_is_a_key_a_row_and_a_command(ticker, user, redis_url):
    book = services.paper_book()
    services.halt(user=user, book=book, reason="fat finger")
    assert sync_client(redis_url).get(keys.halt("paper")) == "fat finger"
    assert Book.objects.get().is_halted
    services.resume(user=user, book=book)
    assert sync_client(redis_url).get(keys.halt("paper")) is None
    assert not Book.objects.get().is_halted
    assert [type(command).__name__ for command in delivered(redis_url)] == ["Halt", "Resume"]
