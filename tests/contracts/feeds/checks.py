"""What the contract compares: what came against what was printed, and the bars made of it."""

from collections.abc import Callable
from typing import Any

from engine.bars.expand import Expander
from engine.bars.timeframe import parse_timeframe
from engine.model.market import Bar, Tick
from tests.contracts.feeds.base import FeedUnderTest, Print, Venue, Watched


def sent_meanwhile(venue: Venue, symbol: str, found: list[Print]) -> list[Print]:
    """What was printed from the first to the last of `found`. Where a venue cuts its stamps, others of the very first
    and last moment may have come before and after one looked: they count if they came."""
    first, last, came = min(found).ts, max(found).ts, set(found)
    sent = venue.sent(symbol, first, last)
    return [each for each in sent if first < each.ts < last or each in came]


def assert_true(got: Watched, entry: FeedUnderTest, symbol: str) -> None:
    """What came is what was printed: all of it between the first and the last, once, in its order; where the venue
    sends last values only, some of it."""
    found = got.prints(symbol)
    if entry.has_every_print:
        assert found == sent_meanwhile(got.venue, symbol, found)
    else:
        assert_nothing_invented(got, symbol)


def assert_nothing_invented(got: Watched, symbol: str) -> None:
    """Every print that came was printed, and none came twice."""
    found = got.prints(symbol)
    sent = got.venue.sent(symbol, min(found).ts, max(found).ts)
    assert [each for each in found if each not in set(sent)] == []
    assert len(found) <= len(sent)


def assert_no_print_is_missing_unless_told(got: Watched, entry: FeedUnderTest, symbol: str) -> None:
    """Between two prints without a gap between them, nothing was lost."""
    stretch: list[Tick] = []
    for event in [*got.events, None]:
        if isinstance(event, Tick) and event.symbol == symbol:
            stretch.append(event)
        elif stretch and (event is None or event in got.gaps(symbol)):
            found = [Print(tick.ts, tick.price, tick.size) for tick in stretch]
            if entry.has_every_print:
                assert found == sent_meanwhile(got.venue, symbol, found)
            stretch = []


def assert_nothing_lost(got: Watched, entry: FeedUnderTest, symbol: str) -> None:
    found = got.prints(symbol)
    if entry.has_every_print:
        assert sorted(found) == sorted(sent_meanwhile(got.venue, symbol, found))


def built_bars(venue: Venue, symbol: str, timeframes: list[str], start: int, end: int) -> dict[str, dict[int, Bar]]:
    """What our own aggregator makes of the venue's prints, whole bars that begin after `start`, by their close."""
    maker = Expander(symbol, timeframes)
    span = max(parse_timeframe(each).duration_ns or 0 for each in timeframes)
    found: dict[str, dict[int, Bar]] = {timeframe: {} for timeframe in timeframes}
    for tick in venue.ticks(symbol, start=start - start % span - 1, end=end):
        for bar in maker.on_tick(tick):
            if bar.ts_open >= start:
                found[bar.timeframe][bar.ts] = bar
    return found


def assert_same_as_built(bars: list[Bar], expected: dict[int, Bar]) -> None:
    """Bar for bar, so that joined to ours nothing doubles."""
    # The last one may still be forming here: no print came after its end.
    common = [bar for bar in bars if bar.ts in expected]
    assert len(common) >= len(bars) - 2
    assert common
    for bar in common:
        ours = expected[bar.ts]
        assert (bar.ts_open, bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            *(ours.ts_open, ours.open, ours.high, ours.low, ours.close, ours.volume),
        )


def gap_came(got: Watched, symbol: str, mark: int) -> Callable[[], Any]:
    return lambda: got.gaps(symbol, since=mark)


def connected_again(got: Watched, connects: int) -> Callable[[], Any]:
    return lambda: got.feed.connects > connects


async def until_it_goes_on(got: Watched, entry: FeedUnderTest, mark: int) -> None:
    """Prints come again, and between the old and the new ones stands a gap, or nothing is missing."""
    for symbol in entry.symbols:
        if not entry.replays_missed:
            await got.until(gap_came(got, symbol, mark), f"a gap of {symbol}")
            assert got.gaps(symbol, since=mark)[0].reason
        await got.until(lambda: got.feed.is_connected, "connected again")
        await got.until_prints(symbol, 20)
        assert_nothing_invented(got, symbol)
        assert_no_print_is_missing_unless_told(got, entry, symbol)
