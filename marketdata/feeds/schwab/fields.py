"""Schwab's field numbers, by service."""

EQUITIES, FUTURES, OPTIONS = "LEVELONE_EQUITIES", "LEVELONE_FUTURES", "LEVELONE_OPTIONS"
CHART_EQUITY, CHART_FUTURES = "CHART_EQUITY", "CHART_FUTURES"

# The order on the wire is not the one in the official guide, which puts the sequence last.
CHART_FIELDS = "0,1,2,3,4,5,6,7,8"
Fact = tuple[str, str, float]  # kind, word, factor


class Layout:
    """Where level one keeps what we read. `lot`: shares in one unit of the quote's sizes."""

    def __init__(self, numbers: tuple[str, ...], *, lot: float, facts: dict[str, Fact]) -> None:
        """`numbers`: bid, ask, last, sizes of bid and ask, volume, size of the last trade, times of quote and trade."""
        self.bid, self.ask, self.last, self.bid_size, self.ask_size, self.volume, *rest = numbers
        self.last_size, self.quote_ms, self.trade_ms = rest
        self.lot = lot
        self.facts = facts
        self.fact_fields = frozenset(facts)
        self.quote = frozenset((self.bid, self.ask, self.bid_size, self.ask_size, self.quote_ms))
        self.trade = frozenset((self.last, self.volume, self.trade_ms))
        # What to ask for: ascending, and with the key itself.
        self.request = ",".join(map(str, sorted({0, *map(int, numbers), *map(int, facts)})))


def _day(opened: int, high: int, low: int, previous: int) -> dict[str, Fact]:
    words = ("dayOpenPrice", "dayHighPrice", "dayLowPrice", "prevDayClosePrice")
    return {str(at): ("summary", word, 1.0) for at, word in zip((opened, high, low, previous), words, strict=True)}


def _status(number: int) -> dict[str, Fact]:
    return {str(number): ("profile", "tradingStatus", 1.0)}


_GREEKS = {
    str(at): ("greeks", word, 1.0) for at, word in enumerate(("delta", "gamma", "theta", "vega", "rho"), start=28)
}

LEVEL_ONE = {
    EQUITIES: Layout(
        ("1", "2", "3", "4", "5", "8", "9", "34", "35"), lot=100.0, facts=_day(17, 10, 11, 12) | _status(32)
    ),
    FUTURES: Layout(("1", "2", "3", "4", "5", "8", "9", "10", "11"), lot=1.0, facts=_day(18, 12, 13, 14) | _status(22)),
    # Volatility comes in percent; ours is a fraction.
    OPTIONS: Layout(
        ("2", "3", "4", "16", "17", "8", "18", "38", "39"),
        lot=1.0,
        facts={**_GREEKS, "10": ("greeks", "volatility", 0.01), **_status(33)},
    ),
}
