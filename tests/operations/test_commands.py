"""What operators do at a terminal: the same services as the admin's, asked by commands."""

import asyncio
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import redis.asyncio as async_redis
from django.apps import apps
from django.conf import settings as django_settings
from django.core import mail
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.utils import timezone
from rest_framework.test import APIClient

from backtest.models import Study
from brokers.models import BrokerAccount
from engine.model.commands import Halt
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import Lease
from marketdata.models import FeedSource
from notifications.models import Channel
from strategies.models import Ticker, TickerChange
from trading.models import Book, CommandRecord, Position, Run
from users.models import User
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def rows(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(run(*arguments, "--json")))


@pytest.fixture(autouse=True)
def nobody_waits(redis_url, monkeypatch):
    """No process runs the books here: what they would answer is not waited for."""
    monkeypatch.setattr("trading.management.commands.book._ANSWER_WITHIN_S", 0.0)


@pytest.fixture
def trader() -> User:
    return create_user(email="trader@example.com", password=PASSWORD, role=Role.TRADER)


def test_every_command_of_ours_says_what_it_is_for():
    ours = {app: path for app in ("infra", *django_settings.PRODUCT_APPS) if (path := apps.get_app_config(app).name)}
    named = {name: app for name, app in get_commands().items() if app in ours.values()}
    assert {"book", "strategy", "feed", "account", "person", "study", "channel", "loglevel"} <= set(named)
    silent = [name for name, app in named.items() if len(load_command_class(app, name).help) < 20]
    assert silent == []


def test_a_book_is_halted_in_a_persons_name_and_resumed_only_after_a_yes(
    trader, monkeypatch, redis_url, django_capture_on_commit_callbacks
):
    Book.objects.create(name="paper", mode=Book.Mode.PAPER)
    with django_capture_on_commit_callbacks(execute=True):
        said = run("book", "halt", "paper", "--reason", "news", "--by", "trader@example.com")
    assert said == "Book paper: Halt sent; no process has answered yet\n"
    assert CommandRecord.objects.get().by == trader
    assert sync_client(redis_url).get(keys.halt("paper")) == "news"
    sent: Any = sync_client(redis_url).xrange(keys.commands("paper"))
    assert isinstance(codec.decode(sent[0][1]["e"]), Halt)
    assert rows("book", "list")[0]["state"] == "halted: news"
    monkeypatch.setattr("sys.stdin", StringIO("no\n"))
    with pytest.raises(CommandError, match=r"Nothing was changed"):
        run("book", "resume", "paper")
    assert Book.objects.get().is_halted
    with django_capture_on_commit_callbacks(execute=True):
        run("book", "resume", "paper", "--yes")
    assert not sync_client(redis_url).exists(keys.halt("paper"))
    assert rows("book", "list") == [
        {"book": "paper", "mode": "paper", "state": "open", "process": "none", "strategies": "none", "positions": 0}
    ]


def test_a_book_is_listed_with_the_name_of_its_process(redis_url):
    Book.objects.create(name="paper", mode=Book.Mode.PAPER)
    assert asyncio.run(_taken(redis_url, "trader", "paper"))
    assert rows("book", "list")[0]["process"] == "host:1"


async def _taken(url: str, kind: str, name: str) -> int | None:
    client = async_redis.Redis.from_url(url)
    try:
        return await Lease(client, kind=kind, name=name, owner="host:1", ttl_s=60).acquire()
    finally:
        await client.aclose()


def test_what_a_book_refuses_ends_the_command_with_a_failure(monkeypatch):
    book = Book.objects.create(name="paper", mode=Book.Mode.PAPER)
    Position.objects.create(
        book=book, strategy="ema", symbol="SPY", broker="paper", quantity=Decimal(2),
        average_price=Decimal("400.25"), updated_at=timezone.now(),
    )  # fmt: skip
    (held,) = rows("book", "positions")
    assert (held["quantity"], held["average_price"]) == ("2", "400.25")
    assert "Book paper: Flatten sent" in run("book", "flatten", "--symbol", "SPY", "--yes")

    def refuse(record: CommandRecord, *, within_s: float) -> None:
        record.state, record.detail = CommandRecord.State.REFUSED, "no price"

    monkeypatch.setattr("trading.services.await_outcome", refuse)
    with pytest.raises(CommandError, match="It was refused"):
        run("book", "flatten", "--yes")
    with pytest.raises(CommandError, match=r"No position is open for QQQ"):
        run("book", "flatten", "--symbol", "QQQ", "--yes")
    with pytest.raises(CommandError, match="There is no order 'x-1'"):
        run("book", "cancel", "x-1")
    with pytest.raises(CommandError, match=r"There is no active account 'who@example.com'"):
        run("book", "halt", "paper", "--by", "who@example.com")


