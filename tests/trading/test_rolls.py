"""People see in which contract a future is held, until when, and are told the day before."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dashboard import selectors
from dashboard.pulse import mark
from infra.notices import Level
from notifications.models import Notice
from tests.trading.people import book, client_of, person
from trading import rolls, vigil
from trading.models import Position
from users.roles import Role

pytestmark = pytest.mark.django_db

BEFORE, AFTER = "2026-12-10T20:00:00Z", "2026-12-11T22:00:01Z"
ROLLS = datetime(2026, 12, 11, 22, 0, tzinfo=UTC)


def held(mode: str = "paper", symbol: str = "/ES", contract: str = "/ESZ26", quantity: int = -2) -> Position:
    return Position.objects.create(
        book=book(mode), strategy="ema", symbol=symbol, broker="a-1", quantity=quantity, average_price=Decimal(6000),
        contract=contract, updated_at=ROLLS,
    )  # fmt: skip


def told() -> list[tuple[Level, str]]:
    return [(notice.level, notice.text) for notice in rolls.told()]


def test_a_position_tells_its_contract_when_it_rolls_and_when_it_is_closed(redis_url):
    held()
    (row,) = client_of(person(Role.VIEWER)).get("/api/positions").json()
    assert (row["contract"], row["rolls_at"], row["closes_at"]) == (
        "/ESZ26",
        "2026-12-11T22:00:00Z",
        "2026-12-11T21:45:00Z",
    )


def test_what_never_rolls_has_no_such_times_and_what_is_flat_neither():
    held(symbol="SPY", contract="")
    held(quantity=0)
    assert rolls.rolling(Position.objects.all()) == {}


def test_a_book_with_real_money_may_keep_it_and_one_on_paper_never_does():
    for mode in ("paper", "live"):
        of = book(mode)
        of.execution = {"roll": "hold", "roll_close_s": 60}
        of.save()
    found = rolls.rolling([held("paper"), held("live")])
    assert [each.closes_at for each in found.values()] == [datetime(2026, 12, 11, 21, 59, tzinfo=UTC), None]


def test_people_are_told_the_day_before_and_not_earlier(time_machine):
    held()
    time_machine.move_to("2026-12-10T21:44:00Z")
    assert told() == []
    time_machine.move_to("2026-12-10T21:46:00Z")
    [(level, text)] = told()
    assert level is Level.WARNING
    assert text == (
        "Book paper: ema holds -2 /ESZ26 at a-1, which rolls at Fri 11 Dec, 17:00 in New York. "
        "It is closed at Fri 11 Dec, 16:45 in New York."
    )


def test_it_is_told_once_by_those_who_look_after_what_runs(redis_url, time_machine):
    held()
    time_machine.move_to("2026-12-11T10:00:00Z")
    vigil.watch_over()
    vigil.watch_over()
    assert [notice.text[:30] for notice in Notice.objects.filter(kind="roll")] == ["Book paper: ema holds -2 /ESZ2"]


def test_one_that_is_kept_says_what_is_not_watched_and_after_the_roll_that_is_grave(time_machine):
    of = book("live")
    of.execution = {"roll": "hold"}
    of.save()
    held("live")
    time_machine.move_to("2026-12-11T10:00:00Z")
    assert "exits that wait here are then not watched" in told()[0][1]
    time_machine.move_to(AFTER)
    [(level, text)] = told()
    assert level is Level.CRITICAL
    assert "which has rolled" in text


def test_the_page_marks_it_by_no_price_of_the_next_contract(time_machine):
    held()
    time_machine.move_to(BEFORE)
    [row] = selectors.overview(book="paper")["positions"]
    assert (row["contract"], row["rolls_at"]) == ("/ESZ26", ROLLS.isoformat())
    assert mark(row, {"last": "5990"})["unrealized_pnl"] == "1000"
    time_machine.move_to(AFTER)
    assert mark(row, {"last": "6050"})["unrealized_pnl"] is None
