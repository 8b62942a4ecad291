"""What the feed says of itself, for people who read the log and the health page."""

from engine.model.market import Quote, Tick
from tests.marketdata.feeds.conftest import until


async def test_the_log_says_that_prints_and_quotes_are_subscribed_and_not_candles(venue, collect, caplog):
    caplog.set_level("INFO")
    got = await collect("SPY", prints="trade")
    await until(lambda: got.of(Tick) and got.of(Quote))
    assert "Connected to DXLink" in caplog.text
    assert "Using Trade/TradeETH subscription, 1 symbols" in caplog.text
    assert "Candle" not in caplog.text
