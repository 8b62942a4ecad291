"""Alpaca's frames as our events, in both of its languages."""

from collections import Counter
from typing import Any

import msgpack
import msgspec
import pytest

from engine.model.conditions import Condition
from engine.model.market import Bar, Quote, Tick, TickCorrected
from marketdata.feeds.alpaca.conditions import bits
from marketdata.feeds.alpaca.messages import Codec, Trade, nanoseconds
from marketdata.feeds.alpaca.symbols import alpaca_symbol
from marketdata.feeds.alpaca.translate import Translator
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.streaming.track import REMEMBERED, SymbolTrack

RECV = 1_763_652_700_000_000_000
SECOND = 1_763_652_600
TS = SECOND * 1_000_000_000 + 123_456_789
TEXT = "2025-11-20T15:30:00.123456789Z"

TRADE = {"T": "t", "S": "SPY", "i": 71, "x": "V", "p": 660.25, "s": 100, "c": ["@"], "z": "B"}
QUOTE = {"T": "q", "S": "SPY", "bx": "V", "bp": 660.24, "bs": 3, "ax": "V", "ap": 660.26, "as": 5, "c": ["R"], "z": "B"}
BAR = {"T": "b", "S": "SPY", "o": 1, "h": 3, "l": 0.5, "c": 2, "v": 900, "n": 12, "vw": 1.75}
CORRECTION = {
    "T": "c", "S": "SPY", "x": "V", "oi": 71, "op": 660.25, "os": 100, "oc": ["@"], "ci": 99, "cp": 660.2, "cs": 90,
    "cc": ["@", "I"], "z": "B",
}  # fmt: skip
CANCEL = {"T": "x", "S": "SPY", "i": 71, "x": "V", "p": 660.25, "s": 100, "a": "C", "z": "B"}


class Desk:
    """A translator of SPY and the codec in front of it."""

    def __init__(self, codec: str = "json") -> None:
        self.codec = Codec(codec)
        self.counts: Counter[str] = Counter()
        self.track = SymbolTrack("SPY")
        self.translator = Translator({"SPY": self.track}, self.counts, source="alpaca", has_prints=False)

    def read(self, *messages: dict[str, Any]) -> list[Any]:
        return self.translator.translate(self.codec.decode(self.frame(*messages)), RECV)

    def frame(self, *messages: dict[str, Any]) -> bytes:
        """As the venue writes it, at 15:30:00.123456789 UTC."""
        if self.codec.is_text:
            return msgspec.json.encode([{"t": TEXT, **each} for each in messages])
        packed = [{"t": msgpack.Timestamp(SECOND, 123_456_789), **each} for each in messages]
        frame: bytes = msgpack.packb(packed)
        return frame


@pytest.fixture(params=["json", "msgpack"])
def desk(request) -> Desk:
    return Desk(request.param)


def test_a_trade_is_a_print_with_the_quote_before_it_to_the_nanosecond(desk):
    quote, tick = desk.read(QUOTE, TRADE)
    assert quote == Quote(TS, "SPY", 660.24, 660.26, 3, 5, RECV)
    assert tick == Tick(TS, "SPY", 660.25, 100, 660.24, 660.26, 0, RECV)
    assert desk.track.last_recv == RECV
    assert desk.track.last_ts == TS


def test_a_side_that_nobody_quotes_is_no_price(desk):
    (quote,) = desk.read({**QUOTE, "bp": 0, "bs": 0})
    assert quote.bid != quote.bid
    assert quote.ask == 660.26


def test_a_print_that_comes_again_is_dropped_and_counted(desk):
    assert len(desk.read(TRADE, TRADE, {**TRADE, "x": "P"}, {**TRADE, "i": 72})) == 3
    assert desk.counts["duplicate print"] == 1


def test_a_correction_names_both_prints_at_the_originals_time(desk):
    desk.read(TRADE)
    later = {"t": TEXT.replace("15:30:00", "15:30:09")} if desk.codec.is_text else {
        "t": msgpack.Timestamp(SECOND + 9, 123_456_789)
    }  # fmt: skip
    (event,) = desk.read({**CORRECTION, **later})
    odd = int(Condition.ODD_LOT)
    assert event == TickCorrected(
        TS + 9_000_000_000, "SPY", Tick(TS, "SPY", 660.25, 100), Tick(TS, "SPY", 660.2, 90, conditions=odd), RECV
    )


def test_a_cancelled_print_is_replaced_by_nothing(desk):
    desk.read(TRADE)
    (event,) = desk.read(CANCEL)
    assert (event.original, event.replacement) == (Tick(TS, "SPY", 660.25, 100), None)
    assert event.is_known


def test_a_print_that_is_not_remembered_is_told_by_its_price_and_size(desk):
    changed, gone = desk.read(CORRECTION, CANCEL)
    assert gone.original == Tick(0, "SPY", 660.25, 100)
    assert (changed.original.ts, changed.original.price, changed.original.size) == (0, 660.25, 100)
    assert changed.replacement.price == 660.2
    assert not changed.is_known
    assert not gone.is_known
    assert desk.counts["correction of a print that is not remembered"] == 2


