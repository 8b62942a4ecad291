"""Fast and slow movers, found print by print and bar by bar."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.detection.movers import Mover, MoverConfig, MoverDetector, MoverGate
from engine.detection.window import SLICES, PriceWindow
from engine.model.market import Bar, Quote, Tick
from engine.model.signals import MoverDetected

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_700_000_040 * SECOND  # on the minute


def ticks(prices, *, every=SECOND, start=START, size=100.0, symbol="ABC"):
    return [Tick(start + i * every, symbol, price, size) for i, price in enumerate(prices)]


def seen(events, **config):
    detector = MoverDetector(MoverConfig(**config))
    return [fact for event in events for fact in detector.see(event)]


def test_a_rise_of_one_percent_in_a_minute_is_told_on_the_print_that_completes_it():
    prices = [100.0] * 30 + [100.2, 100.9, 100.99, 101.0, 101.5]
    facts = seen(ticks(prices))
    assert [(f.ts, f.mover, f.direction, f.price) for f in facts] == [(START + 33 * SECOND, "fast", 1, 101.0)]
    assert facts[0].change == pytest.approx(0.01)


def test_the_same_rise_over_an_hour_is_no_fast_mover():
    assert not seen(ticks([100.0 + i / 3600 for i in range(3600)]))


def test_a_fall_is_told_with_its_sign():
    (fact,) = seen(ticks([100.0, 100.5, 99.0]))
    assert (fact.direction, fact.change) == (-1, pytest.approx(99.0 / 100.5 - 1))


def test_a_mover_is_told_once_until_the_pause_is_over_and_at_once_when_it_turns():
    rise = [100.0 + i for i in range(100)]
    facts = seen(ticks(rise), again_s=30.0)
    assert [(f.ts - START) // SECOND for f in facts] == [1, 31, 61, 91]
    turned = seen(ticks([100.0, 102.0, 103.0, 101.0]), again_s=30.0)
    assert [f.direction for f in turned] == [1, -1]


def minutes(volumes, *, price=50.0, start=START, symbol="ABC"):
    return [
        Bar(start + (i + 1) * MINUTE, symbol, "1", start + i * MINUTE, price, price, price, price, volume)
        for i, volume in enumerate(volumes)
    ]


def bar_facts(events, **config):
    detector = MoverDetector(MoverConfig(**config), timeframe="1")
    return [fact for event in events for fact in detector.see(event)]


def test_volume_that_picks_up_in_a_quiet_stock_is_a_slow_mover_at_the_close_that_shows_it():
    volumes = [100.0] * 30 + [300.0, 300.0, 299.0, 400.0, 100.0]
    facts = bar_facts(minutes(volumes), again_s=3600.0)
    assert [((f.ts - START) // MINUTE, f.mover) for f in facts] == [(34, "slow")]
    assert facts[0].volume_ratio == pytest.approx((300 + 299 + 400) / 3 / ((29 * 100 + 300) / 30))


def test_the_same_volume_in_a_stock_that_moves_is_no_slow_mover():
    events = minutes([100.0] * 30 + [900.0] * 3)
    events[10] = msgspec.structs.replace(events[10], high=51.0)
    assert "slow" in {f.mover for f in bar_facts(minutes([100.0] * 30 + [900.0] * 3))}
    assert "slow" not in {f.mover for f in bar_facts(events)}


def test_prints_and_bars_find_the_same_slow_mover():
    volumes = [100.0] * 30 + [900.0] * 3
    prints = [Tick(START + i * MINUTE + 10 * SECOND, "ABC", 50.0, v) for i, v in enumerate(volumes)]
    prints.append(Tick(START + 33 * MINUTE + SECOND, "ABC", 50.0, 1.0))
    (by_bars,), (by_prints,) = bar_facts(minutes(volumes)), seen(prints)
    assert by_bars == by_prints


def test_silent_minutes_count_as_no_volume_but_a_night_begins_anew():
    trades_every_third = [Tick(START + 3 * i * MINUTE + 1, "ABC", 50.0, 300.0) for i in range(11)]
    burst = [Tick(START + 30 * MINUTE + i * 20 * SECOND + 2, "ABC", 50.0, 300.0) for i in range(12)]
    assert [f.mover for f in seen(trades_every_third + burst, traded=0.3)] == ["slow"]
    assert not seen(trades_every_third + burst, traded=0.4)
    next_day = [msgspec.structs.replace(t, ts=t.ts + 86_400 * SECOND) for t in burst]
    assert not seen(trades_every_third + next_day, traded=0.3)


def test_one_block_is_no_volume_regime():
    assert not bar_facts(minutes([100.0] * 31 + [2000.0, 90.0, 100.0, 100.0]))


def test_late_prints_quotes_and_other_timeframes_are_ignored():
    detector = MoverDetector(timeframe="1")
    assert not detector.see(Quote(START, "ABC", 1.0, 2.0))
    assert not detector.see(Tick(START, "ABC", 100.0, 1.0))
    assert not detector.see(Tick(START - SECOND, "ABC", 200.0, 1.0))
    five = Bar(START + MINUTE, "ABC", "5", START, 100.0, 200.0, 100.0, 200.0, 1.0)
    assert not detector.see(five)
    assert not detector.see(msgspec.structs.replace(five, timeframe="1", is_complete=False))


def test_symbols_do_not_disturb_each_other():
    mixed = [t for pair in zip(ticks([100.0, 100.1] * 50), ticks([50.0] * 100, symbol="X"), strict=True) for t in pair]
    assert not seen(mixed)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5_000_000_000), st.floats(1.0, 1000.0)), min_size=1, max_size=200),
    st.integers(600, 30_000_000_000),
)
def test_the_window_holds_the_extremes_of_its_span_and_at_most_a_slice_more(steps, span):
    window, at, past = PriceWindow(span), 0, []
    slice_ns = span // SLICES
    for gap, price in steps:
        at += gap
        past.append((at, price))
        window.see(at, price, price)
        surely = [p for ts, p in past if ts // slice_ns >= at // slice_ns - SLICES]
        inside = [p for ts, p in past if ts > at - SLICES * slice_ns]
        assert (window.low, window.high) == (min(surely), max(surely))
        assert window.low <= min(inside)
        assert window.high >= max(inside)
        assert len(window) <= SLICES + 1


def random_prints(seed=3, count=4000):
    rng, price, at = random.Random(seed), 100.0, START
    found = []
    for i in range(count):
        at += rng.randint(0, 4 * SECOND)
        price *= 1 + rng.gauss(0, 0.0005 if i % 900 < 850 else 0.004)
        found.append(Tick(at, "ABC", price, float(rng.randint(1, 50) * (20 if i % 1000 > 900 else 1))))
    return found


def test_a_restart_at_any_print_changes_nothing():
    config = MoverConfig(usual=10, quiet_range=0.1)
    whole, resumed = MoverDetector(config), MoverDetector(config)
    kinds = set()
    for event in random_prints():
        other = MoverDetector(config)
        other.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(resumed.snapshot())))
        resumed = other
        facts = list(whole.see(event))
        assert list(resumed.see(event)) == facts
        kinds |= {f.mover for f in facts}
    assert kinds == {"fast", "slow"}


def test_memory_does_not_grow_with_the_number_of_prints():
    detector = MoverDetector(MoverConfig(usual=10))
    sizes = []
    for event in random_prints(count=20_000):
        detector.see(event)
        sizes.append(len(msgspec.msgpack.encode(detector.snapshot())))
    assert max(sizes) <= 2 * 61 * 20 + 13 * 40 + 200


def test_a_filter_of_one_kind_ignores_the_other():
    mover = Mover("ABC")
    for t in ticks([100.0, 102.0]):
        mover.see_tick(t.ts, t.price, t.size)
    now = START + SECOND
    answers = {kind: mover.is_mover(kind, now) for kind in ("any", "fast", "slow", "both")}
    assert answers == {"any": True, "fast": True, "slow": False, "both": True}
    assert not mover.is_mover("fast", now + 301 * SECOND)


def test_the_gate_of_a_slot_opens_with_the_bar_that_shows_the_mover():
    fast, slow = MoverGate("fast"), MoverGate("slow")
    calm = minutes([100.0] * 5)
    jump = Bar(START + 6 * MINUTE, "ABC", "1", START + 5 * MINUTE, 50.0, 51.0, 50.0, 51.0, 100.0)
    assert [fast.see_bar(b) for b in [*calm, jump]] == [False] * 5 + [True]
    assert not any(slow.see_bar(b) for b in [*calm, jump])


def test_the_fact_survives_its_encoding():
    fact = seen(ticks([100.0, 102.0]))[0]
    assert msgspec.json.decode(msgspec.json.encode(fact), type=MoverDetected) == fact


def test_a_detector_forgets_a_symbol_whose_data_had_a_gap():
    detector = MoverDetector()
    detector.see(Tick(START, "ABC", 100.0, 1.0))
    detector.forget("ABC")
    assert not detector.see(Tick(START + SECOND, "ABC", 200.0, 1.0))
