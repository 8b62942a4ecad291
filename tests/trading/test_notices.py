"""What of a book's life reaches people: halts, dead traders, stale prices, refused stops, losses, broken strategies."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import redis
from django.utils import timezone

from brokers.notices import notify
from engine.model.orders import OrderRejected
from engine.model.positions import TradeClosed
from engine.model.signals import MoverDetected, StrategyFaulted
from infra import codec
from infra.doctor.findings import Finding, State
from infra.notices import flush, tell
from infra.redis import keys
from notifications.models import Channel, Notice
from notifications.tasks import send_due
from strategies.services import create_ticker
from tests.notifications.servers import WebServer, serving
from tests.trading.people import book, person
from tests.trading.runtime.test_compose import FALLING, RISING, play
from tests.trading.test_book_rules import started
from trading import notices, services, vigil
from trading.models import Position, Run
from trading.runtime import host
from trading.runtime.live_host import keep_alarm
from users.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(redis_url):
    """A webhook that is told of everything."""
    with serving(WebServer()) as server:
        channel = Channel(name="desk", kind="webhook", minimum_level="info")
        channel.url = server.url
        channel.save()
        yield server


def told(desk):
    send_due()
    return [(document["kind"], document["level"], document["message"]) for document, _, _ in desk.received]


def test_a_halt_and_its_end_reach_people(desk):
    user = person(Role.TRADER)
    services.halt(user=user, book=book(), reason="strange prices")
    services.resume(user=user, book=book())
    halted, resumed = told(desk)
    assert halted == (
        "kill_switch", "critical", f"Book paper is halted by {user.email}: strange prices. Exits still pass.",
    )  # fmt: skip
    assert "may trade again" in resumed[2]


def test_a_flatten_by_a_person_reaches_people(desk):
    play(started("/MES"), RISING, "/MES")
    services.flatten(user=None, strategy="ema")
    assert [each for each in told(desk) if each[0] == "kill_switch"] == [
        ("kill_switch", "critical", "Book paper: the system closes what is held of ema.")
    ]


def test_a_loss_limit_that_stops_entries_reaches_people_by_the_journals_way(desk):
    trader = started("/MES", risk={"max_daily_loss": 50})
    outputs = [*play(trader, RISING, "/MES"), *play(trader, FALLING, "/MES", start=100)]
    host._show_facts("paper", "paper", outputs)
    assert flush()
    [loss] = [each for each in told(desk) if each[0] == "loss"]
    assert "the book lost enough for today" in loss[2]
    fills = Notice.objects.filter(kind="fill").values_list("text", flat=True)
    assert "Book paper: ema buy 2 /MES at 105." in list(fills)
    order = Notice.objects.filter(kind="order").earliest("id")
    assert (order.level, order.text.startswith("Book paper: ema orders buy 2 /MES (")) == ("info", True)


def test_a_stop_that_closed_something_reaches_people(desk):
    trader = started("/MES")
    outputs = play(trader, RISING, "/MES") + play(trader, FALLING, "/MES", start=100)
    [trade] = [event for event in outputs if isinstance(event, TradeClosed)]
    assert notices.of_outputs("paper", [trade]) == []
    [notice] = notices.of_outputs("paper", [msgspec.structs.replace(trade, exit_reason="stop")])
    assert (notice.kind, notice.level) == ("stop", "critical")
    assert "a stop closed 2 /MES of ema" in notice.text


def test_a_broken_strategy_and_a_rejected_order_reach_people():
    fault = StrategyFaulted(1, "ema", "SPY", "ZeroDivisionError: planted")
    rejected = OrderRejected(1, "paper0-ema-SPY-000001", "no buying power")
    found = notices.of_outputs("paper", [fault, rejected])
    assert [(each.kind, each.level) for each in found] == [("strategy", "critical"), ("account", "warning")]
    assert "ZeroDivisionError" in found[0].text
    assert notices.of_outputs("live", [rejected], is_live=True) == []  # the venue's comes as an alarm


@pytest.mark.parametrize(("what", "level"), [("account_red", "critical"), ("exit_refused", "critical"),
                                             ("stream_lost", "warning")])  # fmt: skip
def test_an_alarm_of_the_brokers_side_reaches_people(desk, what, level):
    keep_alarm(book("live").pk, what, "tasty1: SPY: we hold 5, the account holds 3")
    assert told(desk) == [("account", level, "Book live: tasty1: SPY: we hold 5, the account holds 3")]


def test_a_login_that_ends_soon_reaches_people(desk):
    notify(broker="schwab", login="main", level="warning", text="the login ends in 24 hours")
    assert told(desk) == [("login", "warning", "schwab (main): the login ends in 24 hours")]


def test_a_book_without_a_process_is_told_once_and_its_return_too(desk, redis_url):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": 1})
    services.start_strategy(user=None, strategy="ema")
    assert list(vigil.traders()) == []  # it was only just started
    Run.objects.update(started_at=timezone.now() - timedelta(minutes=5))
    vigil.watch_over()
    vigil.watch_over()
    assert [each for each in told(desk) if each[0] == "trader"] == [
        ("trader", "critical",
         "No process trades book paper: nothing watches its positions. See ./run doctor."),
    ]  # fmt: skip
    with redis.Redis.from_url(redis_url) as client:
        client.set(keys.heartbeat("trader:paper"), json.dumps({"at": 0}), ex=15)
    vigil.watch_over()
    assert told(desk)[-1][2] == "The process of book paper is alive again."


@pytest.mark.parametrize(
    ("moment", "state", "is_told"),
    [
        ("2026-11-20T15:00Z", "stale", True),
        ("2026-11-20T15:00Z", "", True),
        ("2026-11-20T15:00Z", "fresh", False),
        ("2026-11-20T14:30:30Z", "stale", False),  # the session began half a minute ago
        ("2026-11-21T15:00Z", "stale", False),  # a Saturday
    ],
)
def test_stale_prices_are_told_while_the_exchange_is_open(redis_url, time_machine, moment, state, is_told):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": 1})
    services.start_strategy(user=None, strategy="ema")
    with redis.Redis.from_url(redis_url) as client:
        if state:
            client.hset(keys.feed_state("SPY"), mapping={"state": state, "reason": "no prints for 20 s"})
    time_machine.move_to(moment, tick=False)
    found = [notice for notice in vigil.feeds() if not notice.is_over]
    assert bool(found) is is_told
    assert all(notice.text.startswith("Prices of SPY cannot be traded on") for notice in found)


def test_stale_prices_of_what_a_stopped_strategy_still_holds_are_told(redis_url, time_machine):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": 1})
    book = services.start_strategy(user=None, strategy="ema").book
    services.stop_strategy(user=None, strategy="ema")
    time_machine.move_to("2026-11-20T15:00Z", tick=False)
    assert list(vigil.feeds()) == []
    Position.objects.create(
        book=book, strategy="ema", symbol="SPY", broker="paper", quantity=Decimal(1), updated_at=timezone.now()
    )
    assert [notice.about for notice in vigil.feeds() if not notice.is_over] == ["SPY"]


def test_a_mover_is_told_once_while_it_moves(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        for price in (10.0, 10.4):
            found = MoverDetected(1, "XYZ", "fast", 1, price, 0.051)
            client.xadd(keys.movers(), {"e": codec.encode(found)})
            for notice in vigil.movers():
                tell(notice)
    [kept] = Notice.objects.all()
    assert (kept.level, kept.text, kept.times) == ("info", "XYZ is a fast mover: +5.1% at 10.4.", 2)


def test_a_full_disk_is_told_and_that_there_is_room_again():
    full = vigil._notice(Finding("disk", State.FAILED, "0.2 GB free of 50 GB", "free at least 5 GB"))
    assert (full.kind, full.level, full.text) == (
        "machine", "critical", "disk: 0.2 GB free of 50 GB. free at least 5 GB.",
    )  # fmt: skip
    room = vigil._notice(Finding("disk", State.OK, "20 GB free of 50 GB"))
    assert room.is_over
    assert room.same == full.same
