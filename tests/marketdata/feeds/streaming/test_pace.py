"""Requests at the pace that a venue allows."""

from collections.abc import Awaitable, Callable

import pytest

from marketdata.feeds.streaming import pace
from marketdata.feeds.streaming.pace import Turns


class Clock:
    """Stands still but for who sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, delay_s: float) -> None:
        self.now += delay_s


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pace, "time", found)
    monkeypatch.setattr(pace, "asyncio", found)
    return found


async def times(clock: Clock, turn: Callable[[], Awaitable[None]], count: int) -> list[float]:
    begun, found = clock.now, []
    for _ in range(count):
        await turn()
        found.append(round(clock.now - begun, 3))
    return found


async def test_a_tenth_of_a_minutes_requests_may_go_at_once_and_the_others_are_spread(clock):
    assert await times(clock, Turns(60), 9) == [0.0] * 6 + [1.0, 2.0, 3.0]


async def test_no_minute_has_more_requests_than_are_allowed_but_for_the_first_burst(clock):
    found = await times(clock, Turns(120), 600)
    for begin in found:
        assert sum(begin <= each < begin + 60 for each in found) <= 120 + 12


async def test_who_was_idle_gains_no_more_than_the_burst(clock):
    turn = Turns(60)
    await times(clock, turn, 6)
    clock.now += 3_600
    assert await times(clock, turn, 8) == [0.0] * 6 + [1.0, 2.0]


async def test_a_pause_that_the_venue_asked_for_holds_for_everybody(clock):
    turn = Turns(6_000)
    await turn()
    turn.pause(30.0)
    assert await times(clock, turn, 2) == [30.0, 30.01]
