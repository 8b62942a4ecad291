"""What vendors allow: as data, in words, and as places on a line."""

from datetime import UTC, datetime, timedelta

import pytest

from marketdata.feeds.alpaca.options import AlpacaOptions
from marketdata.feeds.databento.options import DatabentoOptions
from marketdata.feeds.limits import FeedLimits, Room
from marketdata.feeds.massive.options import MassiveOptions
from marketdata.feeds.registry import FEEDS
from marketdata.feeds.replay import ReplayOptions
from marketdata.feeds.schwab.options import SchwabOptions
from marketdata.feeds.synthetic.options import SyntheticOptions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "symbols"),
    [
        (AlpacaOptions(), 30),
        (AlpacaOptions(max_symbols=1_000), 1_000),
        (AlpacaOptions(feed="sip"), None),
        (AlpacaOptions(prints="minute_bars", quotes=False), None),  # the plan counts trades and quotes
        (SchwabOptions(), 500),
        (MassiveOptions(), None),
    ],
)
def test_how_many_symbols_depends_on_what_was_chosen(options, symbols):
    kind = type(options).__name__.removesuffix("Options").lower()
    assert FEEDS[kind].limits(options).symbols == symbols


@pytest.mark.parametrize(
    ("options", "timeframe", "days"),
    [
        (SchwabOptions(), "5", 90),
        (SchwabOptions(minute_days=200), "1h", 200),
        (SchwabOptions(), "30s", 0),
        (SchwabOptions(), "144t", 0),
        (SchwabOptions(), "1d", 7_300),
        (MassiveOptions(), "1", None),
        (MassiveOptions(history_days=730), "1", 730),
        (MassiveOptions(history_days=730), "144t", 730),
        (SyntheticOptions(history_hours=30), "1", 2),
        (ReplayOptions(), "1", 0),
    ],
)
def test_how_far_back_a_vendor_keeps_a_timeframe(options, timeframe, days):
    kind = type(options).__name__.removesuffix("Options").lower()
    expected = None if days is None else NOW - timedelta(days=days)
    assert FEEDS[kind].limits(options).kept_since(timeframe, NOW) == expected


def test_history_begins_on_the_later_of_two_bounds():
    assert FEEDS["databento"].limits(DatabentoOptions()).kept_since("1d", NOW) == datetime(2010, 6, 6, tzinfo=UTC)
    both = FeedLimits(history_days={"1": 10}, history_since="2026-11-15")
    assert both.kept_since("5", NOW) == datetime(2026, 11, 15, tzinfo=UTC)
    assert both.kept_since("5", NOW + timedelta(days=30)) == NOW + timedelta(days=20)


def test_limits_are_told_in_words():
    rows = dict(FEEDS["schwab"].limits(SchwabOptions()).rows())
    assert rows["symbols a service"] == "500"
    assert rows["bytes of one subscription message"] == "not stated"
    assert rows["history"] == "1s: none; 1: 90 days; 1d: 7,300 days; ticks: none; volume: none"


def test_who_finds_no_place_waits_and_is_named(caplog):
    room = Room("x", FeedLimits(symbols=2))
    assert [room.take(each, each) for each in ("A", "B", "C", "D")] == [True, True, False, False]
    assert room.take("ALIAS", "A")  # the same thing takes no second place
    assert room.waiting == list(room.refused) == ["C", "D"]
    assert "x: no data of C: the limit of 2 symbols a connection is reached" in caplog.text
    room.forget("C")
    room.leave("B")
    assert room.take("D", "D")
    assert not room.refused


def test_parts_of_a_line_are_counted_by_themselves():
    room = Room("x", FeedLimits(symbols=1, symbols_each="service"))
    assert room.take("SPY", "SPY", part="stocks")
    assert room.take("/ES", "/ESZ26", part="futures")
    assert not room.take("QQQ", "QQQ", part="stocks")


def test_a_place_is_handed_on_when_a_contract_rolls():
    room = Room("x", FeedLimits(symbols=1))
    assert room.take("/ES", "/ESZ26")
    assert not room.take("/NQ", "/NQZ26")
    room.rename("/ESZ26", "/ESH27")
    room.leave("/ESZ26")
    assert not room.take("/NQ", "/NQZ26")
    assert room.take("/ES", "/ESH27")
