"""The nightly comparison: a day equals its recording and the simulation, or every difference has its cause."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from engine.model.commands import Flatten
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, Tick
from engine.model.signals import Signal
from engine.model.time import NS_PER_S
from marketdata.archive.store import Archive
from strategies.library.ema import EmaCrossover
from strategies.services import create_ticker, update_ticker
from tests.trading.test_rerun import SYMBOL, live, market
from trading.comparison import Cause, Seen, Side, compare, revised
from trading.models import Book, RecordedInputs, SessionComparison
from trading.nightly import compare_all, compare_day, forget_recordings
from trading.rerun import NothingRecorded, repeat
from trading.runtime.recording import Opened, unpack
from trading.services import start_strategy
from trading.tasks import compare_sessions
from trading.tasks import forget_recordings as forget_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticker(redis_url):
    found = create_ticker(
        user=None, strategy="ema", symbol=SYMBOL, timeframe="2t", params={"period_1": 2, "period_2": 5},
        quantities={"paper": "2"}, exits={},
    )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    return found


@pytest.fixture
def archive(tmp_path: Path, settings) -> Archive:
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    return Archive(settings.ARCHIVE_DIR)


def keep(archive: Archive, events: list[Event], *, revise: int | None = None) -> list[Bar]:
    """Store the bars; number `revise` with another close."""
    bars = [event for event in events if isinstance(event, Bar)]
    if revise is not None:
        bar = bars[revise]
        bars[revise] = msgspec.structs.replace(bar, close=bar.close + 60, high=bar.high + 60)
    archive.append(SYMBOL, "2t", bars)
    return bars


def compared() -> SessionComparison:
    return compare_day(Book.objects.get(), today())


def today() -> date:
    return timezone.now().date()


def causes(found: SessionComparison) -> set[str]:
    return set(found.document["causes"])


def test_a_day_on_the_bars_that_were_stored_is_equal_in_every_way(ticker, archive):
    events = market(300)
    keep(archive, events)
    live(events, token=1)
    found = compared()
    assert (found.verdict, found.document["differences"]) == ("equal", [])
    assert found.document["signals"]["same"] == found.document["signals"]["recorded"] > 10
    assert found.document["repetition"]["is_equal"]
    again = compared()
    assert SessionComparison.objects.get() == again


def test_a_bar_that_the_vendor_corrected_explains_what_follows(ticker, archive):
    events = market(300)
    keep(archive, events, revise=60)
    live(events, token=1)
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"data revision"})
    assert "bars differ, the first at 2026-11-18T" in found.document["differences"][0]["detail"]


def test_lost_events_explain_what_follows(ticker, archive):
    events = market(300)
    bars = keep(archive, events)
    gap = FeedGap(ts=events[150].ts, symbol=SYMBOL, reason="trimmed")
    kept = [*events[40:150], gap, *events[260:]]
    live(kept, token=1, history=[bar for bar in bars if bar.ts < events[40].ts])
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"gap"})


def test_what_a_person_said_explains_what_follows(ticker, archive):
    events = market(300)
    keep(archive, events)
    flat = Flatten(ts=events[200].ts, command_id="c", by="anna")
    live([*events[:200], flat, *events[200:]], token=1)
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"configuration"})
    assert "Flatten by anna at" in found.document["differences"][0]["detail"]


def test_another_configuration_in_the_middle_explains_what_follows(ticker, archive):
    events = market(300)
    keep(archive, events)
    live(events[:150], token=1)
    update_ticker(user=None, ticker=ticker, trade_enabled=False)
    live(events[150:], token=2)
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"configuration"})


def test_a_worse_price_is_told_in_cash(ticker, archive):
    """The loop pays the spread; bars know of none."""
    events = market(300)
    keep(archive, events)
    quoted = [
        msgspec.structs.replace(e, bid=e.price - 0.25, ask=e.price + 0.25) if isinstance(e, Tick) else e for e in events
    ]
    live(quoted, token=1)
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"fill"})
    count = found.document["causes"]["fill"]["count"]
    first = found.document["differences"][0]
    assert count > 5
    assert first["cash"] == "2.50"  # two contracts, a quarter of a point of 5
    assert Decimal(found.document["causes"]["fill"]["cash"]) == Decimal("5.00") * count - Decimal("2.50")


def test_a_late_fill_is_told_as_latency(ticker, archive):
    """After each bar nothing trades for ten seconds, and then the price is another."""
    events: list[Event] = []
    shift = 0
    for event in market(300):
        if isinstance(event, Bar):
            events.append(msgspec.structs.replace(event, ts=event.ts + shift, ts_open=event.ts_open + shift))
            shift += 10 * NS_PER_S
        else:
            events.append(msgspec.structs.replace(event, ts=event.ts + shift))
    keep(archive, events)
    moved = [msgspec.structs.replace(e, ask=e.price + 1, bid=e.price - 1) if isinstance(e, Tick) else e for e in events]
    live(moved, token=1)
    found = compared()
    assert (found.verdict, causes(found)) == ("explained", {"latency"})
    assert "filled 11.0 s after the bar" in found.document["differences"][0]["detail"]


def test_a_recording_that_leads_elsewhere_is_no_proof_of_anything(ticker, archive, monkeypatch):
    events = market(300)
    keep(archive, events)
    live(events, token=1)
    monkeypatch.setattr(EmaCrossover, "confidence", lambda self, target, values: 0.5)
    found = compared()
    assert found.verdict == "not_repeated"
    assert found.document["repetition"]["difference"]["recorded"]["event"] == "Signal"


def test_a_difference_without_a_cause_says_so(ticker):
    live(market(60), token=1)
    opened_row = RecordedInputs.objects.filter(is_opening=True).get()
    opened = unpack(bytes(opened_row.data))[0]
    assert isinstance(opened, Opened)
    signal = Signal(ts=5, strategy="ema", symbol=SYMBOL, timeframe="2t", target=1, reason="cross", bar_ts=5)
    recorded, nothing = Side(), Side()
    recorded.take([signal])
    [row] = compare(recorded, nothing, Seen(openings=[opened]), {}, opened.config)
    assert (row.cause, row.recorded, row.simulated) == (Cause.UNEXPLAINED, "+1 cross", "no signal")


def test_bars_outside_what_was_seen_are_no_revision():
    bar = Bar(ts=5, symbol="SPY", timeframe="1", ts_open=0, open=1.0, high=2.0, low=0.5, close=1.5, volume=3.0)
    other = msgspec.structs.replace(bar, ts=9, close=1.6)
    assert revised({5: bar}, {5: bar, 1: bar, 9: other}) == []
    assert revised({5: bar, 9: bar}, {5: bar}) == [9]
    assert revised({5: bar, 9: bar}, {5: bar, 9: other}) == [9]


def test_the_tasks_compare_yesterday_and_forget_what_is_old(ticker, archive, settings):
    assert compare_sessions() == {}
    live(market(120), token=1, checkpoint_s=0.0)
    assert compare_all(today())["paper"] in ("explained", "equal", "unexplained")
    rows = RecordedInputs.objects.order_by("number")
    count, middle = rows.count(), rows[rows.count() // 2]
    rows.filter(number__lte=middle.number).update(recorded_at=timezone.now() - timedelta(days=40))
    assert forget_recordings(0) == 0
    settings.RECORDING_DAYS = 30
    assert forget_task() == middle.number - 1
    assert rows.count() == count - middle.number + 1
    assert repeat("paper").is_equal


def test_a_book_that_did_not_run_is_not_compared(ticker, archive):
    with pytest.raises(NothingRecorded):
        compared()
    assert compare_all(today()) == {}


def test_the_command_and_the_admin_show_it(ticker, archive, capsys, admin_client):
    events = market(200)
    keep(archive, events, revise=60)
    live(events, token=1)
    call_command("compare_session", "paper", "--day", today().isoformat(), "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["book"], document["verdict"]) == ("paper", "explained")
    call_command("compare_session", "paper", "--day", today().isoformat())
    out = capsys.readouterr().out
    assert "data revision:" in out
    assert "paper on 20" in out
    assert "explained" in admin_client.get("/admin/trading/sessioncomparison/").content.decode()
    for arguments, message in ((("paper", "--day", "soon"), "day: expected"), (("nope",), "There is no book 'nope'")):
        with pytest.raises(CommandError, match=message):
            call_command("compare_session", *arguments)
