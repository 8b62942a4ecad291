"""DXLink's data to our events: fields in any order, both formats, words for numbers, what is no print."""

import math
from typing import Any

import msgspec
import pytest

from engine.model.market import Quote, Tick
from engine.model.time import NS_PER_MS
from marketdata.feeds.dxlink import messages
from marketdata.feeds.dxlink.translate import FIELDS, Translator
from marketdata.feeds.errors import FeedProtocolError

NOW_MS = 1_763_735_400_123
RECV = NOW_MS * NS_PER_MS + 5


def translator(prints: str = "auto", *names: str) -> Translator:
    made = Translator(prints=prints)
    for name in names or ("SPY",):
        made.add(name, name)
    return made


def translated(made: Translator, data: Any) -> list[Any]:
    """The events of one FEED_DATA, untyped: the tests look at fields that only some events have."""
    return list(made.translate(data, RECV))


def sale(**changes: Any) -> list[Any]:
    known: dict[str, Any] = {
        "eventSymbol": "SPY", "time": NOW_MS, "timeNanoPart": 42, "index": 7, "price": 500.25, "size": 3.0,
        "bidPrice": 500.24, "askPrice": 500.26, "validTick": True, "type": "NEW",
    }  # fmt: skip
    return [{**known, **changes}[name] for name in FIELDS["TimeAndSale"]]


def trade(**changes: Any) -> list[Any]:
    known = {"eventSymbol": "SPY", "time": NOW_MS, "timeNanoPart": 0, "price": 500.25, "size": 3.0, "dayVolume": 1000.0}
    return [{**known, **changes}[name] for name in FIELDS["Trade"]]


def test_a_sale_becomes_a_tick_with_nanoseconds_and_its_quote():
    (tick,) = translated(translator(), ["TimeAndSale", sale()])
    assert tick == Tick(NOW_MS * NS_PER_MS + 42, "SPY", 500.25, 3.0, 500.24, 500.26, 0, RECV)


def test_the_servers_own_order_of_fields_is_followed():
    made = translator()
    made.configure({"TimeAndSale": ["price", "extra", "eventSymbol", "time", "size"]})
    (tick,) = translated(made, ["TimeAndSale", [1.5, "?", "SPY", NOW_MS, 2.0]])
    assert (tick.price, tick.size, tick.ts) == (1.5, 2.0, NOW_MS * NS_PER_MS)
    assert math.isnan(tick.bid)


def test_several_pairs_in_one_message_are_all_read():
    events = translator("trade").translate(
        [
            "Quote",
            ["SPY", 0, 0, 1.0, 2.0, 3.0, 4.0],
            "Profile",
            ["SPY", *[None] * 8],
            "Quote",
            ["SPY", 0, 0, 1.0, 3.0, 1, 1],
        ],
        RECV,
    )
    assert [type(event).__name__ for event in events] == ["Quote", "SymbolFacts", "Quote"]


def test_full_format_gives_the_same():
    event = {"eventType": "TimeAndSale", **dict(zip(FIELDS["TimeAndSale"], sale(), strict=True))}
    assert translated(translator(), [event]) == translated(translator(), ["TimeAndSale", sale()])


@pytest.mark.parametrize(("size", "expected"), [("NaN", 0.0), (None, 0.0), (7, 7.0), (2.5, 2.5)])
def test_an_absent_size_is_none_and_whole_numbers_are_numbers(size, expected):
    (tick,) = translated(translator(), ["TimeAndSale", sale(size=size, price=500)])
    assert (tick.size, tick.price, type(tick.price)) == (expected, 500.0, float)


def test_a_print_without_a_price_is_none():
    made = translator()
    assert translated(made, ["TimeAndSale", sale(price="NaN")]) == []
    assert made.counts["print without price"] == 1


def test_invalid_prints_are_counted_and_left_out():
    made = translator()
    assert translated(made, ["TimeAndSale", sale(validTick=False)]) == []
    assert sum(made.counts.values()) == 1


def test_a_correction_of_a_print_that_is_not_remembered_is_told_by_its_time():
    made = translator()
    ts = NOW_MS * NS_PER_MS + 42
    (changed,) = translated(made, ["TimeAndSale", sale(index=1, type="CORRECTION", price=500.75)])
    assert (changed.original.ts, changed.replacement.ts, changed.replacement.price) == (ts, ts, 500.75)
    assert changed.original.price != changed.original.price
    (gone,) = translated(made, ["TimeAndSale", sale(index=2, type="CANCEL", price=500.5, size=7.0)])
    assert (gone.original, gone.replacement) == (Tick(ts, "SPY", 500.5, 7.0), None)
    assert not changed.is_known
    assert not gone.is_known


