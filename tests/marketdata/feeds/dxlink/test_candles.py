"""Candle snapshots: newest first, over many frames, with their flags; and the bars made of them."""

from datetime import datetime

import pytest

from engine.model.market import NAN
from engine.model.time import from_datetime, iso
from marketdata.feeds.dxlink.candles import CandleRow, Snapshot, candle_symbol, canonical_symbol, to_bars


def row(minute: int, flags: int = 0, *, close: float = 1.0, sequence: int = 0, time: int | None = None) -> CandleRow:
    at = minute * 60_000 if time is None else time
    return CandleRow("SPY{=m}", flags, (at << 22) + sequence, at, sequence, 5, 1.0, 2.0, 0.5, close, 10.0, 1.1)


def dummy(flags: int, minute: int = 0) -> CandleRow:
    return row(minute, flags)._replace(open=NAN, high=NAN, low=NAN, close=NAN, trades=0)


def collected(*rows: CandleRow) -> Snapshot:
    snapshot = Snapshot()
    for each in rows:
        snapshot.add(each)
    return snapshot


@pytest.mark.parametrize(
    ("timeframe", "spelled"),
    [
        *(("1", "{=m}"), ("5", "{=5m}"), ("90", "{=90m}"), ("1h", "{=h}"), ("4h", "{=4h}"), ("1d", "{=d}")),
        *(("30s", "{=30s}"), ("144t", "{=144t}"), ("5000v", "{=5000v}")),
    ],
)
def test_a_timeframe_has_the_spelling_that_the_server_echoes(timeframe, spelled):
    assert candle_symbol("/NQZ26:XCME", timeframe) == f"/NQZ26:XCME{spelled}"


def test_a_period_of_one_is_dropped_and_eleven_is_not_one():
    assert canonical_symbol("SPY{=1m}") == "SPY{=m}"
    assert canonical_symbol("SPY{=11m}") == "SPY{=11m}"


def test_a_snapshot_ends_with_the_dummy_that_is_no_candle():
    snapshot = collected(row(3, 4), row(2), row(1))
    assert not snapshot.is_complete
    snapshot.add(dummy(10))
    assert snapshot.is_complete
    assert [each.time // 60_000 for each in snapshot.rows] == [1, 2, 3]


def test_an_empty_snapshot_is_complete_and_empty():
    snapshot = collected(dummy(14))
    assert (snapshot.is_complete, snapshot.rows) == (True, [])


def test_a_truncated_snapshot_is_complete():
    assert collected(row(3, 4), row(2, 16)).is_complete


def test_a_pending_transaction_holds_back_the_end():
    snapshot = collected(row(3, 4), row(2, 8 | 1))
    assert not snapshot.is_complete
    snapshot.add(row(2, 8))
    assert snapshot.is_complete


def test_the_later_event_of_an_index_wins_and_removal_removes():
    snapshot = collected(row(3, 4), row(3, close=7.0), row(2), row(2, 2), dummy(10))
    assert [(each.time // 60_000, each.close) for each in snapshot.rows] == [(3, 7.0)]


def test_a_new_beginning_forgets_what_came_before():
    assert len(collected(row(3, 4), row(2), row(3, 4), dummy(10)).rows) == 1


def test_the_candle_that_is_still_forming_is_no_bar():
    bars = to_bars([row(1), row(2), row(3)], symbol="SPY", timeframe="1", source="x", end=3 * 60_000_000_000 + 5)
    assert [(bar.ts_open, bar.ts) for bar in bars] == [
        (60_000_000_000, 120_000_000_000),
        (120_000_000_000, 180_000_000_000),
    ]
    assert bars[0].quality == "vendor"


@pytest.mark.parametrize(
    ("symbol", "day", "opened", "closed"),
    [
        ("/NQ", "2026-11-20", "2026-11-19T23:00", "2026-11-20T22:00"),
        ("SPY", "2026-11-20", "2026-11-20T09:00", "2026-11-21T01:00"),
        ("SPY", "2026-11-27", "2026-11-27T09:00", "2026-11-27T22:00"),  # a half day
        ("/NQ", "2026-03-09", "2026-03-08T22:00", "2026-03-09T21:00"),  # the clocks changed that Sunday
    ],
)
def test_a_candle_of_a_day_spans_the_trading_day_that_our_own_bars_do(symbol, day, opened, closed):
    stamped = row(0, time=int(datetime.fromisoformat(f"{day}T00:00Z").timestamp()) * 1_000)
    end = from_datetime(datetime.fromisoformat(f"{closed}Z"))
    (bar,) = to_bars([stamped], symbol=symbol, timeframe="1d", source="x", end=end)
    assert (iso(bar.ts_open)[:16], iso(bar.ts)[:16]) == (opened, closed)
    assert to_bars([stamped], symbol=symbol, timeframe="1d", source="x", end=end - 1) == []


def test_tick_candles_of_one_millisecond_stay_in_order_and_the_last_has_not_ended():
    rows = [row(0, time=1_000, sequence=1), row(0, time=1_000, sequence=2), row(0, time=1_005), row(0, time=1_009)]
    bars = to_bars(rows, symbol="SPY", timeframe="9t", source="x", end=2_000_000_000)
    assert [(bar.ts_open, bar.ts) for bar in bars] == [
        (1_000_000_001, 1_000_000_002), (1_000_000_002, 1_005_000_000), (1_005_000_000, 1_009_000_000)
    ]  # fmt: skip
