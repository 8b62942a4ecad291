"""Averages of prints: 5 against 20."""

import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.model.market import Bar, Tick
from engine.model.signals import Signal
from engine.strategy.slot import SlotConfig
from strategies.registry import STRATEGIES, parse_params
from tests.contracts.strategy_checks import MINUTE, SPY


def prices(count=1500, seed=5):
    rng, price, found = random.Random(seed), 100.0, []
    for _ in range(count):
        price += rng.choice((-0.02, -0.01, 0.0, 0.01, 0.02))
        found.append(round(price, 2))
    return found


def signals(ticks, **params):
    """After one closed bar every print is a decision."""
    slot = SlotConfig("sma_ticks", "SPY", "1", params, {"sim": Decimal(1)})
    engine = Engine(EngineConfig(run="t", slots=(slot,), instruments={"SPY": SPY}), strategies=STRATEGIES)
    out = list(engine.process(Bar(MINUTE, "SPY", "1", 0, 100.0, 100.0, 100.0, 100.0, 1.0)))
    for i, price in enumerate(ticks):
        # A print a minute, so that the rule of one entry a bar never speaks.
        at = (i + 1) * MINUTE
        out += engine.process(Tick(at + 1, "SPY", price, 1.0))
        out += engine.process(Bar(at + MINUTE, "SPY", "1", at, price, price, price, price, 1.0))
    return [event for event in out if isinstance(event, Signal)]


def test_the_side_is_that_of_the_averages_and_is_told_when_it_changes():
    ticks = prices()
    series = pd.Series(ticks)
    gap = (series.rolling(5).mean() - series.rolling(20).mean()).round(9)
    side, expected = 0, []
    for i, value in enumerate(gap):
        now = 0 if np.isnan(value) else (value > 0) - (value < 0)
        if now and now != side:
            side = now
            expected.append((i, side))
    found = [((s.ts - 1) // MINUTE - 1, s.target) for s in signals(ticks) if s.reason.startswith("short_")]
    assert found == expected
    assert len(found) > 20


def test_confidence_is_the_distance_of_the_averages_as_a_share_of_what_is_full():
    found = signals([100.0] * 20 + [100.1], full_confidence_pct=0.1)
    (signal,) = found
    short, long = (4 * 100.0 + 100.1) / 5, (19 * 100.0 + 100.1) / 20
    assert signal.confidence == pytest.approx(100 * (short / long - 1) / 0.1)
    assert signal.evidence["short"] == pytest.approx(short)
    assert signals([100.0] * 20 + [150.0])[0].confidence == 1.0


def test_equal_averages_are_no_opinion():
    assert not signals([100.0] * 60)


def test_the_short_average_must_be_the_shorter():
    with pytest.raises(InvalidInput) as caught:
        parse_params("sma_ticks", {"short": 20, "long": 20})
    assert caught.value.field == "long"
