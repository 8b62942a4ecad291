"""Arbiter, planner and correlation: which wish is followed, as which order."""

import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision.arbiter import Claim, choose
from engine.decision.correlation import CorrelationConfig, Correlations
from engine.decision.planner import next_leg
from engine.model.enums import OrderIntent, Side
from engine.model.signals import SignalSuppressed
from tests.engine.scenario import World, bar, slot

D = Decimal
QUANTITIES = st.integers(-20, 20).map(D)


@given(target=QUANTITIES, position=QUANTITIES, working=QUANTITIES, is_linked=st.booleans())
def test_following_the_legs_always_arrives_and_never_holds_both_sides(target, position, working, is_linked):
    held, legs = position + working, 0
    while leg := next_leg(target=target, position=held, working=D(0), is_linked=is_linked):
        after = held + leg.quantity * leg.side.sign
        assert not (is_linked and held * after < 0)
        assert leg.is_last is (after == target)
        held, legs = after, legs + 1
    assert held == target
    assert legs <= (2 if is_linked else 1)


@pytest.mark.parametrize(
    ("position", "target", "intent"),
    [
        (0, 5, OrderIntent.ENTRY),
        (5, 0, OrderIntent.EXIT),
        (5, -5, OrderIntent.REVERSAL),
        (5, 8, OrderIntent.ENTRY),
        (-5, -2, OrderIntent.ADJUST),
    ],
)
def test_an_order_says_what_it_does_to_the_position(position, target, intent):
    leg = next_leg(target=D(target), position=D(position), working=D(0), is_linked=False)
    assert leg is not None
    assert leg.intent is intent
    assert leg.side is (Side.BUY if target > position else Side.SELL)


def test_what_is_working_is_not_ordered_again():
    assert next_leg(target=D(5), position=D(2), working=D(3), is_linked=False) is None


@given(st.permutations([Claim("b", 1, 0.9), Claim("a", 1, 0.9), Claim("c", 1, 0.5), Claim("d", 0, 1.0)]))
def test_the_winner_does_not_depend_on_the_order_of_the_wishes(claims):
    assert claims[choose(claims)] == Claim("a", 1, 0.9)


def test_correlation_equals_numpys():
    rng = random.Random(7)
    correlations = Correlations(CorrelationConfig(window=50, min_bars=10))
    a = b = 100.0
    xs, ys = [], []
    for ts in range(80):
        move = rng.gauss(0, 0.01)
        before = a, b
        a, b = a * (1 + move), b * (1 + 0.6 * move + rng.gauss(0, 0.01))
        correlations.see("A", ts, a)
        correlations.see("B", ts, b)
        if ts:
            xs.append(a / before[0] - 1)
            ys.append(b / before[1] - 1)
    assert correlations.between("A", "B") == pytest.approx(np.corrcoef(xs[-50:], ys[-50:])[0, 1])


def test_too_few_common_bars_prove_nothing():
    correlations = Correlations(CorrelationConfig(min_bars=30))
    for ts in range(20):
        correlations.see("A", ts, 100.0 + ts)
        correlations.see("B", ts, 100.0 + ts)
    assert np.isnan(correlations.between("A", "B"))


def together(second_target, *, moves=1.0):
    """SPY is held long; /ES moves with it (or against it); a second strategy wishes for /ES."""
    rng = random.Random(3)
    world = World(
        slot({1: 1}),
        slot({60: second_target}, strategy="other", kind="scripted", symbol="/ES", quantity=1),
        correlation=CorrelationConfig(limit=0.9, min_bars=30),
    )
    spy, es = 100.0, 5000.0
    for number in range(1, 62):
        change = rng.gauss(0, 0.01)
        spy, es = spy * (1 + change), es * (1 + moves * change)
        world.run([bar(number, spy), bar(number, es, symbol="/ES")])
    return [(s.rule, s.signal.strategy) for s in world.of(SignalSuppressed)]


def test_the_same_bet_twice_is_suppressed_and_its_opposite_is_not():
    assert together(1) == [("correlation", "other")]
    assert together(-1) == []
    assert together(-1, moves=-1.0) == [("correlation", "other")]
