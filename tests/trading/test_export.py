"""The record of what was traded leaves as files that add up to the ledger."""

import csv
import hashlib
import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.trading.people import person
from tests.trading.runtime.test_compose import FALLING, RISING, play
from tests.trading.test_book_rules import started
from trading import services
from trading.models import Book, Fill, JournalEvent, Order, Trade
from users.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)
DAY = "2026-11-18"  # of the prices that are played


@pytest.fixture
def traded(redis_url):
    desk = started("/MES", risk={"max_daily_loss": 50})
    play(desk, RISING, "/MES")
    play(desk, FALLING, "/MES", start=100)


def exported(folder, capsys, *options):
    call_command("export_records", "--first", DAY, "--last", DAY, "--out", str(folder), "--json", *options)
    return json.loads(capsys.readouterr().out)


def rows(folder, name):
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_files_hold_every_row_exactly(traded, tmp_path, capsys):
    manifest = exported(tmp_path, capsys)
    fills = rows(tmp_path, "fills")
    assert [Decimal(row["price"]) for row in fills] == list(Fill.objects.order_by("at").values_list("price", flat=True))
    assert [row["order_client_id"] for row in fills] == [f"paper0-ema-MES-{n:06d}" for n in (1, 3)]
    [trade] = rows(tmp_path, "trades")
    assert Decimal(trade["pnl"]) == Trade.objects.get().pnl
    assert (trade["mode"], trade["side"], trade["exit_order_client_id"]) == ("paper", "long", "paper0-ema-MES-000003")
    orders = rows(tmp_path, "orders")
    assert len(orders) == Order.objects.count()
    assert [step["state"] for step in json.loads(orders[0]["timeline"])][-1] == "filled"
    assert [row["rule"] for row in rows(tmp_path, "refusals")] == ["max_daily_loss"]
    for name, file in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == file["sha256"]


def test_who_did_what_is_in_it_and_other_days_are_not(traded, tmp_path, capsys):
    user = person(Role.TRADER)
    services.halt(user=user, book=Book.objects.get(), reason="=cmd|' /C calc'!A0")
    today = str(timezone.now().date())
    call_command("export_records", "--first", today, "--last", today, "--out", str(tmp_path))
    [command] = rows(tmp_path, "commands")
    assert (command["kind"], command["by_email"]) == ("Halt", user.email)
    assert json.loads(command["payload"])["reason"].startswith("=cmd")
    assert rows(tmp_path, "fills") == []


def test_a_text_that_a_spreadsheet_would_run_is_disarmed(traded, tmp_path, capsys):
    Order.objects.update(reason="=1+1")
    exported(tmp_path, capsys)
    assert {row["reason"] for row in rows(tmp_path, "orders")} == {"'=1+1"}


def test_a_broken_journal_is_said(traded, tmp_path, capsys):
    assert exported(tmp_path, capsys)["journals"][0]["broken_at"] is None
    JournalEvent.objects.filter(number=2).update(payload=JournalEvent.objects.get(number=1).payload)
    assert exported(tmp_path, capsys)["journals"][0]["broken_at"] == 2


def test_what_cannot_be_is_refused_in_words(traded, tmp_path, capsys):
    with pytest.raises(CommandError, match="There is no book 'other'"):
        exported(tmp_path, capsys, "--book", "other")
    with pytest.raises(CommandError, match="--last: 2026-11-18 or later was expected"):
        call_command("export_records", "--first", DAY, "--last", "2026-11-17", "--out", str(tmp_path))
    assert exported(tmp_path, capsys, "--book", "paper")["files"]["trades.csv"]["rows"] == 1
