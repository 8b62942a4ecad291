"""Records read by ourselves against the vendor's own decoder, and streams that are cut anywhere or broken."""

import math
import random
from itertools import pairwise
from typing import Any

import databento_dbn
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from engine.model.market import Bar, Quote, Tick
from engine.model.time import NS_PER_MINUTE
from marketdata.feeds.databento.framing import Framer
from marketdata.feeds.databento.translate import Told, Translator
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.streaming.track import SymbolTrack
from simulators.databento.damage import DAMAGES

dbn: Any = databento_dbn  # its stubs call the members of its enumerations plain text
NOW = 1_795_194_000_000_000_000
RECV = NOW + 5_000_000
HEAD = dbn.Metadata("GLBX.MDP3", NOW, None, dbn.SType.INSTRUMENT_ID, None).encode()


def mapping(number: int, name: str) -> bytes:
    raw, day = dbn.SType.RAW_SYMBOL, 86_400_000_000_000
    return bytes(dbn.SymbolMappingMsg(1, number, NOW, raw, name, raw, name, NOW, NOW + day))


def trade(number: int = 42, *, at: int = 0, price: int = 25_000_250_000_000, size: int = 3, **rest: Any) -> bytes:
    values = {"action": dbn.Action.TRADE, "flags": 0, "sequence": at, **rest}
    action, flags = values.pop("action"), values.pop("flags")
    return bytes(
        dbn.TradeMsg(1, number, NOW + at, price, size, action, dbn.Side.ASK, 0, NOW + at + 9, flags=flags, **values)
    )


def top(number: int = 42, *, at: int = 0, action: Any = dbn.Action.TRADE, flags: int = 0, **levels: Any) -> bytes:
    pair: Any = dbn.BidAskPair(**{"bid_px": 24_999_750_000_000, "ask_px": 25_000_250_000_000, **levels})
    return bytes(
        dbn.MBP1Msg(
            1, number, NOW + at, 25_000_250_000_000, 3, action, dbn.Side.BID, 0, NOW + at + 9, flags=flags,
            sequence=at, levels=pair,
        )
    )  # fmt: skip


class Reader:
    """A translator that knows ESZ6 as /ES (42) and NQZ6 as /NQ (43), after the header."""

    def __init__(self) -> None:
        self.tracks = {"ESZ6": SymbolTrack("/ES"), "NQZ6": SymbolTrack("/NQ")}
        self.translator = Translator("vendor:test", self.tracks)
        self.told = Told()
        self.read(HEAD + mapping(42, "ESZ6") + mapping(43, "NQZ6"))

    def read(self, data: bytes) -> list[Any]:
        events, broken = self.translator.translate(data, RECV, self.told)
        assert not broken
        return events


def test_a_trade_is_a_tick_with_the_venues_time_and_the_fixed_point_price():
    (tick,) = Reader().read(trade(at=17, price=5_432_750_000_000, size=7))
    assert (tick.ts, tick.symbol, tick.price, tick.size, tick.ts_recv) == (NOW + 17, "/ES", 5_432.75, 7.0, RECV)
    assert math.isnan(tick.bid)


def test_tbbo_gives_the_quote_that_the_print_met():
    (tick,) = Reader().read(top())
    assert (tick.price, tick.bid, tick.ask) == (25_000.25, 24_999.75, 25_000.25)
    (tick,) = Reader().read(top(bid_px=dbn.UNDEF_PRICE))
    assert math.isnan(tick.bid)


def test_quotes_are_given_out_where_their_event_ends_and_not_on_the_way_there():
    reader = Reader()
    assert reader.read(top(action=dbn.Action.ADD)) == []
    (quote,) = reader.read(top(at=1, action=dbn.Action.CANCEL, flags=dbn.F_LAST))
    assert isinstance(quote, Quote)
    assert (quote.symbol, quote.bid, quote.ask) == ("/ES", 24_999.75, 25_000.25)


def test_a_bar_carries_its_close_as_its_time():
    kind = int(dbn.RType.OHLCV_1M.value)
    record = bytes(dbn.OHLCVMsg(kind, 1, 42, NOW, 4_000_000_000, 6_000_000_000, 3_500_000_000, 5_000_000_000, 12))
    (bar,) = Reader().read(record)
    assert isinstance(bar, Bar)
    assert (bar.ts_open, bar.ts, bar.timeframe, bar.quality) == (NOW, NOW + NS_PER_MINUTE, "1", "vendor")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (4.0, 6.0, 3.5, 5.0, 12.0)


