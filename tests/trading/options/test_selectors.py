"""What the page shows of a book's options: the contract and why, its chain, what was refused, when all is sold."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from dashboard.selectors import overview
from strategies.services import create_ticker
from tests.engine.options.world import OptionWorld
from trading.journal.ledger import Projection
from trading.models import Book, Position
from trading.options.selectors import option_slots
from trading.services import start_strategy

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)  # in New York; the day ends an hour later


@pytest.fixture
def paper(redis_url, monkeypatch):
    create_ticker(user=None, strategy="zero_dte", symbol="SPX", timeframe="1", quantities={"paper": "1"})
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": "1"})
    start_strategy(user=None, strategy="zero_dte")
    start_strategy(user=None, strategy="ema")
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    return Book.objects.get()


def keep(book, world):
    """What the journal makes of the world's decisions; orders are not its concern here."""
    projection = Projection(book, bar_of=lambda *_: None)
    projection.apply([event for event in world.out if type(event).__name__.startswith("Contract")])


def test_a_slot_without_options_yet_says_when_all_would_be_sold(paper):
    [row] = option_slots(book=paper)
    assert (row["strategy"], row["symbol"], row["held"]) == ("zero_dte", "SPX", [])
    assert (row["chosen"], row["refused"]) == (None, None)
    assert row["is_open"]
    assert datetime.fromisoformat(row["closes_at"]) == datetime(2026, 11, 27, 17, 45, tzinfo=UTC)


def test_what_was_chosen_is_shown_with_its_reason_and_the_chain_around_it(paper):
    world = OptionWorld()
    world.bought(-1)
    keep(paper, world)
    Position.objects.create(
        book=paper, strategy="zero_dte", symbol="SPXW  261127P06000000", broker="paper", quantity=Decimal("1.00"),
        updated_at=NOON,
    )  # fmt: skip
    [row] = option_slots(book=paper)
    assert row["held"] == [{"contract": "SPXW  261127P06000000", "quantity": "1", "broker": "paper"}]
    chosen = row["chosen"]
    assert (chosen["contract"], chosen["target"], chosen["spot"]) == ("SPXW  261127P06000000", -1, 6000.0)
    assert "strike nearest to 6000" in chosen["reason"]
    assert 0 < chosen["bid"] < chosen["ask"]
    at_the_money = [entry for entry in chosen["chain"] if entry["strike"] == "6000"]
    assert [entry["right"] for entry in at_the_money] == ["C", "P"]
    assert (at_the_money[1]["bid"], at_the_money[1]["ask"]) == (chosen["bid"], chosen["ask"])


def test_a_refusal_is_shown_until_something_is_chosen(paper):
    world = OptionWorld()
    world.wish(1)
    world.answer(reason="the venue did not answer")
    keep(paper, world)
    [row] = option_slots(book=paper)
    assert (row["refused"]["rule"], row["refused"]["reason"]) == ("no_chain", "the venue did not answer")
    world.out.clear()
    world.bought(1)
    keep(paper, world)
    [row] = option_slots(book=paper)
    assert row["refused"] is None
    assert row["chosen"] is not None


def test_the_page_gets_it_with_the_chain_told_once(paper):
    world = OptionWorld()
    world.bought(1)
    keep(paper, world)
    document = json.loads(json.dumps(overview(book="paper")))
    assert document["options"][0]["chosen"]["chain"]
    decision = next(row for row in document["decisions"] if row["kind"] == "contract")
    assert "chain" not in decision["evidence"]
    assert decision["evidence"]["contract"] == "SPXW  261127C06000000"
