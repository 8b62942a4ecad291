"""Movers among all symbols of a feed."""

from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata.feeds.movers import MoverWatch

T = 1_763_700_000 * NS_PER_S


def bar(number: int, volume: float, *, timeframe: str = "1", quality: str = "built") -> Bar:
    opened = T + number * NS_PER_MINUTE
    return Bar(
        opened + NS_PER_MINUTE, "QUIET", timeframe, opened, 10.0, 10.01, 9.99, 10.0, volume, quality=quality
    )  # fmt: skip


def test_a_last_price_that_ran_away_within_a_minute_is_told_once():
    watch = MoverWatch()
    for second, price in enumerate((100.0, 100.2, 101.5)):
        last = Tick(T + second * NS_PER_S, "SPY", price, 1.0)
        for each in (last, last, Tick(T, "QQQ", 50.0, 1.0)):
            watch.price(each)
    (found,) = watch.take()
    assert (found.symbol, found.mover, found.direction, found.price) == ("SPY", "fast", 1, 101.5)
    assert watch.take() == []


def test_trading_that_picks_up_shows_in_the_bars_of_the_finest_timeframe_alone():
    watch, carried = MoverWatch(), {"QUIET": ["1", "5"]}
    for number in range(33):
        volume = 10.0 if number < 30 else 100.0
        watch.bars([bar(number, volume), bar(number, 9e9, timeframe="5")], carried)
        watch.bars([bar(number, 9e9, quality="revised")], carried)
    (found,) = watch.take()
    assert (found.symbol, found.mover, found.volume_ratio) == ("QUIET", "slow", 10.0)


def test_where_no_bar_ends_within_a_minute_nothing_is_said_and_what_is_given_up_is_forgotten():
    watch = MoverWatch()
    for number in range(33):
        watch.bars([bar(number, 10.0 if number < 30 else 100.0, timeframe="5")], {"QUIET": ["5", "144t"]})
    assert watch.take() == []
    watch.price(Tick(T, "SPY", 100.0, 1.0))
    watch.forget(["SPY"])
    watch.price(Tick(T + NS_PER_S, "SPY", 150.0, 1.0))
    assert watch.take() == []
