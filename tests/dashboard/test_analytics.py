"""Analytics: the parts of every table are the whole to the last digit, and nothing is added that was not asked for."""

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from dashboard.analytics import analytics, asked_for, breakdown, summed
from dashboard.analytics_page import LISTED, TITLES, rest_of, view
from engine.errors import InvalidInput
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed
from engine.model.time import NS_PER_S
from infra.redis import keys
from tests.trading.people import NOON, book, client_of, person, trade
from trading.models import Position, Trade
from trading.selectors import trade_statistics
from users.roles import Role

GROUPINGS = {
    "strategy", "symbol", "account", "book", "side", "entry_reason", "exit_reason", "hour", "weekday", "day",
}  # fmt: skip
cents = st.decimals(min_value=-100_000, max_value=100_000, places=8)
BEGIN = 1_700_000_000 * NS_PER_S


@st.composite
def closed(draw) -> TradeClosed:
    entry = BEGIN + draw(st.integers(0, 400 * 86_400)) * NS_PER_S
    leave = entry + draw(st.integers(1, 200_000)) * NS_PER_S
    return TradeClosed(
        ts=leave, trade_id=draw(st.uuids()).hex, strategy=draw(st.sampled_from(["ema", "manual", "zero_dte"])),
        symbol=draw(st.sampled_from(["SPY", "/MES", "/NQ"])), broker=draw(st.sampled_from(["paper", "main"])),
        side=draw(st.sampled_from([PositionSide.LONG, PositionSide.SHORT])), quantity=Decimal(1), entry_ts=entry,
        entry_price=Decimal(100), exit_ts=leave, exit_price=Decimal(101), pnl=draw(cents), fees=abs(draw(cents)),
        entry_order="", exit_order="", entry_reason=draw(st.sampled_from(["", "crossed", "support"])),
        exit_reason=draw(st.sampled_from(["", "stop", "target"])),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(closed(), max_size=40))
def test_every_groupings_parts_are_the_whole_to_the_last_digit(trades):
    groups = breakdown(trades, books={each.trade_id: each.broker for each in trades})
    assert set(groups) == GROUPINGS
    net, fees = sum((each.pnl for each in trades), Decimal(0)), sum((each.fees for each in trades), Decimal(0))
    for name, parts in groups.items():
        assert sum(part["trades"] for part in parts) == len(trades), name
        assert sum((Decimal(part["net_pnl"]) for part in parts), Decimal(0)) == net, name
        assert sum((Decimal(part["fees"]) for part in parts), Decimal(0)) == fees, name
        assert len({part["name"] for part in parts}) == len(parts), name
    assert Decimal(summed(trades)["net_pnl"]) == net


pytestmark = pytest.mark.django_db


@pytest.fixture
def several(redis_url) -> None:
    """Three paper trades of two strategies, and one of real money."""
    trade(1, pnl="12.50", exit_reason="target", entry_reason="EMA 9 crossed above EMA 21")
    trade(2, pnl="-2.125", symbol="/MES", side="short", exit_reason="stop", exit_at=NOON + timedelta(hours=1))
    trade(3, pnl="7.00", strategy="manual", exit_at=NOON + timedelta(days=1), entry_reason="=1+1")
    trade(4, pnl="-100", mode="live", broker="main", exit_at=NOON + timedelta(days=1))


def ask(**query: str) -> dict[str, Any]:
    return analytics(asked_for(query))


def test_paper_and_real_money_are_added_together_only_when_asked(several):
    assert (ask()["asked"]["mode"], ask()["total"]["net_pnl"]) == ("live", "-100")
    assert (ask(mode="paper")["total"]["net_pnl"], ask(mode="paper")["total"]["trades"]) == ("17.375", 3)
    assert ask(mode="both")["total"]["net_pnl"] == "-82.625"
    assert ask(book="paper")["asked"]["mode"] == "paper"
    assert ask(book="paper", mode="both")["total"]["net_pnl"] == "17.375"
    assert ask()["modes"] == {"paper": 3, "live": 1}
    Trade.objects.filter(mode="live").delete()
    assert ask()["asked"]["mode"] == "paper"


