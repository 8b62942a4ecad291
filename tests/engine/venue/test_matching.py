"""The simulated venue: which event fills which order, at which price."""

from decimal import Decimal
from typing import Any

import pytest

from engine.errors import SnapshotIncompatible
from engine.model.enums import OrderIntent, OrderType, Side, TimeInForce
from engine.model.market import PartialBar, Quote
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
)
from engine.venue.fees import PerUnitFees, ProportionalFees
from engine.venue.fills import LastFill
from engine.venue.latency import FixedLatency, LogNormalLatency
from engine.venue.matching import SimulatedVenue
from engine.venue.slippage import FixedSlippage, SpreadSlippage, VolumeShareSlippage
from tests.engine.scenario import INSTRUMENTS, MINUTE, bar, tick

BUY, SELL = Side.BUY, Side.SELL


def venue(**models):
    return SimulatedVenue(instruments=INSTRUMENTS, **models)


def order(side=BUY, quantity=10, kind=OrderType.MARKET, *, name="o1", **fields):
    prices: dict[str, Any] = {
        key: Decimal(str(fields.pop(key))) for key in ("limit_price", "stop_price", "trail") if key in fields
    }
    fields = {"symbol": "SPY", "strategy": "s", "broker": "sim", "intent": OrderIntent.ENTRY, **prices, **fields}
    return Order(client_id=name, side=side, quantity=Decimal(quantity), type=kind, **fields)


def place(venue, instruction, ts=MINUTE):
    return venue.execute(ApprovedOrder(ts, instruction))


def fills(venue, *events):
    return [
        (report.ts, report.price, report.quantity)
        for event in events
        for report in list(venue.match(event))
        if isinstance(report, OrderFilled)
    ]


def test_a_market_order_fills_at_the_next_bars_open_stamped_with_its_start():
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, order())
    assert fills(v, bar(2, 103, open_=101)) == [(MINUTE, Decimal(101), Decimal(10))]


@pytest.mark.parametrize(
    ("instruction", "second", "price"),
    [
        (order(BUY, kind=OrderType.LIMIT, limit_price=99), bar(2, 99.5, open_=100, low=99), "99"),
        (order(BUY, kind=OrderType.LIMIT, limit_price=99), bar(2, 99, open_=98.5), "98.50"),
        (order(SELL, kind=OrderType.LIMIT, limit_price=101), bar(2, 100, open_=100, high=101.2), "101"),
        (order(SELL, kind=OrderType.LIMIT, limit_price=101), bar(2, 102, open_=102), "102"),
        (order(SELL, kind=OrderType.STOP, stop_price=99), bar(2, 100, open_=100, low=98), "99"),
        (order(SELL, kind=OrderType.STOP, stop_price=99), bar(2, 98, open_=97), "97"),
        (order(BUY, kind=OrderType.STOP, stop_price=101), bar(2, 100, open_=100, high=105), "101"),
        (order(BUY, kind=OrderType.STOP, stop_price=101), bar(2, 104, open_=103), "103"),
        (order(SELL, kind=OrderType.STOP_LIMIT, stop_price=99, limit_price=98), bar(2, 99, open_=100), "99"),
    ],
    ids=[
        "limit-touched", "limit-gapped-in-favour", "sell-limit-touched", "sell-limit-gapped-in-favour", "stop-touched",
        "stop-gapped-through-fills-at-the-open", "buy-stop-touched", "buy-stop-gapped", "stop-limit",
    ],
)  # fmt: skip
def test_levels_inside_a_bar_and_at_its_open(instruction, second, price):
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, instruction)
    assert [price_ for _, price_, _ in fills(v, second)] == [Decimal(price)]


