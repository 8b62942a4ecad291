"""Schwab's field numbers, by service."""

from typing import NamedTuple

EQUITIES, FUTURES, OPTIONS = "LEVELONE_EQUITIES", "LEVELONE_FUTURES", "LEVELONE_OPTIONS"
CHART_EQUITY, CHART_FUTURES = "CHART_EQUITY", "CHART_FUTURES"

# The order on the wire is not the one in the official guide, which puts the sequence last.
CHART_FIELDS = "0,1,2,3,4,5,6,7,8"
Fact = tuple[str, str, float]  # kind, word, factor


class Layout(NamedTuple):
    """Where level one keeps what we read. `lot`: shares in one unit of the quote's sizes."""

    bid: str
    ask: str
    last: str
    bid_size: str
    ask_size: str
    volume: str
    last_size: str
    quote_ms: str
    trade_ms: str
    lot: float
    facts: dict[str, Fact]

    @property
    def quote(self) -> frozenset[str]:
        return frozenset((self.bid, self.ask, self.bid_size, self.ask_size, self.quote_ms))

    @property
    def trade(self) -> frozenset[str]:
        return frozenset((self.last, self.volume, self.trade_ms))

    @property
    def request(self) -> str:
        """What to ask for: ascending, and with the key itself."""
        numbers = {0, *map(int, self[:9]), *map(int, self.facts)}
        return ",".join(str(number) for number in sorted(numbers))


def _day(opened: int, high: int, low: int, previous: int) -> dict[str, Fact]:
    words = ("dayOpenPrice", "dayHighPrice", "dayLowPrice", "prevDayClosePrice")
    return {str(at): ("summary", word, 1.0) for at, word in zip((opened, high, low, previous), words, strict=True)}


def _status(number: int) -> dict[str, Fact]:
    return {str(number): ("profile", "tradingStatus", 1.0)}


_GREEKS = {
    str(at): ("greeks", word, 1.0) for at, word in enumerate(("delta", "gamma", "theta", "vega", "rho"), start=28)
}

LEVEL_ONE = {
    EQUITIES: Layout("1", "2", "3", "4", "5", "8", "9", "34", "35", 100.0, _day(17, 10, 11, 12) | _status(32)),
    FUTURES: Layout("1", "2", "3", "4", "5", "8", "9", "10", "11", 1.0, _day(18, 12, 13, 14) | _status(22)),
    # Volatility comes in percent; ours is a fraction.
    OPTIONS: Layout(
        "2", "3", "4", "16", "17", "8", "18", "38", "39", 1.0,
        {**_GREEKS, "10": ("greeks", "volatility", 0.01), **_status(33)},
    ),
}  # fmt: skip
