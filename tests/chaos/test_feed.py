"""A short storm over a feed; `./run chaos feed --runs 200` is the long one."""

import msgspec
import pytest

from engine.bars.expand import Expander
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig
from tests.chaos import feed
from tests.chaos.__main__ import main, names


async def test_no_bar_that_says_it_is_good_is_wrong_whatever_happens_to_the_line(client):
    found = await feed.storm(client, faults=16, seed=5)
    assert found["failures"] == []
    assert found["passed"]
    assert found["qualities"]["gapped"] > 0
    assert found["repaired"] > 0


def test_the_check_finds_a_bar_that_lacks_a_print():
    venue = Simulator(SimulatorConfig(market=MarketConfig(seed=1, symbols=("SPY",), always_open=True)))
    start = venue.clock.now() // 60_000_000_000 * 60_000_000_000
    truth = feed.Truth(venue, "SPY", start, start)
    ticks = list(venue.market.ticks("SPY", start=start, end=start + 60_000_000_000))
    for timeframe in ("15s", "40t"):
        for kept, is_right in ((ticks, True), (ticks[:5] + ticks[6:], False)):
            bar = Expander("SPY", [timeframe]).feed(kept)[0]
            assert truth.agrees(msgspec.structs.replace(bar, is_complete=True)) is is_right, timeframe


def test_programs_are_found_by_name_and_a_wrong_one_is_refused(capsys):
    assert "feed" in names()
    assert main(["fed"]) == 2
    assert "feed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([])