def test_what_concerns_bars_and_states_comes_after_the_prints_of_its_frame(desk):
    events = desk.read(BAR, {"T": "s", "S": "SPY", "sc": "H", "sm": "Trading Halt", "z": "C"}, TRADE)
    assert [type(event) for event in events] == [Tick, Bar, SymbolFacts]


def test_a_minute_is_stamped_at_its_close_and_updated_ones_come_again(desk):
    opened = {"t": "2025-11-20T15:30:00Z"} if desk.codec.is_text else {"t": msgpack.Timestamp(SECOND, 0)}
    bar, again = desk.read({**BAR, **opened}, {**BAR, **opened, "T": "u", "v": 950})
    assert (bar.ts_open, bar.ts) == (SECOND * 1_000_000_000, (SECOND + 60) * 1_000_000_000)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.vwap) == (
        1,
        3,
        0.5,
        2,
        900,
        12,
        1.75,
    )
    assert (bar.timeframe, bar.quality, bar.source, again.volume) == ("1", "vendor", "vendor:alpaca", 950)


@pytest.mark.parametrize(
    ("code", "tape", "expected"),
    [("H", "C", "HALTED"), ("P", "C", "HALTED"), ("T", "C", "ACTIVE"), ("2", "A", "HALTED"), ("3", "B", "ACTIVE")],
)
def test_a_status_is_the_halt_or_the_end_of_one(code, tape, expected):
    desk = Desk()
    (facts,) = desk.read({"T": "s", "S": "SPY", "sc": code, "sm": "said", "rc": "LUDP", "z": tape})
    assert facts.kind == "profile"
    assert facts.values == {"tradingStatus": expected, "statusReason": "said LUDP"}


def test_a_status_that_says_nothing_of_trading_is_counted_only():
    desk = Desk()
    assert desk.read({"T": "s", "S": "SPY", "sc": "7", "sm": "Market Imbalance Buy", "z": "A"}) == []
    assert desk.counts["status 7 of tape A"] == 1


def test_an_exchanges_official_close_is_no_print(desk):
    assert desk.read({**TRADE, "c": ["M"]}, {**TRADE, "i": 72, "c": ["@", "9"]}) == []
    assert sum(desk.counts.values()) == 2


def test_symbols_nobody_wants_are_counted(desk):
    assert desk.read({**TRADE, "S": "QQQ"}) == []
    assert desk.counts["unknown symbol"] == 1


def test_a_kind_we_do_not_know_leaves_the_rest_readable(desk):
    frame = desk.frame({"T": "n", "headline": "news"}, TRADE)
    with pytest.raises(msgspec.ValidationError):
        desk.codec.decode(frame)
    known, others = desk.codec.decode_known(frame)
    assert others == ["n"]
    assert desk.translator.translate(known, RECV)[0].ts == TS


@pytest.mark.parametrize(
    "wrong", ["now", "2025-11-20T15:30:00", "2025-11-20T15:30:00+01:00", "2025-11-20T15:30:00.12", ""]
)
def test_a_time_that_is_no_utc_time_is_refused(wrong):
    with pytest.raises(ValueError):
        nanoseconds(wrong)


@pytest.mark.parametrize(
    ("text", "nanos"), [("", 0), (".1", 100_000_000), (".000000001", 1), (".123456789", 123_456_789)]
)
def test_fractions_of_any_length_are_read(text, nanos):
    assert nanoseconds(f"2025-11-20T15:30:00{text}Z") == SECOND * 1_000_000_000 + nanos


@pytest.mark.parametrize("moment", [(SECOND, 0), (SECOND, 5), (2**34 + 7, 9)])
def test_timestamps_of_all_three_lengths_are_read(moment):
    codec = Codec("msgpack")
    (trade,) = codec.decode(msgpack.packb([{**TRADE, "t": msgpack.Timestamp(*moment)}]))
    assert isinstance(trade, Trade)
    assert nanoseconds(trade.t) == moment[0] * 1_000_000_000 + moment[1]


@pytest.mark.parametrize(
    ("marks", "tape", "expected"),
    [
        ([], "B", 0),
        (["@", "F", "T", "I"], "C", Condition.SWEEP | Condition.EXTENDED_HOURS | Condition.ODD_LOT),
        (["B"], "A", Condition.AVERAGE_PRICE),
        (["B"], "C", 0),
        (["?"], "A", Condition.OTHER),
    ],
)
def test_sale_conditions_become_bits(marks, tape, expected):
    assert bits(marks, tape) == expected


def test_prints_are_remembered_as_long_as_corrections_come_and_no_longer():
    track = SymbolTrack("SPY")
    count = 3 * REMEMBERED + 10
    for number in range(count):
        assert track.is_new(number, number)
    remembered = [number for number in range(count) if track.time_of(number) is not None]
    assert remembered == list(range(count - len(remembered), count))
    assert REMEMBERED <= len(remembered) <= 2 * REMEMBERED
    assert not track.is_new(count - REMEMBERED, 0)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("SPY", "SPY"), ("BRK/B", "BRK.B"), ("BRK.B", "BRK.B"), ("/ES", None), ("SPX", None)]
)
def test_only_stocks_have_a_name_there(ours, theirs):
    assert alpaca_symbol(ours) == theirs