def test_flags_of_doubtful_quality_are_the_prints_conditions():
    flags = dbn.F_LAST | dbn.F_BAD_TS_RECV | dbn.F_MAYBE_BAD_BOOK
    (tick,) = Reader().read(trade(flags=flags))
    assert tick.conditions == dbn.F_BAD_TS_RECV | dbn.F_MAYBE_BAD_BOOK


def test_a_print_without_a_price_is_counted_and_left_out():
    reader = Reader()
    assert reader.read(trade(price=dbn.UNDEF_PRICE)) == []
    assert reader.read(top()) != []
    assert reader.translator.counts["print without price"] == 1


def test_what_is_not_wanted_any_more_is_passed_over():
    reader = Reader()
    reader.translator.forget(reader.tracks["NQZ6"])
    assert [tick.symbol for tick in reader.read(trade(43) + trade(42))] == ["/ES"]
    assert reader.translator.counts["of a symbol that is not wanted any more"] == 1


def test_a_number_that_was_never_told_ends_the_stream_after_what_was_good():
    reader = Reader()
    events, broken = reader.translator.translate(trade(42) + top(42, at=1) + top(99), RECV, Told())
    assert [event.ts - NOW for event in events if isinstance(event, Tick)] == [0]  # no part of a run is believed
    assert "99" in broken


def test_what_a_broken_stream_did_not_give_out_comes_with_the_replay():
    reader = Reader()
    reader.translator.translate(trade(42) + trade(99), RECV, Told())
    reader.translator.connected()
    reader.translator.expect_repeats()
    assert len(reader.read(HEAD + mapping(8, "ESZ6") + trade(8))) == 1


def test_the_days_statistics_status_and_definition_are_facts():
    kinds = {
        dbn.StatType.SETTLEMENT_PRICE: (24_900_000_000_000, 0),
        dbn.StatType.OPEN_INTEREST: (dbn.UNDEF_PRICE, 1_234),
        dbn.StatType.FIXING_PRICE: (1, 1),
    }
    stats = [bytes(dbn.StatMsg(1, 42, NOW, NOW, NOW, price, count, kind)) for kind, (price, count) in kinds.items()]
    halt = bytes(dbn.StatusMsg(1, 42, NOW, NOW, action=dbn.StatusAction.HALT))
    reader = Reader()
    assert reader.read(b"".join(stats) + halt) == []
    assert [(each.kind, each.values) for each in reader.told.facts] == [
        ("summary", {"prevDayClosePrice": 24_900.0}),
        ("summary", {"openInterest": 1_234.0}),
        ("profile", {"tradingStatus": "HALTED", "statusReason": "NONE"}),
    ]


def test_what_the_gateway_says_of_itself_is_told():
    reader = Reader()
    reader.read(
        bytes(dbn.SystemMsg(NOW, "Heartbeat", dbn.SystemCode.HEARTBEAT))
        + bytes(dbn.ErrorMsg(NOW, "no such symbol", True, dbn.ErrorCode.SYMBOL_RESOLUTION_FAILED))
    )
    assert reader.told.systems == ["HEARTBEAT"]
    assert reader.told.errors == [("SYMBOL_RESOLUTION_FAILED", "no such symbol")]


def prints(ticks: list[Any]) -> list[tuple[Any, ...]]:
    return [(tick.ts, tick.symbol, tick.price, tick.size) for tick in ticks]


@given(cuts=st.lists(st.integers(0, 3_000), max_size=12), data=st.randoms(use_true_random=False))
def test_however_the_bytes_are_cut_the_same_events_come(cuts, data):
    kinds = [trade, top]
    records = [data.choice(kinds)(data.choice((42, 43)), at=number) for number in range(30)]
    stream = HEAD + mapping(42, "ESZ6") + mapping(43, "NQZ6") + b"".join(records)
    edges = sorted({0, len(stream), *[cut for cut in cuts if cut < len(stream)]})
    translator = Translator("v", {"ESZ6": SymbolTrack("/ES"), "NQZ6": SymbolTrack("/NQ")})
    found: list[Any] = []
    for first, last in pairwise(edges):
        events, broken = translator.translate(stream[first:last], RECV, Told())
        assert not broken
        found += events
    assert prints(found) == prints(Reader().read(b"".join(records)))
    assert len(found) == 30