def test_a_strategy_gets_its_ticker_starts_and_stops(trader):
    by = ("--by", "trader@example.com")
    run("strategy", "ticker", "ema", "SPY", "--timeframe", "5", "--quantity", "paper=2", "--param", "period_1=5", *by)
    assert run("strategy", "ticker", "ema", "SPY", "--no-enabled") == "ema on SPY was saved\n"
    (ticker,) = rows("strategy", "tickers")
    assert ticker["timeframe"] == "5"
    assert ticker["quantities"] == {"paper": "2"}
    assert ticker["enabled"] is False
    assert ticker["params"]["period_1"] == 5
    assert list(TickerChange.objects.order_by("id").values_list("by_email", flat=True)) == ["trader@example.com", ""]
    assert "ema on SPY in book paper" in run("strategy", "start", "ema", *by)
    assert Run.objects.get().started_by == trader
    (status,) = rows("strategy", "status", "ema")
    assert (status["state"], status["book"], status["live_mode"]) == ("starting", "paper", False)
    header, line = run("strategy", "status").splitlines()
    assert header.split() == ["strategy", "state", "book", "halted", "slots"]
    assert line.split() == ["ema", "starting", "paper", "no", "SPY", "5", "starting"]
    assert "was stopped: lunch" in run("strategy", "stop", "ema", "--reason", "lunch")
    assert Run.objects.get().stop_reason == "lunch"
    run("strategy", "remove", "ema", "SPY", "--yes")
    assert not Ticker.objects.exists()
    for arguments, message in (
        (("start", "ema"), "There is no ticker for strategy 'ema'"),
        (("stop", "ema"), "is not running"),
        (("ticker", "ema", "SPY", "--quantity", "paper"), "--quantity: NAME=VALUE was expected, found 'paper'"),
        (("ticker", "ema", "SPY", "--timeframe", "5", "--quantity", "paper=many"), "quantities"),
        (("signal", "ema", "SPY", "up"), "action must be one of"),
    ):
        with pytest.raises(CommandError, match=message):
            run("strategy", *arguments)


def test_a_feed_is_saved_switched_off_and_on(monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("a-secret-token\n"))
    run("feed", "save", "market", "synthetic", "--default", "--token")
    assert FeedSource.objects.get().sealed_token not in ("", "a-secret-token")
    assert "Feed market (synthetic) is disabled" in run("feed", "disable", "market")
    (feed,) = rows("feed", "list")
    assert (feed["feed"], feed["state"], feed["default"]) == ("market", "disabled", True)
    run("feed", "enable", "market")
    assert rows("feed", "list")[0]["state"] == "enabled, not running"
    sync_client(django_settings.REDIS_URL).hset(keys.feed_state("SPY"), mapping={"state": "stale", "feed": "market"})
    assert [(each["symbol"], each["state"]) for each in rows("feed", "symbols")] == [("SPY", "stale")]
    assert "synthetic" in {each["kind"] for each in rows("feed", "kinds")}
    for arguments, message in (
        (("disable", "nothing"), "There is no feed named 'nothing'. Known: market."),
        (("save", "x", "synthetic", "--options", "[1]"), "--options: a JSON object was expected"),
        (("save", "x", "synthetic", "--options", '{"no": 1}'), "options of a synthetic feed"),
    ):
        with pytest.raises(CommandError, match=message):
            run("feed", *arguments)


def test_real_money_is_armed_by_a_person_with_the_permission_only(trader):
    create_user(email="admin@example.com", password=PASSWORD, role=Role.ADMIN)
    BrokerAccount.objects.create(broker="tastytrade", name="tasty", mode="live", account_number="5WX1")
    with pytest.raises(CommandError, match=r"trader@example.com may not arm accounts"):
        run("account", "arm", "tasty", "--by", "trader@example.com", "--yes")
    run("account", "arm", "tasty", "--by", "admin@example.com", "--yes")
    assert rows("account", "list")[0]["lock"] == "armed"
    run("account", "disarm", "tasty", "--by", "trader@example.com")
    assert rows("account", "list")[0]["lock"] == "closed"
    with pytest.raises(CommandError, match=r"There is no account 'tast'. Known: tasty."):
        run("account", "arm", "tast", "--by", "admin@example.com", "--yes")


def test_people_are_added_with_a_role_and_shut_out(monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))
    assert run("person", "add", "Ann@Example.com", "--role", "trader") == "ann@example.com may log in as trader\n"
    login = {"email": "ann@example.com", "password": PASSWORD}
    token = APIClient().post("/api/login", login, format="json").json()["token"]
    api = APIClient(headers={"Authorization": f"Bearer {token}"})
    assert api.get("/api/strategies").status_code == 200
    run("person", "role", "ann@example.com", "viewer")
    run("person", "deactivate", "ann@example.com")
    (row,) = rows("person", "list")
    assert (row["role"], row["active"]) == ("viewer", False)
    assert api.get("/api/strategies").status_code == 401
    assert APIClient().post("/api/login", login, format="json").status_code == 401
    run("person", "activate", "ann@example.com")
    assert api.get("/api/strategies").status_code == 200
    monkeypatch.setattr("sys.stdin", StringIO("short\n"))
    for arguments, message in (
        (("add", "bob@example.com"), "password"),
        (("role", "ann@example.com", "king"), "role: one of"),
        (("deactivate", "nobody@example.com"), "There is no account 'nobody@example.com'"),
    ):
        with pytest.raises(CommandError, match=message):
            run("person", *arguments)


def test_a_channel_is_tried(settings):
    settings.EMAIL_HOST = "mail.example.com"
    Channel.objects.create(name="me", kind=Channel.Kind.EMAIL, recipients="me@example.com")
    assert run("channel", "test", "me") == "A test message was sent to me\n"
    assert mail.outbox[0].to == ["me@example.com"]
    assert rows("channel", "list")[0]["recipients"] == "me@example.com"
    with pytest.raises(CommandError, match=r"There is no channel 'you'. Known: me."):
        run("channel", "test", "you")


def test_a_study_that_is_over_is_not_cancelled_and_an_unknown_schedule_is_named():
    study = Study.objects.create(kind="sweep", spec={}, total=3, state=Study.State.DONE)
    assert [(each["study"], each["state"], each["runs"]) for each in rows("study", "list")] == [(study.pk, "done", 3)]
    with pytest.raises(CommandError, match=f"study {study.pk} is done already"):
        run("study", "cancel", str(study.pk))
    with pytest.raises(CommandError, match=r"There is no schedule 'night'. Known: none yet."):
        run("study", "start", "night")
    assert "No schedule yet." in run("study", "schedules")
