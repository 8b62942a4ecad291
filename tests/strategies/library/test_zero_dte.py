"""0DTE on the index: calls and puts by the cross, nothing late, flat before the bell."""

from datetime import date
from decimal import Decimal

import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.instruments.options import is_option
from engine.instruments.sessions import calendar
from engine.model.commands import ManualSignal
from engine.model.market import Bar, TimeAdvanced
from engine.model.signals import Signal
from engine.options.synthetic import SyntheticChains
from engine.simulation import step_with_options
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from strategies.library.zero_dte import ZeroDte
from strategies.registry import STRATEGIES, parse_params

MINUTE = 60_000_000_000
SPX = instrument_for("SPX")
FAST = {"period_1": 2, "period_2": 4}
WHOLE_DAY, HALF_DAY = date(2023, 11, 22), date(2023, 11, 24)


def session(day):
    found = calendar("XNYS").session_on(day)
    assert found is not None
    return found


def day_of_bars(day, *, every=7):
    """Minutes of one day; the price turns every seven bars, so that the averages cross again and again."""
    opens, closes = session(day)
    price, bars = 4500.0, []
    for i, at in enumerate(range(opens, closes, MINUTE)):
        before, price = price, price + (3.0 if (i // every) % 2 else -3.0)
        bars.append(Bar(at + MINUTE, "SPX", "1", at, before, max(before, price), min(before, price), price, 0.0))
    return bars


class World:
    def __init__(self, strategy="zero_dte", **params):
        known = FAST if strategy == "zero_dte" else {}
        slot = SlotConfig(strategy, "SPX", "1", known | params, {"sim": Decimal(1)})
        config = EngineConfig(run="z", slots=(slot,), instruments={"SPX": SPX})
        self.engine = Engine(config, strategies=STRATEGIES)
        self.venue = SimulatedVenue(instruments={"SPX": SPX})
        self.chains = SyntheticChains()
        self.signals = []

    def run(self, events):
        for event in events:
            out = step_with_options(self.engine, self.venue, event, self.chains)
            self.signals += [e for e in out if isinstance(e, Signal)]
        return self

    @property
    def held(self):
        return sum(p.quantity for p in self.engine.positions)


def test_a_cross_above_means_a_call_and_a_cross_below_a_put():
    signals = World().run(day_of_bars(WHOLE_DAY)).signals
    reasons = {(s.target, s.reason) for s in signals if s.target}
    assert reasons == {(1, "call_on_cross_above"), (-1, "put_on_cross_below")}
    assert all(s.evidence["spot"] > 0 and "line_1" in s.evidence for s in signals if s.target)


@pytest.mark.parametrize("day", [WHOLE_DAY, HALF_DAY])
def test_nothing_is_entered_late_and_nothing_is_held_at_the_cut_off(day):
    close = session(day).close
    world = World(close_before_minutes=15, last_entry_minutes=30)
    for bar in day_of_bars(day):
        world.run([bar])
        assert all(is_option(p.symbol) for p in world.engine.positions), "the index itself is never traded"
        if bar.ts > close - 15 * MINUTE:
            assert world.held == 0, f"{(close - bar.ts) / MINUTE:g} minutes before the close"
    entries = [s.ts for s in world.signals if s.target]
    assert max(entries) < close - 30 * MINUTE
    assert max(entries) > close - 50 * MINUTE
    assert world.signals[-1].reason == "cut_off"
    assert world.signals[-1].ts == close - 15 * MINUTE


@pytest.mark.parametrize("day", [WHOLE_DAY, HALF_DAY])
def test_the_exit_engine_closes_at_the_cut_off_although_no_bar_comes(day):
    close = session(day).close
    world = World(close_before_minutes=15)
    world.run([bar for bar in day_of_bars(day) if bar.ts <= close - 31 * MINUTE])
    assert world.held != 0
    world.run([TimeAdvanced(close - 16 * MINUTE)])
    assert world.held != 0
    world.run([TimeAdvanced(close - 15 * MINUTE)])
    last = day_of_bars(day)[-14]
    world.run([last])
    assert world.held == 0


def test_before_the_open_and_after_the_close_nothing_is_entered():
    opens, closes = session(WHOLE_DAY)
    early = day_of_bars(WHOLE_DAY)
    shift = closes - opens + MINUTE
    outside = [
        Bar(b.ts + shift, "SPX", "1", b.ts_open + shift, b.open, b.high, b.low, b.close, b.volume) for b in early[:300]
    ]
    assert not World().run(outside).signals


def test_a_persons_signal_overrides_it_and_the_next_cross_is_followed_again():
    world = World().run(day_of_bars(WHOLE_DAY)[:60])
    before = world.signals[-1].target
    now = world.engine.now
    world.run([ManualSignal(now, "m1", "ann", "zero_dte", "SPX", -before, "manual")])
    assert (world.signals[-1].target, world.signals[-1].reason) == (-before, "manual")
    count = len(world.signals)
    world.run(day_of_bars(WHOLE_DAY)[60:120])
    later = world.signals[count:]
    assert later
    assert {s.reason for s in later} <= {"call_on_cross_above", "put_on_cross_below"}


def test_an_entry_that_could_not_live_until_the_cut_off_is_no_configuration():
    with pytest.raises(InvalidInput) as caught:
        parse_params("zero_dte", {"close_before_minutes": 30, "last_entry_minutes": 10})
    assert caught.value.field == "last_entry_minutes"


def test_the_old_name_finds_it():
    assert STRATEGIES["zeroday"] is ZeroDte
