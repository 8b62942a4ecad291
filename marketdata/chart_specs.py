"""Which indicator lines belong on a chart: those that the strategies trading it read."""

import logging

from engine.errors import FortifiedError
from engine.indicators.spec import parse_all
from engine.strategy.params import parse_params
from marketdata.lines import is_on_price
from strategies.models import Ticker
from strategies.registry import STRATEGIES

logger = logging.getLogger(__name__)


def line_specs(*, symbol: str, timeframe: str) -> tuple[str, ...]:
    """What strategies read on this chart, by their tickers, as far as it is a price and can be drawn over the candles;
    each once, in the order of the tickers. The bar's own prices are the candles."""
    specs: dict[str, None] = {}
    for ticker in Ticker.objects.filter(symbol=symbol, timeframe=timeframe).order_by("strategy"):
        specs |= dict.fromkeys(_specs_of(ticker))
    return tuple(specs)


def _specs_of(ticker: Ticker) -> tuple[str, ...]:
    try:
        strategy = STRATEGIES[ticker.strategy]
        read = parse_all(strategy(parse_params(strategy, ticker.params)).indicators())
        return tuple(str(spec) for spec in read if is_on_price(spec) and not spec.is_price)
    except FortifiedError as error:
        logger.warning("%s has no lines: %s", ticker, error.detail)
        return ()
