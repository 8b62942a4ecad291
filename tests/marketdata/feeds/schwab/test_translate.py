"""Schwab's frames, as its guide and its users show them, to our events."""

import json
from collections import Counter

import pytest

from brokers.schwab.wire import login_answer, read_message, read_preference
from engine.model.market import Bar, Quote, Tick
from engine.model.time import NS_PER_MINUTE, NS_PER_MS
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.schwab.fields import CHART_EQUITY, EQUITIES, FUTURES, LEVEL_ONE, OPTIONS
from marketdata.feeds.schwab.translate import LevelOneTrack, Translator

RECV = 1_765_307_221_000_000_000
MS = 1_765_307_100_000
FIRST = {
    "key": "SPY", "delayed": False, "assetMainType": "EQUITY", "assetSubType": "ETF", "cusip": "78462F103",
    "1": 512.3, "2": 512.32, "3": 512.31, "4": 3, "5": 12, "8": 1_000_000, "9": 100, "10": 515.0, "11": 508.5,
    "12": 510.0, "17": 509.25, "32": "Normal", "34": MS, "35": MS,
}  # fmt: skip


def frame(service, *contents):
    document = {"data": [{"service": service, "timestamp": MS, "command": "SUBS", "content": list(contents)}]}
    return read_message(json.dumps(document).encode()).data


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def translator(counts):
    tracks = {
        "SPY": LevelOneTrack("SPY", EQUITIES),
        "AMD": LevelOneTrack("AMD", EQUITIES),
        "$SPX": LevelOneTrack("SPX", EQUITIES),
        "/ESZ26": LevelOneTrack("/ES", FUTURES),
        "SPXW  261120C06000000": LevelOneTrack("SPXW  261120C06000000", OPTIONS),
    }
    return Translator("schwab", tracks, counts)


def ticks(events):
    return [event for event in events if isinstance(event, Tick)]


def test_the_first_content_is_where_we_begin_and_no_print(translator):
    events = translator.translate(frame(EQUITIES, FIRST), RECV)
    assert ticks(events) == []
    (quote,) = [event for event in events if isinstance(event, Quote)]
    assert quote == Quote(MS * NS_PER_MS, "SPY", 512.3, 512.32, 300.0, 1200.0, RECV)
    facts = {event.kind: event.values for event in events if isinstance(event, SymbolFacts)}
    assert facts["profile"] == {"tradingStatus": "ACTIVE"}
    assert facts["summary"] == {
        "dayOpenPrice": 509.25, "dayHighPrice": 515.0, "dayLowPrice": 508.5, "prevDayClosePrice": 510.0,
    }  # fmt: skip


def test_a_change_is_a_print_of_the_merged_values_and_its_size_is_what_the_volume_grew_by(translator):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "SPY", "8": 1_000_700, "35": MS + 40}), RECV))
    assert tick == Tick((MS + 40) * NS_PER_MS, "SPY", 512.31, 700.0, 512.3, 512.32, 0, RECV)
    (tick,) = ticks(
        translator.translate(frame(EQUITIES, {"key": "SPY", "2": 512.5, "3": 512.5, "8": 1_000_701, "35": MS + 41}), 9)
    )
    assert (tick.price, tick.size, tick.ask) == (512.5, 1.0, 512.5)


def test_a_quote_alone_is_no_print(translator):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    (quote,) = translator.translate(frame(EQUITIES, {"key": "SPY", "1": 512.1, "34": MS + 9}), RECV)
    assert (quote.bid, quote.ask, quote.ts) == (512.1, 512.32, (MS + 9) * NS_PER_MS)


def test_a_repeated_or_an_overtaken_trade_is_counted_and_left_out(translator, counts):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    change = {"key": "SPY", "3": 512.4, "8": 1_000_200, "35": MS + 50}
    assert len(ticks(translator.translate(frame(EQUITIES, change, change), RECV))) == 1
    late = {"key": "SPY", "3": 512.2, "8": 1_000_100, "35": MS + 20}
    assert ticks(translator.translate(frame(EQUITIES, late), RECV)) == []
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "SPY", "8": 1_000_300, "35": MS + 60}), RECV))
    assert (tick.price, tick.size) == (512.2, 100.0)  # the view is what the wire says, changes refer to it
    assert counts == {"repeated trade": 1, "overtaken trade": 1}


def test_a_volume_that_fell_is_the_days_reset_and_counts_only_its_own_size(translator, counts):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "SPY", "8": 250, "9": 50, "35": MS + 1}), RECV))
    assert tick.size == 50.0
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "SPY", "8": 260, "35": MS + 2}), RECV))
    assert tick.size == 10.0
    assert counts["volume fell"] == 1


def test_changes_before_the_first_content_mean_nothing(translator, counts):
    assert translator.translate(frame(EQUITIES, {"key": "SPY", "3": 1.0, "35": MS}), RECV) == []
    assert counts == {"change before its subscription": 1}


def test_after_a_lost_frame_only_a_whole_content_counts(translator):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    translator._tracks["SPY"].forget()
    assert translator.translate(frame(EQUITIES, {"key": "SPY", "8": 1_000_900, "35": MS + 70}), RECV) == []
    again = FIRST | {"3": 513.0, "8": 1_001_000, "35": MS + 90}
    assert ticks(translator.translate(frame(EQUITIES, again), RECV)) == []
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "SPY", "8": 1_001_007, "35": MS + 91}), RECV))
    assert (tick.price, tick.size) == (513.0, 7.0)


