"""The day-trading rule of an account is written in its book, and denies what the rule of that day and broker denies."""

from datetime import UTC, date, datetime

import pytest

from engine.core import Engine, EngineConfig
from engine.model.market import Bar
from engine.model.orders import OrderDenied
from engine.model.time import from_datetime
from engine.simulation import step
from engine.venue.matching import SimulatedVenue
from tests.engine.scenario import INSTRUMENTS, MINUTE, STRATEGIES, slot
from trading.limits import risk_limits


def denied(document, day):
    """The rules that denied something on a day with four round trips."""
    config = EngineConfig("r", (slot({1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 6: 0, 7: 1}),), INSTRUMENTS, risk_limits(document))
    engine, venue = Engine(config, strategies=STRATEGIES), SimulatedVenue(instruments=INSTRUMENTS)
    start = from_datetime(datetime(day.year, day.month, day.day, 15, tzinfo=UTC))
    bars = [
        Bar(start + (n + 1) * MINUTE, "SPY", "1", start + n * MINUTE, 100.0, 100.0, 100.0, 100.0, 1.0) for n in range(9)
    ]
    out = [event for bar in bars for event in step(engine, venue, bar)]
    return [event.rule for event in out if isinstance(event, OrderDenied)]


@pytest.mark.parametrize(
    ("venue", "day", "expected"),
    [
        ("tastytrade", date(2026, 6, 3), ["pattern_day_trader"]),
        ("tastytrade", date(2026, 6, 4), []),
        ("schwab", date(2026, 6, 4), ["pattern_day_trader"]),
    ],
)
def test_the_rule_is_that_of_the_broker_and_the_date(venue, day, expected):
    document = {"day_trading": {"sim": {"venue": venue, "equity": "10000"}}}
    assert denied(document, day) == expected