def test_a_sale_that_comes_twice_counts_once_and_one_that_comes_late_counts():
    made = translator()
    values = [*sale(index=1), *sale(index=3), *sale(index=3), *sale(index=2), *sale(index=2), *sale(index=1)]
    assert len(translated(made, ["TimeAndSale", values])) == 3
    assert made.counts["duplicate print"] == 3


def test_the_first_trade_after_a_subscription_is_the_last_known_value_and_no_print():
    made = translator("trade")
    values = [*trade(), *trade(dayVolume=1003.0), *trade(dayVolume=1006.0)]
    assert len(translated(made, ["Trade", values])) == 2
    made.add("SPY", "SPY")  # subscribed again after a reconnect
    assert translated(made, ["Trade", trade(dayVolume=1009.0)]) == []


def test_what_is_subscribed_again_on_a_line_that_is_up_loses_no_print_that_is_new():
    made = translator("trade")
    translated(made, ["Trade", [*trade(), *trade(dayVolume=1003.0)]])
    made.wake(["SPY"])
    assert translated(made, ["TradeETH", trade(time=NOW_MS - 9_000_000, dayVolume=77.0)]) == []
    assert translated(made, ["Trade", trade(dayVolume=1003.0)]) == []
    assert len(translated(made, ["Trade", trade(time=NOW_MS + 1, dayVolume=1006.0)])) == 1
    made.wake(["SPY"])  # this time the venue repeats nothing
    assert len(translated(made, ["Trade", trade(time=NOW_MS + 2, dayVolume=1009.0)])) == 1


def test_a_trade_that_does_not_move_the_days_volume_is_a_repetition():
    made = translator("trade")
    values = [*trade(), *trade(dayVolume=1003.0), *trade(dayVolume=1003.0)]
    assert len(translated(made, ["Trade", values])) == 1


def test_trades_of_an_index_have_no_volume_and_all_count():
    made = translator("trade", "SPX")
    values = [
        part for price in (1.0, 2.0, 2.0) for part in trade(eventSymbol="SPX", price=price, dayVolume="NaN", size="NaN")
    ]
    assert len(translated(made, ["Trade", values])) == 2


