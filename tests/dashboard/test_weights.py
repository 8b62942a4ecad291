"""Weighing a book by command, and giving its tickers the sizes that come of it: all or none, and on record."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from strategies.models import Ticker, TickerChange
from trading.models import Trade
from users.services import set_role

pytestmark = pytest.mark.django_db
DAYS = 40


@pytest.fixture
def traded_days(ledger):
    """A trade a day in /MES and SPY, of the tickers' two contracts and shares; the future swings wider."""
    for symbol, price, pnl in (("/MES", Decimal(5000), Decimal(400)), ("SPY", Decimal(500), Decimal(1))):
        ledger.leave(ledger.enter(symbol, 2, price), 2, price, multiplier=Decimal(5), reason="cross")
        first = Trade.objects.get(symbol=symbol)
        rows = []
        for day in range(DAYS):
            at = timezone.now() - timedelta(days=2 * (DAYS - day))
            again = Trade.objects.get(pk=first.pk)
            again.pk, again.trade_id, again.exit_at, again.entry_at = None, f"{symbol}-{day}", at, at
            again.pnl = pnl * (1 if day % (3 if symbol == "SPY" else 2) else -1)
            rows.append(again)
        first.delete()
        Trade.objects.bulk_create(rows)
    return ledger


@pytest.fixture
def person(user):
    set_role(user=user, role="trader")
    return user


def quantities() -> dict[str, str]:
    return {ticker.symbol: ticker.quantities["paper"] for ticker in Ticker.objects.all()}


def test_the_command_weighs_a_ledger_and_changes_nothing(traded_days, capsys):
    call_command("weights", "--book", "paper", "--most", "0.9", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [(part["strategy"], part["symbol"]) for part in found["parts"]] == [("ema", "/MES"), ("ema", "SPY")]
    assert found["held"] == pytest.approx([50_000 / 51_000, 1_000 / 51_000], abs=1e-6)
    assert found["proposals"]["minimum_variance"]["shares"] == pytest.approx([0.1, 0.9])
    assert found["applied"] is None
    assert any("Only" in warning for warning in found["warnings"])
    assert quantities() == {"/MES": "2", "SPY": "2"}
    call_command("weights", "--book", "paper")
    text = capsys.readouterr().out
    assert "Equal weights: there is nothing that shows others to be better." in text
    assert "warning: Only" in text


def test_applying_scales_the_tickers_on_record_and_never_twice(traded_days, person, capsys):
    asked = ["--book", "paper", "--turnover", "0.02", "--least", "0.01", "--by", person.email, "--yes", "--json"]
    with pytest.raises(CommandError, match=r"ema on /MES: 2 times 0\.\d+ is less than 1"):
        call_command("weights", "--book", "paper", "--apply", "minimum_variance", "--by", person.email, "--yes")
    Ticker.objects.filter(symbol="SPY").update(quantities={"paper": "3"})
    with pytest.raises(
        CommandError, match="ema on SPY: weights of sizes of 3 were expected, as the ticker has, found 2"
    ):
        call_command("weights", *asked, "--apply", "inverse_volatility")
    assert quantities() == {"/MES": "2", "SPY": "3"}  # /MES, too: all or none
    assert not TickerChange.objects.exists()
    Ticker.objects.filter(symbol="SPY").update(quantities={"paper": "2"})
    call_command("weights", *asked, "--apply", "inverse_volatility")
    found = json.loads(capsys.readouterr().out)
    factors = found["proposals"]["inverse_volatility"]["factors"]
    assert (
        quantities() == {"/MES": str(int(2 * factors[0])), "SPY": str(int(2 * factors[1]))} == {"/MES": "1", "SPY": "4"}
    )
    assert found["applied"]["tickers"][1] == {
        "strategy": "ema", "symbol": "SPY", "before": {"paper": "2"}, "after": {"paper": "4"},
    }  # fmt: skip
    change = TickerChange.objects.get(symbol="SPY")
    assert (change.by, change.differences["quantities.paper"]) == (person, ("2", "4"))
    with pytest.raises(CommandError, match="weights of sizes of 1 were expected, as the ticker has, found 2"):
        call_command("weights", *asked, "--apply", "inverse_volatility")
    assert TickerChange.objects.count() == 2


def test_sizes_change_only_when_the_person_says_yes_to_each_factor(traded_days, person, monkeypatch):
    asked = ["--book", "paper", "--turnover", "0.02", "--least", "0.01", "--by", person.email]
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return answers.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    answers = ["no", "yes"]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("weights", *asked, "--apply", "inverse_volatility")
    assert quantities() == {"/MES": "2", "SPY": "2"}
    assert re.search(r"real money too: ema on /MES × 0\.\d+, ema on SPY × 2\.\d+\.", questions[0])
    call_command("weights", *asked, "--apply", "inverse_volatility")
    assert quantities() == {"/MES": "1", "SPY": "4"}


def test_what_is_wrong_is_said_and_nothing_is_changed(traded_days, user):
    set_role(user=user, role="viewer")
    for options, said in (
        ((), "book, report: one of them was expected"),
        (("--book", "nope"), "There is no book"),
        (("--book", "paper", "--most", "0.4"), "most: 1/2 to 1 was expected"),
        (("--book", "paper", "--apply", "luck", "--by", user.email), "apply: one of equal, "),
        (("--book", "paper", "--apply", "equal"), "There is no active account ''; "),
        (("--book", "paper", "--apply", "equal", "--by", user.email, "--yes"), "may not change tickers"),
        (("--report", "nowhere.json"), "nowhere.json cannot be read"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("weights", *options)
    assert quantities() == {"/MES": "2", "SPY": "2"}


def test_one_part_has_nothing_to_share(traded_days):
    Trade.objects.filter(symbol="SPY").delete()
    with pytest.raises(CommandError, match="two strategies or symbols at least"):
        call_command("weights", "--book", "paper")


def test_the_books_report_shows_the_shares(client, person, traded_days):
    client.force_login(person)
    html = client.get("/book/paper/report").content.decode()
    assert "Shares of the capital" in html
    assert "Hierarchical risk parity" in html