@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_broken_stretch_nothing_is_believed_that_was_not_sent(damage):
    rng = random.Random(5)
    for _ in range(150):
        reader = Reader()
        sent = [trade(rng.choice((42, 43)), at=number, price=rng.randrange(1, 10**14)) for number in range(20)]
        stretch = b"".join(sent[:10])
        data = damage(stretch, rng) + b"".join(sent[10:])
        events, broken = reader.translator.translate(data, RECV, Told())
        assert broken
        true = prints(Reader().read(b"".join(sent)))
        assert prints(events) == true[: len(events)]


def test_once_broken_a_stream_stays_broken():
    reader = Reader()
    assert reader.translator.translate(b"\x00" * 64, RECV, Told())[1]
    assert reader.translator.translate(trade(), RECV, Told()) == (
        [],
        "a record of kind 0x00 with 0 bytes makes no sense here",
    )
    reader.translator.connected()
    assert reader.read(HEAD + mapping(7, "ESZ6") + trade(7))


def test_a_header_that_is_none_is_refused():
    assert "DBN header" in Translator("v", {}).translate(b"HTTP/1.1 400 Bad Request", RECV, Told())[1]


# ---- replay ---------------------------------------------------------------------------------------------------------


def test_of_a_replay_only_what_was_missed_is_given_out():
    reader = Reader()
    before = [trade(42, at=number) for number in (1, 2, 3)] + [trade(42, at=3)]  # two fills of one packet
    reader.read(b"".join(before))
    assert reader.translator.expect_repeats() < NOW
    reader.translator.connected()
    reader.translator.expect_repeats()
    again = [trade(8, at=number) for number in (1, 2, 3)] + [trade(8, at=3), trade(8, at=3), trade(8, at=4)]
    found = reader.read(HEAD + mapping(8, "ESZ6") + b"".join(again))
    assert [tick.ts - NOW for tick in found] == [3, 4]  # a third fill of that packet, and the next
    reader.translator.caught_up()
    assert len(reader.read(trade(8, at=4))) == 1


def test_a_replay_brings_nothing_from_before_a_symbol_was_wanted():
    reader = Reader()
    reader.read(trade(42, at=100))
    reader.translator.connected()
    reader.translator.expect_repeats()
    found = reader.read(HEAD + mapping(8, "ESZ6") + trade(8, at=50) + trade(8, at=100) + trade(8, at=150))
    assert [tick.ts - NOW for tick in found] == [150]


# ---- genuine files --------------------------------------------------------------------------------------------------


def genuine(folder: Any, schema: str) -> tuple[bytes, list[Any]]:
    """A file's records as a live stream would send them, and the vendor's reading of them."""
    raw = zstandard.decompress(
        (folder / "dbn" / f"databento-python__GLBX.MDP3__test_data.{schema}.dbn.zst").read_bytes(),
        max_output_size=1 << 20,
    )
    decoder = dbn.DBNDecoder()
    head, *records = decoder.write_and_decode(raw)
    length = 8 + int.from_bytes(raw[4:8], "little")
    assert head.version == raw[3]
    return raw[length:], records


@pytest.mark.parametrize("schema", ["trades", "tbbo", "mbp-1", "ohlcv-1m", "definition"])
def test_genuine_records_are_read_as_the_vendors_decoder_reads_them(shared_data, schema):
    data, records = genuine(shared_data, schema)
    translator = Translator("v", {"ESH1": SymbolTrack("/ES")})
    translator.translate(HEAD + mapping(5482, "ESH1"), RECV, Told())
    told = Told()
    market, broken = translator.translate(data, RECV, told)
    assert not broken
    events = [*market, *told.facts]
    assert len(events) == len(records)
    for event, record in zip(events, records, strict=True):
        if isinstance(event, Tick):
            assert (event.ts, event.price, event.size) == (record.ts_event, record.pretty_price, record.size)
        elif isinstance(event, Quote):
            assert (event.bid, event.ask) == (record.levels[0].pretty_bid_px, record.levels[0].pretty_ask_px)
        elif isinstance(event, Bar):
            assert (event.ts_open, event.open, event.close) == (
                record.ts_event,
                record.pretty_open,
                record.pretty_close,
            )
        else:
            assert isinstance(event, SymbolFacts)
            assert (event.values["tickSize"], event.values["multiplier"]) == (0.25, 50.0)


def test_runs_are_whole_and_of_one_kind():
    framer = Framer()
    assert framer.runs(HEAD[:9]) == []
    runs = framer.runs(HEAD[9:] + trade() * 3 + top() * 2 + trade() + b"\x0c")
    assert [(run.kind, run.size, len(run.data) // run.size) for run in runs] == [(0, 48, 3), (1, 80, 2), (0, 48, 1)]