def test_sales_end_the_use_of_trades_and_no_print_is_counted_twice():
    made = translator()
    translated(made, ["Trade", trade()])  # the last known value
    ticks = translated(made, ["Trade", trade(time=NOW_MS + 1, dayVolume=1001.0)])
    ticks += translated(made, ["Trade", trade(time=NOW_MS + 2, dayVolume=1002.0)])
    sales = [*sale(time=NOW_MS + 1, timeNanoPart=0), *sale(time=NOW_MS + 2, timeNanoPart=0, index=8)]
    ticks += translated(made, ["TimeAndSale", [*sales, *sale(time=NOW_MS + 3, index=9)]])
    ticks += translated(made, ["Trade", trade(time=NOW_MS + 3, dayVolume=1003.0)])
    assert [tick.ts // NS_PER_MS - NOW_MS for tick in ticks] == [1, 2, 3]


def test_a_quote_without_a_time_is_as_old_as_the_last_print():
    made = translator()
    translated(made, ["TimeAndSale", sale()])
    (quote,) = made.translate(["Quote", ["SPY", 0, 0, 1.0, "NaN", 3.0, "NaN"]], RECV + 9)
    assert isinstance(quote, Quote)
    assert (quote.ts, quote.bid, quote.ts_recv) == (NOW_MS * NS_PER_MS + 42, 1.0, RECV + 9)
    assert math.isnan(quote.ask)


def test_unknown_events_are_counted_and_said_once(caplog):
    made = translator()
    for _ in range(3):
        assert translated(made, ["Order", [1, 2, 3]]) == []
    assert made.counts["unknown event type 'Order'"] == 3
    assert caplog.text.count("Order") == 1


@pytest.mark.parametrize(
    "data",
    [
        "text",
        ["TimeAndSale", "x"],
        ["TimeAndSale", sale()[:-1]],
        ["TimeAndSale", sale(price="abc")],
        ["Quote", [{}] * 7],
    ],
)
def test_what_cannot_be_read_is_refused(data):
    with pytest.raises(FeedProtocolError):
        translator("auto", "SPY").translate(data, RECV)


def test_an_index_beyond_two_to_the_53rd_keeps_every_digit():
    frame = b'{"type":"FEED_DATA","channel":1,"data":["Candle",["SPY{=m}",0,7460310882602450945,1,0,1,1,1,1,1,1,1]]}'
    made = translator()
    made.translate(messages.decoder.decode(frame).data, RECV)
    assert made.candles[0].key == 7460310882602450945


def test_long_subscriptions_are_split_below_the_servers_limit():
    wanted = [messages.Subscription("Quote", f"SYM{number:05d}") for number in range(2_000)]
    frames = list(messages.subscribe(3, wanted))
    assert len(frames) > 5
    assert max(map(len, frames)) <= 8_192
    added = [item for frame in frames for item in msgspec.json.decode(frame)["add"]]
    assert [item["symbol"] for item in added] == [each.symbol for each in wanted]


def test_a_correction_and_a_cancellation_name_the_print_that_they_change():
    made = translator()
    (tick,) = translated(made, ["TimeAndSale", sale()])
    (corrected,) = translated(made, ["TimeAndSale", sale(price=500.75, type="CORRECTION")])
    assert (corrected.original, corrected.replacement.price, corrected.replacement.ts) == (tick, 500.75, tick.ts)
    (taken_back,) = translated(made, ["TimeAndSale", sale(price=500.75, type="CANCEL")])
    assert (taken_back.original, taken_back.replacement) == (corrected.replacement, None)
    assert translated(made, ["TimeAndSale", sale(type="CANCEL")]) == []  # it is gone already


def lost(made: Translator, *, after_s: float = 3.0) -> list[Any]:
    return list(made.lost(RECV + int(after_s * 1e9)))


def test_volume_that_no_print_explains_is_a_gap_with_its_time():
    made = translator()
    translated(made, ["Trade", trade(timeNanoPart=45)])  # the last known value: 1,000 were traded until now
    translated(made, ["TimeAndSale", sale(index=2, timeNanoPart=50)])
    translated(made, ["Trade", trade(timeNanoPart=50, dayVolume=1_003.0)])
    assert lost(made) == []
    translated(made, ["Trade", trade(timeNanoPart=70, dayVolume=1_013.0)])
    (gap,) = lost(made, after_s=6.0)
    assert (gap.symbol, gap.since, gap.ts) == ("SPY", NOW_MS * NS_PER_MS + 50, NOW_MS * NS_PER_MS + 70)
    assert gap.reason == "the venue traded 10 and 0 of it was received"
    assert lost(made, after_s=9.0) == []


def test_prints_that_came_before_any_volume_are_a_gap():
    """What was lost among them is in the first volume that came, with all that was traded before them."""
    made = translator()
    translated(made, ["TimeAndSale", sale(index=1)])
    translated(made, ["Trade", trade(timeNanoPart=45)])
    (gap,) = lost(made)
    assert (gap.since, gap.ts) == (NOW_MS * NS_PER_MS + 42, NOW_MS * NS_PER_MS + 45)
    assert lost(made, after_s=6.0) == []


def test_prints_are_counted_from_the_volume_that_was_known_when_the_first_sale_came():
    made = translator()
    translated(made, ["Trade", trade(timeNanoPart=40)])  # the last known value
    translated(made, ["Trade", trade(timeNanoPart=41, size=2.0, dayVolume=1_002.0)])
    translated(made, ["TimeAndSale", sale(index=2, timeNanoPart=45)])
    translated(made, ["TimeAndSale", sale(index=3, timeNanoPart=50)])
    translated(made, ["Trade", trade(timeNanoPart=50, dayVolume=1_018.0)])
    (gap,) = lost(made)
    assert (gap.since, gap.ts) == (NOW_MS * NS_PER_MS + 41, NOW_MS * NS_PER_MS + 50)
    assert gap.reason == "the venue traded 16 and 6 of it was received"


def test_prints_that_make_no_price_count_in_the_volume_all_the_same():
    made = translator()
    translated(made, ["TimeAndSale", sale(index=1)])
    translated(made, ["Trade", trade(timeNanoPart=42)])
    translated(made, ["TimeAndSale", sale(index=2, timeNanoPart=50, size=8.0, validTick=False)])
    translated(made, ["Trade", trade(timeNanoPart=50, dayVolume=1_008.0)])
    assert lost(made) == []


@pytest.mark.parametrize(("check", "found"), [("sales", 0), ("always", 1), ("never", 0)])
def test_bundled_trades_are_a_loss_only_where_that_is_asked_for(check, found):
    made = Translator(prints="trade", volume_check=check)
    made.add("SPY", "SPY")
    translated(made, ["Trade", trade()])
    translated(made, ["Trade", trade(timeNanoPart=50, size=3.0, dayVolume=1_003.0)])
    translated(made, ["Trade", trade(timeNanoPart=60, size=3.0, dayVolume=1_010.0)])
    lost(made)
    assert len(lost(made, after_s=6.0)) == found