@pytest.mark.parametrize(
    ("instruction", "second"),
    [
        (order(BUY, kind=OrderType.LIMIT, limit_price=99), bar(2, 100, low=99.01)),
        (order(SELL, kind=OrderType.STOP, stop_price=99), bar(2, 100, low=99.01)),
        (order(SELL, kind=OrderType.STOP_LIMIT, stop_price=99, limit_price=98.5), bar(2, 97, open_=97, high=98)),
    ],
    ids=["limit-not-reached", "stop-not-reached", "stop-limit-jumped"],
)
def test_what_is_not_reached_waits(instruction, second):
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, instruction)
    assert not fills(v, second)
    assert v.working == [instruction]


def test_a_jumped_stop_limit_fills_when_the_price_comes_back():
    v = venue()
    place(v, order(SELL, kind=OrderType.STOP_LIMIT, stop_price=99, limit_price=98.5))
    assert fills(v, bar(2, 97, open_=97), bar(3, 98.6, open_=97)) == [(3 * MINUTE, Decimal("98.50"), Decimal(10))]


def test_a_trailing_stop_ratchets_and_never_steps_back():
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, order(SELL, kind=OrderType.TRAILING_STOP, trail=2))
    assert not fills(v, bar(2, 104, open_=100), bar(3, 103, open_=103, low=102.5))
    assert fills(v, bar(4, 101, open_=103)) == [(4 * MINUTE, Decimal(102), Decimal(10))]


def test_a_trailing_stop_is_hit_when_the_close_lies_below_the_level_the_same_bar_raised():
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, order(SELL, kind=OrderType.TRAILING_STOP, trail=2))
    assert fills(v, bar(2, 101, open_=100, high=110)) == [(2 * MINUTE, Decimal(108), Decimal(10))]


def test_when_a_bar_touches_both_the_stop_is_taken_and_marked_ambiguous():
    v = venue()
    place(v, order(SELL, kind=OrderType.STOP, stop_price=99, name="stop", group="g"))
    place(v, order(SELL, kind=OrderType.LIMIT, limit_price=101, name="target", group="g"))
    reports = list(v.match(bar(2, 100, open_=100, high=102, low=98)))
    assert [(type(r), r.client_id) for r in reports] == [(OrderFilled, "stop"), (OrderCancelled, "target")]
    assert reports[0].is_ambiguous
    assert not v.working


def test_targets_reduce_the_stop_and_the_stop_ends_them():
    v = venue()
    place(v, order(SELL, 10, OrderType.STOP, stop_price=95, name="stop", group="g"))
    place(v, order(SELL, 4, OrderType.LIMIT, limit_price=101, name="t1", group="g"))
    place(v, order(SELL, 6, OrderType.LIMIT, limit_price=102, name="t2", group="g"))
    assert fills(v, bar(2, 100, open_=100, high=101.5)) == [(2 * MINUTE, Decimal(101), Decimal(4))]
    reports = list(v.match(bar(3, 95, open_=100, low=94)))
    filled = [(r.client_id, r.quantity) for r in reports if isinstance(r, OrderFilled)]
    assert filled == [("stop", Decimal(6))]
    assert {r.client_id for r in reports if isinstance(r, OrderCancelled)} == {"stop", "t2"}


def test_ticks_trigger_at_the_touch():
    v = venue()
    list(v.match(tick(1, 100.0, bid=99.99, ask=100.01)))
    place(v, order(SELL, kind=OrderType.STOP, stop_price=99), ts=1)
    assert not fills(v, tick(2, 99.01))
    assert fills(v, tick(3, 98.97, bid=98.95, ask=98.98)) == [(3, Decimal("98.95"), Decimal(10))]


def test_a_limit_on_ticks_fills_at_its_price_once_the_far_side_reaches_it():
    v = venue()
    list(v.match(tick(1, 100.0, bid=99.99, ask=100.01)))
    place(v, order(BUY, kind=OrderType.LIMIT, limit_price=99.5), ts=1)
    assert not fills(v, tick(2, 99.6, bid=99.59, ask=99.61))
    assert fills(v, tick(3, 99.4, bid=99.38, ask=99.41)) == [(3, Decimal("99.50"), Decimal(10))]


