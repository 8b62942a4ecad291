"""One search of a market with something planted in it, and one of a leaking market, for all tests that look at them."""

import pytest

from discovery.mining.asked import ExitGrid, MiningSpec
from discovery.mining.mine import mine
from engine.rules.conditions import Clock, Compare, NewExtreme, Slope, Streak, Weekdays
from tests.discovery import world

BURST = Compare("relative_volume(20)", ">", 2.0)
CONDITIONS = (
    BURST,
    Compare("relative_volume(20)", "<", 0.8),
    Compare("close", ">", "ema(close,20)"),
    Compare("close", "<", "ema(close,20)"),
    Compare("rsi(close,14)", "<", 30.0),
    Compare("rsi(close,14)", ">", 70.0),
    Clock("09:30", "10:30"),
    Clock("12:00", "14:00"),
    Weekdays(("mon", "tue")),
    NewExtreme("high", 20),
    NewExtreme("low", 20),
    Slope("close", "up", 5),
    Slope("volume", "down", 5),
    Streak("close", "up", 3),
    Streak("close", "down", 3),
)
SPEC = MiningSpec(
    depth=2, beam=4, screened=8, patterns=6, gaps=((1, 3),), least_trades=15, keep=4,
    grid=ExitGrid(stop=(2.0, 4.0), target=(None, 3.0), trail=(None,), hold=(5, 10)),
)  # fmt: skip


@pytest.fixture(scope="session")
def planted():
    """Bars with a planted pattern: two bursts of volume, then a rise."""
    return world.planted(80, seed=5)


@pytest.fixture(scope="session")
def found(planted):
    return mine(planted, SPEC, conditions=CONDITIONS)


@pytest.fixture(scope="session")
def leaked():
    """The same search where the volume knows the next bar."""
    return mine(world.leaking(40, seed=3), SPEC, conditions=CONDITIONS)
