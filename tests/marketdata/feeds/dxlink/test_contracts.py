"""Options over DXLink at the simulated venue: followed while they are looked at, beside what makes bars."""

import math
import time
from datetime import timedelta
from decimal import Decimal

from engine.instruments.options import OptionContract
from engine.model.market import FeedGap, Tick
from engine.model.time import to_datetime
from engine.options.chain import ChainEntry
from simulators.faults import FaultScript
from tests.marketdata.feeds.conftest import until


def near(venue) -> list[str]:
    """A call and a put on the venue's index at the money, in a week."""
    now = venue.clock.now()
    spot = list(venue.market.ticks("SPX", start=now - 60_000_000_000, end=now))[-1].price
    day, strike = to_datetime(now).date() + timedelta(days=7), Decimal(int(spot // 5 * 5))
    return [OptionContract("SPXW", day, right, strike).symbol for right in "CP"]


def delta(entry: ChainEntry) -> float:
    return entry.greeks.delta if entry.greeks is not None else math.nan


async def test_quotes_and_greeks_come_while_they_are_followed_and_after_a_reconnect(venue, collect):
    got = await collect("SPY", mute_after_s=5.0)
    contracts, (call, put) = got.feed.contracts, near(venue)
    seen: dict[str, ChainEntry] = {}

    def took() -> dict[str, ChainEntry]:
        seen.update({entry.contract.symbol: entry for entry in contracts.take()})
        return seen

    await until(lambda: got.of(Tick))
    await contracts.follow([call, put])
    await until(lambda: len(took()) == 2 and all(each.greeks and each.bid < each.ask for each in seen.values()))
    assert 0 < delta(seen[call]) < 1
    assert -1 < delta(seen[put]) < 0
    assert abs(time.time_ns() - seen[call].ts) < 5_000_000_000
    assert got.of(FeedGap) == []

    venue.faults.add(FaultScript("cut", for_s=0.3))
    await until(lambda: got.feed.connects > 1)
    contracts.take()
    seen.clear()
    await until(lambda: len(took()) == 2, what="quotes after a reconnect")

    await contracts.follow([put])
    seen.clear()
    await until(lambda: put in took())
    assert call not in seen


async def test_what_cannot_be_read_of_an_option_stops_nobody(venue, collect):
    got = await collect("SPY", mute_after_s=5.0)
    await got.feed.contracts.follow(near(venue))
    await until(lambda: got.of(Tick))
    got.feed.contracts.received({"no": "list"}, 1)
    count = len(got.of(Tick))
    await until(lambda: len(got.of(Tick)) > count + 5)
    assert got.of(FeedGap) == []