def test_quotes_alone_fill_a_market_order():
    v = venue()
    place(v, order(SELL), ts=1)
    assert fills(v, Quote(2, "SPY", 99.9, 100.1)) == [(2, Decimal("99.90"), Decimal(10))]


def partial(ts, close, low, high):
    return PartialBar(ts, "SPY", "1", 0, 100.0, 110.0, 90.0, close, 1.0, 1, high, low)


def test_a_level_between_two_partial_bars_is_seen():
    v = venue()
    list(v.match(partial(1, 100.0, 100.0, 100.0)))
    place(v, order(SELL, kind=OrderType.STOP, stop_price=99), ts=1)
    assert not fills(v, partial(2, 100.0, 98.0, 100.0))  # its range may have been before the order
    assert fills(v, partial(3, 100.0, 98.5, 100.5)) == [(3, Decimal(99), Decimal(10))]


def test_once_ticks_were_seen_bars_fill_nothing():
    v = venue()
    list(v.match(tick(1, 100.0)))
    place(v, order(), ts=2)
    assert not fills(v, bar(2, 100))
    assert fills(v, tick(2 * MINUTE, 100.5)) == [(2 * MINUTE, Decimal("100.50"), Decimal(10))]


def test_an_explicit_timeframe_is_the_only_one_matched_on():
    v = venue(matching={"SPY": "5"})
    place(v, order(), ts=5 * MINUTE)
    assert not fills(v, bar(6, 100), tick(6 * MINUTE, 100.0))
    assert fills(v, bar(10, 103, open_=101, timeframe="5")) == [(9 * MINUTE, Decimal(101), Decimal(10))]


def test_the_finest_timeframe_is_matched_on_by_itself():
    v = venue()
    list(v.match(bar(5, 100, timeframe="5")))
    list(v.match(bar(5, 100)))
    place(v, order(), ts=5 * MINUTE)
    assert not fills(v, bar(10, 103, open_=101, timeframe="5"))
    assert fills(v, bar(6, 100)) == [(5 * MINUTE, Decimal(100), Decimal(10))]


def test_participation_spreads_an_order_over_events():
    v = venue(participation=0.01)
    place(v, order(quantity=25))
    got = fills(v, bar(2, 100, volume=1000), bar(3, 101, open_=101, volume=1000), bar(4, 102, open_=102, volume=1000))
    assert [(price, quantity) for _, price, quantity in got] == [
        (Decimal(100), Decimal(10)),
        (Decimal(101), Decimal(10)),
        (Decimal(102), Decimal(5)),
    ]


def test_immediate_or_cancel_drops_the_rest():
    v = venue(participation=0.01)
    place(v, order(quantity=25, tif=TimeInForce.IOC))
    reports = list(v.match(bar(2, 100, volume=1000)))
    assert [type(r) for r in reports] == [OrderFilled, OrderCancelled]
    assert not v.working


def test_latency_lets_the_next_open_pass():
    v = venue(latency=FixedLatency(1_000_000))
    place(v, order(), ts=MINUTE)
    assert not fills(v, bar(2, 100))
    assert fills(v, bar(3, 102, open_=101)) == [(2 * MINUTE, Decimal(101), Decimal(10))]
    place(v, order(name="o2"), ts=3 * MINUTE)
    assert v.cancel(CancelRequested(3 * MINUTE, "o2", "sim", "SPY", "changed my mind")) == []
    assert [type(r) for r in v.match(bar(5, 100))] == [OrderCancelled]


def test_random_latency_is_the_seeds():
    def delays(seed):
        v = venue(latency=LogNormalLatency(1_000_000), seed=seed)
        for number in range(20):
            place(v, order(name=f"o{number}"))
        return [w.active_ts for book in v._books.values() for w in book]

    assert delays(1) == delays(1) != delays(2)


