"""Massive's frames as our events."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from engine.model.conditions import Condition
from engine.model.market import Bar, Quote, Tick
from marketdata.feeds.massive import messages
from marketdata.feeds.massive.conditions import bits
from marketdata.feeds.massive.symbols import massive_symbol
from marketdata.feeds.massive.translate import Translator
from marketdata.feeds.streaming.track import SymbolTrack

RECV = 1_763_652_700_000_000_000
MS = 1_763_652_600_123
TS = MS * 1_000_000

TRADE = {"ev": "T", "sym": "SPY", "i": "71", "x": 4, "p": 660.25, "s": 100, "c": [], "t": MS, "q": 9, "z": 3}
QUOTE = {"ev": "Q", "sym": "SPY", "bx": 4, "bp": 660.24, "bs": 3, "ax": 7, "ap": 660.26, "as": 5, "c": 0, "t": MS}
MINUTE = {
    "ev": "AM", "sym": "SPY", "v": 900, "av": 9000, "op": 1, "vw": 1.75, "o": 1, "c": 2, "h": 3, "l": 0.5, "a": 1.5,
    "z": 75, "s": 1_763_652_600_000, "e": 1_763_652_660_000, "otc": False,
}  # fmt: skip


class Desk:
    def __init__(self, *names: str) -> None:
        self.counts: Counter[str] = Counter()
        self.tracks = {name: SymbolTrack(name) for name in names or ("SPY",)}
        self.translator = Translator(self.tracks, self.counts, source="massive", has_prints=False)

    def read(self, *events: dict[str, Any]) -> list[Any]:
        return self.translator.translate(messages.decode(msgspec.json.encode(events)), RECV)


def test_a_trade_is_a_print_with_the_quote_before_it():
    quote, tick = Desk().read(QUOTE, TRADE)
    assert quote == Quote(TS, "SPY", 660.24, 660.26, 3, 5, RECV)
    assert tick == Tick(TS, "SPY", 660.25, 100, 660.24, 660.26, 0, RECV)


def test_a_fraction_of_a_share_keeps_its_size():
    (tick,) = Desk().read({**TRADE, "s": 0, "ds": "0.125"})
    assert tick.size == 0.125


def test_a_print_that_comes_again_is_dropped_by_id_and_exchange_else_by_its_number():
    desk = Desk()
    assert len(desk.read(TRADE, TRADE, {**TRADE, "x": 5}, {**TRADE, "i": "72"})) == 3
    bare = {name: value for name, value in TRADE.items() if name != "i"}
    assert len(desk.read(bare, bare, {**bare, "q": 10})) == 2
    assert desk.counts["duplicate print"] == 2


def test_bars_of_the_venue_are_stamped_at_their_close():
    minute, second = Desk().read(MINUTE, {**MINUTE, "ev": "A", "e": 1_763_652_601_000})
    assert minute == Bar(
        1_763_652_660 * 10**9, "SPY", "1", 1_763_652_600 * 10**9, 1, 3, 0.5, 2, 900, trade_count=12, vwap=1.75,
        source="vendor:massive", quality="vendor", ts_recv=RECV,
    )  # fmt: skip
    assert (second.timeframe, second.ts) == ("1s", 1_763_652_601 * 10**9)


def test_an_index_value_is_a_print_without_size():
    (tick,) = Desk("I:SPX").read({"ev": "V", "val": 6600.5, "T": "I:SPX", "t": MS})
    assert (tick.ts, tick.price, tick.size) == (TS, 6600.5, 0.0)


def test_an_exchanges_official_close_is_no_print():
    desk = Desk()
    assert desk.read({**TRADE, "c": [15]}, {**TRADE, "i": "72", "c": [14, 38]}) == []
    assert sum(desk.counts.values()) == 2


def test_a_kind_we_do_not_know_leaves_the_rest_readable():
    frame = msgspec.json.encode([{"ev": "LULD", "sym": "SPY"}, TRADE])
    with pytest.raises(msgspec.ValidationError):
        messages.decode(frame)
    known, others = messages.decode_known(frame)
    assert others == ["LULD"]
    assert len(Desk().translator.translate(known, RECV)) == 1


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], 0),
        ([14, 12, 37, 41], Condition.SWEEP | Condition.EXTENDED_HOURS | Condition.ODD_LOT),
        ([2, 7], Condition.AVERAGE_PRICE | Condition.SETTLEMENT),
        ([9_999], Condition.OTHER),
    ],
)
def test_sale_conditions_become_bits(marks, expected):
    assert bits(marks) == expected


@pytest.mark.parametrize(
    ("ours", "market", "theirs"),
    [
        ("SPY", "stocks", "SPY"), ("BRK/B", "stocks", "BRK.B"), ("SPX", "indices", "I:SPX"), ("SPX", "stocks", None),
        ("/NQZ26", "futures", "NQZ6"), ("/NQ", "stocks", None), ("EUR/USD", "stocks", None),
        ("SPXW  261120C06000000", "options", "O:SPXW261120C06000000"),
    ],
)  # fmt: skip
def test_each_market_has_its_own_names(ours, market, theirs):
    assert massive_symbol(ours, market) == theirs


def test_long_lists_are_asked_in_several_messages():
    frames = messages.ask("subscribe", ["T", "Q"], ["A", "B", "C"], batch=4)
    assert [msgspec.json.decode(frame)["params"] for frame in frames] == ["T.A,Q.A,T.B,Q.B", "T.C,Q.C"]