def test_an_index_has_prints_without_volume(translator):
    translator.translate(frame(EQUITIES, {"key": "$SPX", "assetMainType": "INDEX", "3": 6600.0, "35": MS}), RECV)
    (tick,) = ticks(translator.translate(frame(EQUITIES, {"key": "$SPX", "3": 6600.5, "35": MS + 1}), RECV))
    assert (tick.symbol, tick.price, tick.size) == ("SPX", 6600.5, 0.0)


def test_a_halt_is_told_in_the_words_that_the_truth_gate_reads(translator):
    translator.translate(frame(EQUITIES, FIRST), RECV)
    (facts,) = translator.translate(frame(EQUITIES, {"key": "SPY", "32": "Halted"}), RECV)
    assert (facts.kind, facts.values) == ("profile", {"tradingStatus": "HALTED"})


def test_a_future_by_its_own_field_numbers(translator):
    first = {"key": "/ESZ26", "assetMainType": "FUTURE", "1": 6610.0, "2": 6610.25, "3": 6610.25, "4": 8, "5": 9}
    events = translator.translate(frame(FUTURES, first | {"8": 5_000, "10": MS, "11": MS}), RECV)
    assert (events[0].bid_size, events[0].ask_size) == (8.0, 9.0)
    (tick,) = ticks(translator.translate(frame(FUTURES, {"key": "/ESZ26", "8": 5_003, "11": MS + 5}), RECV))
    assert (tick.symbol, tick.price, tick.size, tick.ts) == ("/ES", 6610.25, 3.0, (MS + 5) * NS_PER_MS)


def test_greeks_of_an_option_with_volatility_as_a_fraction(translator):
    content = {
        "key": "SPXW  261120C06000000", "assetMainType": "OPTION", "2": 12.0, "3": 12.2, "10": 14.25, "28": 0.51,
        "29": 0.01, "30": -3.5, "31": 0.9, "32": 0.02, "38": MS,
    }  # fmt: skip
    events = translator.translate(frame(OPTIONS, content), RECV)
    greeks = next(event.values for event in events if isinstance(event, SymbolFacts) and event.kind == "greeks")
    assert greeks == pytest.approx(
        {"delta": 0.51, "gamma": 0.01, "theta": -3.5, "vega": 0.9, "rho": 0.02, "volatility": 0.1425}
    )


def test_a_captured_minute_is_a_bar_of_the_vendors_stamped_at_its_close(translator):
    captured = {
        "1": 425, "2": 221.133, "3": 221.18, "4": 221.02, "5": 221.02, "6": 11730, "7": 1765307100000, "8": 20431,
        "seq": 202, "key": "AMD",
    }  # fmt: skip
    (bar,) = translator.translate(frame(CHART_EQUITY, captured), RECV)
    opened = 1_765_307_100_000_000_000
    assert bar == Bar(
        ts=opened + NS_PER_MINUTE, symbol="AMD", timeframe="1", ts_open=opened, open=221.133, high=221.18, low=221.02,
        close=221.02, volume=11730.0, source="vendor:schwab", quality="vendor", ts_recv=RECV,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "content"),
    [
        (EQUITIES, FIRST | {"3": "n/a"}),
        (EQUITIES, FIRST | {"1": [1.0]}),
        (EQUITIES, {"1": 1.0}),
        (CHART_EQUITY, {"key": "AMD", "2": 5.0, "3": 4.0, "4": 6.0, "5": 5.0, "6": 1, "7": MS}),  # the guide's order
        (CHART_EQUITY, {"key": "AMD", "2": 5.0}),
    ],
)
def test_what_cannot_be_read_is_an_error_of_ours(translator, service, content):
    with pytest.raises(FeedProtocolError, match=service):
        translator.translate(frame(service, content), RECV)


def test_unknown_symbols_and_services_are_counted(translator, counts):
    assert translator.translate(frame(EQUITIES, FIRST | {"key": "XYZ"}), RECV) == []
    assert translator.translate(frame("NYSE_BOOK", {"key": "SPY"}), RECV) == []
    assert counts == {"unknown symbol": 1, "service NYSE_BOOK": 1}


def test_fields_are_asked_for_ascending_and_with_the_key():
    for layout in LEVEL_ONE.values():
        numbers = [int(number) for number in layout.request.split(",")]
        assert numbers == sorted(set(numbers))
        assert numbers[0] == 0
        assert {int(field) for field in layout.quote | layout.trade} <= set(numbers)


def test_the_envelope_of_the_guide():
    answer = login_answer(
        read_message(
            b'{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"0","SchwabClientCorrelId":"c",'
            b'"timestamp":1669828276886,"content":{"code":3,"msg":"Login Denied.: token is invalid or has expired."}}]}'
        )
    )
    assert answer is not None
    assert answer.content.code == 3
    assert read_message(b'{"notify":[{"heartbeat":"1668715930582"}]}').data == []


@pytest.mark.parametrize("as_list", [False, True])
def test_the_preference_comes_as_an_object_and_is_specified_as_a_list(as_list):
    text = (
        b'{"accounts":[],"streamerInfo":[{"streamerSocketUrl":"wss://x/ws","schwabClientCustomerId":"c",'
        b'"schwabClientCorrelId":"r","schwabClientChannel":"N9","schwabClientFunctionId":"APIAPP"}],"offers":[]}'
    )
    info = read_preference(b"[" + text + b"]" if as_list else text)
    assert (info.streamer_socket_url, info.schwab_client_channel) == ("wss://x/ws", "N9")