def test_the_figures_are_those_of_the_ledgers_own_statistics(several):
    found, ledger = ask(mode="paper"), trade_statistics(Trade.objects.filter(mode="paper"))
    for name in ("trades", "wins", "losses"):
        assert found["total"][name] == ledger[name]
    for name in ("net_pnl", "fees", "gross_profit", "gross_loss"):
        assert Decimal(found["total"][name]) == ledger[name], name
    assert found["equity"]["equity"][-1] == pytest.approx(found["capital"]["base"] + 17.375)
    assert min(found["equity"]["drawdown"]) == -2.125
    assert found["figures"]["best"] == 12.5
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("query", "net"),
    [
        ({"strategy": "manual"}, "7"), ({"symbol": "mes"}, "-2.125"), ({"side": "short"}, "-2.125"),
        ({"account": "paper"}, "17.375"), ({"start": "2026-11-21"}, "7"), ({"end": "2026-11-20"}, "10.375"),
        ({"start": "2026-11-20", "end": "2026-11-20"}, "10.375"), ({"account": "main"}, "0"),
    ],
)  # fmt: skip
def test_a_part_can_be_asked_for(several, query, net):
    assert ask(mode="paper", **query)["total"]["net_pnl"] == net


def test_a_day_is_new_yorks_and_includes_its_last_evening(redis_url):
    trade(1, exit_at=datetime(2026, 11, 21, 4, 59, tzinfo=UTC), entry_at=datetime(2026, 11, 20, 14, 31, tzinfo=UTC))
    trade(2, exit_at=datetime(2026, 11, 21, 5, 0, tzinfo=UTC), entry_at=datetime(2026, 11, 21, 2, 0, tzinfo=UTC))
    assert ask(end="2026-11-20")["total"]["trades"] == 1
    groups = ask()["groups"]
    assert [part["name"] for part in groups["day"]] == ["2026-11-20", "2026-11-21"]
    assert [part["name"] for part in groups["hour"]] == ["09:00", "21:00"]
    assert [part["name"] for part in groups["weekday"]] == ["Fri"]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"start": "soon"}, "start", "a day such as 2026-11-20 was expected, found 'soon'"),
        ({"start": "2026-11-21", "end": "2026-11-20"}, "start", "a day up to 2026-11-20"),
        ({"strategy": "nope"}, "strategy", "one of ema, manual was expected, found 'nope'"),
        ({"book": "nope"}, "book", "one of live, paper was expected"),
        ({"mode": "real"}, "mode", "one of paper, live, both was expected, found 'real'"),
        ({"mode": "live", "book": "paper"}, "mode", "the book paper is paper, found 'live'"),
        ({"side": "flat"}, "side", "one of long, short"),
        ({"symbol": "no symbol!"}, "symbol", "found 'no symbol!'"),
        ({"capital": "-1"}, "capital", "an amount above 0"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(several, query, field, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        asked_for(query)
    assert refused.value.field == field


def test_open_positions_stand_apart_and_are_in_no_sum(several, store):
    for symbol, mode in (("SPY", "paper"), ("/MES", "live")):
        Position.objects.create(
            book=book(mode), strategy="ema", symbol=symbol, broker="paper", quantity=Decimal(2),
            average_price=Decimal(400), updated_at=timezone.now(),
        )  # fmt: skip
    store.hset(keys.quote("SPY"), mapping={"last": 401.5, "ts": 1})
    found = ask(mode="paper")
    assert [(row["symbol"], row["unrealized_pnl"]) for row in found["open"]["positions"]] == [("SPY", "3")]
    assert (found["open"]["unrealized_pnl"], found["total"]["net_pnl"]) == ("3", "17.375")
    assert found["open"]["positions"][0]["is_price_old"]
    assert found["open"]["positions"][0]["price_reason"] == "no feed tells of it"
    assert ask(mode="both")["open"]["unrealized_pnl"] is None, "one of them has no price"
    assert ask(mode="paper", side="short")["open"]["positions"] == []


def test_without_redis_the_closed_trades_are_told_and_what_is_open_is_not_known(client, several, monkeypatch):
    def away() -> None:
        raise RedisConnectionError("refused")

    monkeypatch.setattr("dashboard.analytics.portfolio", away)
    client.force_login(person(Role.VIEWER))
    page = client.get("/analytics?mode=paper").content.decode()
    assert 'title="17.375"' in page
    assert "Redis does not answer: what is open is not known." in page
    assert "Nothing is held" not in page


def test_without_a_trade_there_is_no_figure_and_the_page_says_so(client, redis_url):
    found = ask()
    assert (found["total"]["trades"], found["total"]["net_pnl"], found["figures"]["win_rate"]) == (0, "0", None)
    assert all(parts == [] for parts in found["groups"].values())
    json.dumps(found, allow_nan=False)
    client.force_login(person(Role.VIEWER))
    page = client.get("/analytics").content.decode()
    assert "Trades appear when a strategy has closed its first position" in page
    assert 'id="equity"' not in page


def test_a_long_table_ends_with_the_rest_so_that_what_is_shown_adds_up(redis_url):
    for number in range(LISTED + 7):
        trade(number, pnl=f"{(-1) ** number * number}.375", exit_reason=f"reason {number}")
    asked = asked_for({})
    document = analytics(asked)
    [table] = [each for each in view(document, asked)["tables"] if each["name"] == "exit_reason"]
    assert len(table["rows"]) == LISTED + 1
    assert table["rows"][-1]["name"] == "7 more"
    shown = sum((Decimal(row["exact"]) for row in table["rows"]), Decimal(0))
    assert shown == Decimal(table["total"]["exact"]) == Decimal(document["total"]["net_pnl"]) != 0
    assert sum(int(row["trades"]) for row in table["rows"]) == LISTED + 7
    whole = rest_of(document["groups"]["exit_reason"])
    assert all(Decimal(whole[name]) == Decimal(document["total"][name]) for name in ("net_pnl", "fees", "gross_loss"))


def test_every_kind_of_instrument_is_counted_with_its_own_multiplier_and_hours(redis_url):
    for number, symbol in enumerate(("SPY", "/MES", "SPXW  261120C06000000", "EUR/USD", "BRK.B")):
        trade(number, pnl="1", symbol=symbol, entry_price=Decimal(2), quantity=Decimal(1))
    document = analytics(asked_for({}))
    assert document["capital"]["base"] == 2 + 10 + 200 + 2 + 2
    assert document["equity"]["equity"][-1] == document["capital"]["base"] + 5
    assert document["returns"]["total_return"] == pytest.approx(5 / 216)


def test_hours_are_all_shown_in_their_order(redis_url):
    for hour in range(20):
        at = NOON.replace(hour=hour) + timedelta(days=1)
        trade(hour, pnl=f"{hour}", entry_at=at - timedelta(minutes=5), exit_at=at)
    asked = asked_for({})
    [table] = [each for each in view(analytics(asked), asked)["tables"] if each["name"] == "hour"]
    names = [row["name"] for row in table["rows"]]
    assert (len(names), names) == (20, sorted(names))


def test_the_page_tells_the_kind_of_money_and_offers_the_other(client, several):
    client.force_login(person(Role.VIEWER))
    page = client.get("/analytics").content.decode()
    assert '<span class="badge mode-live">LIVE</span>' in page
    assert "−100.00" in page
    assert "Paper: 3 trades" in page
    assert "Paper and real money are added together" not in page
    both = client.get("/analytics?mode=both").content.decode()
    assert "Paper and real money are added together here, because it was asked for." in both
    assert "−82.63" in both or "−82.62" in both
    for title in TITLES.values():
        assert title in both or title == TITLES["day"]


def test_a_wrong_address_is_answered_on_the_page_by_its_field(client, several):
    client.force_login(person(Role.VIEWER))
    for address, words in (
        ("?capital=x", "capital: expected an amount above 0"),
        ("?as=pdf", "as: json or csv was expected"),
    ):
        answer = client.get(f"/analytics{address}")
        assert answer.status_code == 400
        assert words in answer.content.decode()


def test_page_and_route_need_permission_and_tell_the_same(client, stranger, several):
    assert client.get("/analytics").status_code == 302
    client.force_login(stranger)
    assert client.get("/analytics").status_code == 403
    viewer = person(Role.VIEWER)
    api = client_of(viewer)
    told = api.get("/api/analytics?mode=paper").data
    assert told == ask(mode="paper")
    refused = api.get("/api/analytics?start=soon")
    assert (refused.status_code, refused.data["field"]) == (400, "start")
    client.force_login(viewer)
    assert json.loads(client.get("/analytics?mode=paper&as=json").content) == json.loads(json.dumps(told))


def test_the_spreadsheets_hold_every_part_and_no_formula(client, several):
    client.force_login(person(Role.VIEWER))
    archive = zipfile.ZipFile(io.BytesIO(client.get("/analytics?mode=paper&as=csv").content))
    tables = {name: list(csv.DictReader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()}
    assert set(tables) == {"trades.csv", "groups.csv", "figures.csv"}
    assert [row["pnl"] for row in tables["trades.csv"]] == ["12.5", "-2.125", "7"]
    assert tables["trades.csv"][2]["entry_reason"] == "'=1+1"
    for by in GROUPINGS:
        parts = [Decimal(row["net_pnl"]) for row in tables["groups.csv"] if row["by"] == by]
        assert sum(parts) == Decimal("17.375"), by
    assert date.fromisoformat(next(row["name"] for row in tables["groups.csv"] if row["by"] == "day"))