@pytest.mark.parametrize(
    ("slippage", "price"),
    [
        (FixedSlippage(ticks=2), "100.02"),
        (SpreadSlippage(share=0.5, default_ticks=4), "100.02"),
        (VolumeShareSlippage(impact=0.1, limit=1.0), "100.01"),
    ],
)
def test_slippage_always_costs(slippage, price):
    for side, sign in ((BUY, 1), (SELL, -1)):
        v = venue(slippage=slippage)
        place(v, order(side))
        expected = Decimal(100) + sign * (Decimal(price) - 100)
        assert [p for _, p, _ in fills(v, bar(2, 100, volume=1000))] == [expected]


def test_limits_know_no_slippage():
    v = venue(slippage=FixedSlippage(5))
    place(v, order(BUY, kind=OrderType.LIMIT, limit_price=99))
    assert [p for _, p, _ in fills(v, bar(2, 100, low=98))] == [Decimal(99)]


def test_last_fill_ignores_the_quote():
    v = venue(fill=LastFill())
    place(v, order(), ts=1)
    assert [p for _, p, _ in fills(v, tick(2, 100.0, bid=99.0, ask=101.0))] == [Decimal(100)]


def test_fees_per_share_have_their_minimum_once_per_order():
    v = venue(fees=PerUnitFees(Decimal("0.005"), minimum=Decimal("1.00")), participation=0.1)
    place(v, order(quantity=300))
    charged = [r.fee for e in (bar(2, 100), bar(3, 100), bar(4, 100)) for r in v.match(e) if isinstance(r, OrderFilled)]
    assert charged == [Decimal("1.00"), Decimal(0), Decimal("0.500")]


def test_proportional_fees_are_of_the_traded_value():
    v = venue(fees={"sim": ProportionalFees(Decimal("0.0001"))})
    place(v, order(symbol="/ES", quantity=2))
    report = next(iter(v.match(bar(2, 5000, symbol="/ES"))))
    assert report.fee == Decimal("50.0000")


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        (order(symbol="XYZ"), "does not know"),
        (order(quantity=0), "above 0"),
        (order(kind=OrderType.LIMIT), "needs a limit price"),
        (order(kind=OrderType.STOP), "needs a stop price"),
        (order(kind=OrderType.TRAILING_STOP), "needs its distance"),
    ],
)
def test_an_order_that_makes_no_sense_is_rejected_in_words(instruction, words):
    (report,) = place(venue(), instruction)
    assert isinstance(report, OrderRejected)
    assert words in report.reason


def test_the_same_id_twice_is_rejected():
    v = venue()
    assert isinstance(place(v, order())[0], OrderAccepted)
    assert isinstance(place(v, order())[0], OrderRejected)


def test_the_reference_is_the_price_when_the_order_was_sent():
    v = venue()
    list(v.match(bar(1, 100.5)))
    place(v, order())
    assert next(iter(v.match(bar(2, 101, open_=101)))).reference_price == 100.5


def test_a_snapshot_continues_every_order():
    v = venue(latency=LogNormalLatency(1_000_000), seed=3)
    list(v.match(bar(1, 100)))
    place(v, order(SELL, kind=OrderType.TRAILING_STOP, trail=2))
    place(v, order(BUY, kind=OrderType.LIMIT, limit_price=90, name="o2"))
    list(v.match(bar(3, 104, open_=100)))
    w = venue(latency=LogNormalLatency(1_000_000), seed=99)
    w.restore(v.snapshot())
    assert w.working == v.working
    place(v, order(name="o3"), ts=3 * MINUTE)
    place(w, order(name="o3"), ts=3 * MINUTE)
    later = [bar(5, 101, open_=104), bar(6, 89, open_=91)]
    assert fills(w, *later) == fills(v, *later)
    with pytest.raises(SnapshotIncompatible):
        w.restore(b"\x80")
