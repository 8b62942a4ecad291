"""Real money is behind three locks, and each of them alone holds."""

import pytest
import redis
from django.utils import timezone

from brokers import services as brokers
from brokers.models import BrokerAccount
from engine.errors import Conflict
from engine.model.commands import StopSlot
from infra import codec
from infra.redis import keys
from strategies import certificates
from strategies.services import create_ticker
from strategies.versions import code_version
from tests.trading.people import person
from trading import services
from trading.live_mode import LiveModeLocked
from trading.models import Book, CommandRecord, Order, Position, Run
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(redis_url):
    return person(Role.ADMIN)


@pytest.fixture(autouse=True)
def certificate():
    """The strategy has shown what it must; a test may take it away."""
    return certificates.store(certified("ema"))


def certified(strategy: str, **changes: object) -> dict[str, object]:
    found = {
        "strategy": strategy,
        "code": code_version(strategy),
        "params": {},
        "is_valid": True,
        "verdict": "certified",
    }
    return {**found, **changes}


@pytest.fixture
def account():
    return BrokerAccount.objects.create(
        broker="tastytrade", name="tasty-1", mode="live", account_number="5WX01", enabled=True
    )


def ticker(**quantities: str) -> None:
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities=quantities)


def armed(admin, account):
    brokers.arm(user=admin, account=account)
    return account


def test_all_locks_open_starts_in_the_live_book_with_real_quantities_only(admin, account):
    armed(admin, account)
    ticker(**{"tasty-1": "3", "paper": "10"})
    run = services.start_strategy(user=admin, strategy="ema", live_mode=True)
    assert (run.book.name, run.book.mode) == ("live", "live")
    assert run.slots[0]["quantities"] == {"tasty-1": "3"}


def test_without_live_mode_an_armed_account_is_traded_on_paper(admin, account):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    run = services.start_strategy(user=admin, strategy="ema")
    assert run.book.mode == Book.Mode.PAPER


def test_an_account_that_nobody_armed_holds(admin, account):
    ticker(**{"tasty-1": "3"})
    with pytest.raises(LiveModeLocked, match="'tasty-1' \\(SPY\\) is not armed"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    assert not Run.objects.exists()


def test_a_strategy_without_a_certificate_holds(admin, account, certificate):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    certificate.delete()
    with pytest.raises(LiveModeLocked, match=r"ema has no certificate for its present code .* certify ema"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    certificates.store(certified("ema", code="of-other-code"))
    with pytest.raises(LiveModeLocked, match="no certificate"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    certificates.store(certified("ema", is_valid=False, verdict="refused"))
    with pytest.raises(LiveModeLocked, match="says 'refused'"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    assert not Run.objects.exists()


def test_one_account_that_is_not_armed_holds_back_the_armed_one_too(admin, account):
    armed(admin, account)
    BrokerAccount.objects.create(broker="schwab", name="schwab-1", mode="live", account_number="1", enabled=True)
    ticker(**{"tasty-1": "3", "schwab-1": "1"})
    with pytest.raises(LiveModeLocked, match="schwab-1"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)


def test_a_person_without_the_permission_holds(admin, account, redis_url):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    with pytest.raises(LiveModeLocked, match="permission"):
        services.start_strategy(user=person(Role.VIEWER), strategy="ema", live_mode=True)
    with pytest.raises(LiveModeLocked, match="permission"):
        services.start_strategy(user=None, strategy="ema", live_mode=True)


def test_a_ticker_without_a_real_quantity_has_nothing_to_start(admin, account):
    armed(admin, account)
    ticker(**{"paper": "3", "tasty-1": "0"})
    with pytest.raises(LiveModeLocked, match="no account is armed for it"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)


def test_an_account_is_traded_by_one_book_only(admin, account):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    other = Book.objects.create(name="live-2", mode="live")
    Run.objects.create(book=other, strategy="x", slots=[{"symbol": "QQQ", "quantities": {"tasty-1": "1"}}])
    with pytest.raises(LiveModeLocked, match="traded by the book 'live-2'"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)


def test_a_book_that_has_stopped_keeps_the_account_while_it_holds_something_there(admin, account):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    other = Book.objects.create(name="live-2", mode="live")
    order = Order.objects.create(
        book=other, client_id="live-20-x-QQQ-000001", strategy="x", symbol="QQQ", broker="tasty-1", side="buy",
        type="market", intent="entry", quantity=1, created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip
    with pytest.raises(LiveModeLocked, match="'tasty-1' is traded by the book 'live-2'"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    Order.objects.filter(pk=order.pk).update(state="filled")
    held = Position.objects.create(
        book=other, strategy="x", symbol="QQQ", broker="tasty-1", quantity=1, updated_at=timezone.now()
    )
    with pytest.raises(LiveModeLocked, match="'tasty-1' is traded by the book 'live-2'"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)
    Position.objects.filter(pk=held.pk).update(quantity=0)
    assert services.start_strategy(user=admin, strategy="ema", live_mode=True).book.name == "live"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_live_last", [True, False])
class TestWithPaperBesideIt:
    """The same strategy trades with real money and on paper."""

    @pytest.fixture
    def running(self, admin, account, is_live_last):
        armed(admin, account)
        ticker(**{"tasty-1": "3", "paper": "10"})
        for live_mode in (not is_live_last, is_live_last):
            services.start_strategy(user=admin, strategy="ema", live_mode=live_mode)

    def test_a_stop_stops_both(self, admin, running, redis_url):
        stopped = services.stop_strategy(user=admin, strategy="ema", flatten=True)
        assert [run.book.name for run in stopped] == ["live", "paper"]
        assert not Run.objects.filter(state=Run.State.RUNNING).exists()
        with redis.Redis.from_url(redis_url) as client:
            for name in ("live", "paper"):
                [(_, entry)] = client.xrange(keys.commands(name))
                command = codec.decode(entry[b"e"])
                assert isinstance(command, StopSlot)
                assert command.flatten

    def test_a_signal_that_does_not_say_which_is_meant_is_refused(self, admin, running):
        with pytest.raises(Conflict, match="in the books live and paper"):
            services.manual_signal(user=admin, strategy="ema", symbol="SPY", action="flat")
        assert not CommandRecord.objects.exists()


def test_a_book_of_that_name_that_is_not_for_real_money_is_refused(admin, account):
    armed(admin, account)
    ticker(**{"tasty-1": "3"})
    Book.objects.create(name="live", mode="paper")
    with pytest.raises(LiveModeLocked, match="is one for paper"):
        services.start_strategy(user=admin, strategy="ema", live_mode=True)


def test_what_trades_on_paper_never_enters_a_book_for_real_money(admin, account):
    ticker(**{"tasty-1": "3"})
    Book.objects.create(name="paper", mode="live")
    with pytest.raises(Conflict, match="the book 'paper' is one for live"):
        services.start_strategy(user=admin, strategy="ema")
    assert not Run.objects.exists()
