"""What a page gets of a book."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from dashboard import selectors
from engine.errors import NotFound
from trading.models import Book, Order, Run, Trade


def test_an_overview_shows_positions_trades_fills_and_reasons_as_json(traded):
    document = json.loads(json.dumps(selectors.overview(book="paper")))
    assert [row["symbol"] for row in document["positions"]] == ["/MES"]
    position = document["positions"][0]
    assert (position["side"], position["quantity"], position["average_price"]) == ("long", "2", "5010")
    assert position["stop_price"] == "5006"
    trade = document["trades"][0]
    assert (trade["pnl"], trade["exit_reason"]) == ("37.52", "EMA 9 crossed below EMA 21")  # 4 points x 2 x 5 - 2.48
    assert [row["intent"] for row in document["fills"]] == ["entry", "exit", "entry"]  # oldest first, for the chart
    assert document["decisions"][0]["evidence"] == {"ema(close,9)": 5012.137, "ema(close,21)": 5010.802}


def test_totals_count_the_new_york_day_only(traded):
    Trade.objects.update(exit_at=timezone.now() - timedelta(days=2))
    totals = selectors.overview(book="paper")["totals"]
    assert totals == {"trades": 0, "won": 0, "pnl": "0", "fees": "0"}


def test_a_flat_position_is_not_shown(traded):
    traded.book.positions.update(quantity=0)
    assert selectors.overview(book="paper")["positions"] == []


def test_a_running_strategy_shows_the_slots_it_was_started_with_not_later_edits(ledger):
    ledger.run.slots = [{"symbol": "/MES", "timeframe": "5"}]
    ledger.run.save(update_fields=["slots"])
    row = selectors.overview(book="paper")["strategies"][0]
    assert row["is_running"]
    assert row["slots"] == [{"symbol": "/MES", "timeframe": "5"}]
    Run.objects.update(state=Run.State.STOPPED)
    row = selectors.overview(book="paper")["strategies"][0]
    assert not row["is_running"]
    assert {slot["symbol"] for slot in row["slots"]} == {"/MES", "SPY"}


def test_an_order_in_doubt_and_a_refusal_are_alerts(traded):
    Order.objects.filter(intent="exit").update(state="unknown", state_reason="no answer for 5 s")
    traded.decide("SPY", 1, "daily loss 612.40 is over the limit", kind="denied", rule="daily_loss")
    alerts = selectors.overview(book="paper")["alerts"]
    assert [(row["kind"], row["text"]) for row in alerts] == [
        ("denied", "daily loss 612.40 is over the limit"),
        ("unknown", "no answer for 5 s"),
    ]


def test_an_unknown_book_is_named_with_those_there_are(ledger):
    with pytest.raises(NotFound, match=r"'papper'.*Known: paper"):
        selectors.overview(book="papper")


def test_charts_are_offered_for_what_strategies_trade(ledger):
    assert selectors.chart_choices(book="paper") == [
        {"symbol": "/MES", "timeframe": "144t", "strategies": ["ema"]},
        {"symbol": "SPY", "timeframe": "1", "strategies": ["ema"]},
    ]


def test_the_paper_book_comes_first(db):
    Book.objects.create(name="a-live-one", mode="live")
    Book.objects.create(name="paper", mode="paper")
    assert [book.name for book in selectors.books()] == ["paper", "a-live-one"]


def test_the_revision_changes_with_every_journal_entry(ledger):
    before = selectors.revision(book="paper")
    assert selectors.revision(book="paper") == before
    ledger.book.journal.create(number=1, kind="Signal", payload={}, ts=0, fencing_token=1, digest="0")
    assert selectors.revision(book="paper") != before


@pytest.mark.parametrize(
    ("value", "text"), [("5010.00000000", "5010"), ("0E-8", "0"), ("-12.50000000", "-12.5"), ("1200", "1200")]
)
def test_money_is_written_as_people_write_it(value, text):
    assert selectors.money(Decimal(value)) == text
