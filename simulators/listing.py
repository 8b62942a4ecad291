"""What the synthetic market lists: price level, grid, spread and temper of each symbol."""

import re
import zlib
from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from engine.instruments.instrument import AssetClass

MONTH_CODES = "FGHJKMNQUVXZ"
_FUTURE = re.compile(r"^/(?P<root>[A-Z0-9]{1,3}?)(?:[FGHJKMNQUVXZ]\d{2})?(?::(?P<mic>X[A-Z]{3}))?$")


class Listing(msgspec.Struct, frozen=True):
    """One symbol. `ticks_per_point` is the inverse of the tick size, so that a price is `ticks / ticks_per_point`:
    one correctly rounded division, hence exactly the double nearest to the decimal price.

    Symbols that share a `driver` share their path (ES, MES, SPX and SPY move together).
    """

    symbol: str
    asset_class: AssetClass
    base_price: float
    ticks_per_point: int = 100
    spread_ticks: float = 1.0  # mean, ≥ 1
    mean_size: float = 100.0  # units a print; 0 = no volume (an index)
    daily_volatility: float = 0.012
    driver: str = ""
    exchange_code: str = "Q"
    description: str = ""

    @property
    def path_name(self) -> str:
        return self.driver or self.symbol

    def price(self, ticks: int) -> float:
        return ticks / self.ticks_per_point


_EQUITY, _FUTURES, _INDEX, _FOREX = AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.INDEX, AssetClass.FOREX

EQUITIES = (
    Listing("SPY", _EQUITY, 660.0, 100, 1.1, 120.0, 0.009, "spx", "P", "SPDR S&P 500 ETF"),
    Listing("QQQ", _EQUITY, 600.0, 100, 1.2, 110.0, 0.012, "ndx", "Q", "Invesco QQQ"),
    Listing("IBM", _EQUITY, 290.0, 100, 3.0, 60.0, 0.014, "", "N", "International Business Machines"),
    Listing("AAPL", _EQUITY, 270.0, 100, 1.3, 100.0, 0.015, "", "Q", "Apple"),
    Listing("TSLA", _EQUITY, 400.0, 100, 3.0, 90.0, 0.032, "", "Q", "Tesla"),
    Listing("NVDA", _EQUITY, 180.0, 100, 1.2, 150.0, 0.024, "", "Q", "NVIDIA"),
    Listing("MSTR", _EQUITY, 200.0, 100, 8.0, 45.0, 0.045, "", "Q", "Strategy"),
    Listing("SPX", _INDEX, 6600.0, 100, 1.0, 0.0, 0.009, "spx", "I", "S&P 500 Index"),
)

# By root; the listed symbol is the active contract's streamer symbol.
FUTURES = {
    "ES": Listing("XCME", _FUTURES, 6610.0, 4, 1.05, 4.0, 0.009, "spx", "G", "E-mini S&P 500"),
    "MES": Listing("XCME", _FUTURES, 6610.0, 4, 1.1, 3.0, 0.009, "spx", "G", "Micro E-mini S&P 500"),
    "NQ": Listing("XCME", _FUTURES, 24800.0, 4, 1.6, 2.0, 0.012, "ndx", "G", "E-mini Nasdaq-100"),
    "MNQ": Listing("XCME", _FUTURES, 24800.0, 4, 1.7, 3.0, 0.012, "ndx", "G", "Micro E-mini Nasdaq-100"),
    "RTY": Listing("XCME", _FUTURES, 2400.0, 10, 1.5, 2.0, 0.013, "rut", "G", "E-mini Russell 2000"),
    "M2K": Listing("XCME", _FUTURES, 2400.0, 10, 1.6, 2.0, 0.013, "rut", "G", "Micro E-mini Russell 2000"),
    "YM": Listing("XCBT", _FUTURES, 46200.0, 1, 1.8, 2.0, 0.009, "dji", "G", "E-mini Dow"),
    "MYM": Listing("XCBT", _FUTURES, 46200.0, 1, 1.9, 2.0, 0.009, "dji", "G", "Micro E-mini Dow"),
    "GC": Listing("XCEC", _FUTURES, 4080.0, 10, 1.8, 2.0, 0.012, "", "G", "Gold"),
    "CL": Listing("XNYM", _FUTURES, 59.0, 100, 1.2, 3.0, 0.021, "", "G", "Crude Oil"),
}
PAIRS = (
    Listing("EUR/USD", _FOREX, 1.15, 20_000, 1.0, 100_000.0, 0.005, "", "", "Euro in US dollars"),
    Listing("GBP/USD", _FOREX, 1.31, 20_000, 1.4, 100_000.0, 0.006, "", "", "Pound sterling in US dollars"),
    Listing("AUD/USD", _FOREX, 0.65, 20_000, 1.2, 100_000.0, 0.007, "", "", "Australian dollar in US dollars"),
    Listing("NZD/USD", _FOREX, 0.57, 20_000, 1.6, 100_000.0, 0.007, "", "", "New Zealand dollar in US dollars"),
)
DEFAULT_ROOTS = ("ES", "MES", "NQ", "MNQ", "RTY", "M2K", "GC", "CL")
_CYCLES = {"GC": "GJMQVZ", "CL": MONTH_CODES}


def stable_hash(text: str) -> int:
    """The same number in every process (`hash` is salted)."""
    return zlib.crc32(text.encode())


def default_symbols(today: date) -> tuple[str, ...]:
    """The equities, SPX, and each default root's active contract on `today`."""
    return (*(listing.symbol for listing in EQUITIES), *(active_contract(root, today) for root in DEFAULT_ROOTS))


def active_contract(root: str, today: date) -> str:
    """Streamer symbol of the contract that trades on `today`, by a simple calendar: index futures roll eight days
    before the third Friday, gold two and crude twelve days before the contract month's or the month before's end."""
    year, month = today.year, today.month
    for _ in range(13):
        if MONTH_CODES[month - 1] in _CYCLES.get(root, "HMUZ") and today < _roll_date(root, year, month):
            return f"/{root}{MONTH_CODES[month - 1]}{year % 100:02d}:{FUTURES[root].symbol}"
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    raise AssertionError(f"no contract of {root} within a year of {today}")


def _roll_date(root: str, year: int, month: int) -> date:
    first = date(year, month, 1)
    if root == "CL":
        return first - timedelta(days=12)
    if root == "GC":
        return first - timedelta(days=2)
    third_friday = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
    return third_friday - timedelta(days=8)


def listings(symbols: Iterable[str]) -> dict[str, Listing]:
    """A listing for every symbol; one that is not known by name gets the manner of a mid-sized stock."""
    return {symbol: listing_of(symbol) for symbol in symbols}


def listing_of(symbol: str) -> Listing:
    """The known listing, the root's for a future, else a stock whose level and temper follow from its name."""
    for listing in (*EQUITIES, *PAIRS):
        if listing.symbol == symbol:
            return listing
    future = _FUTURE.match(symbol)
    if future and future["root"] in FUTURES:
        return msgspec.structs.replace(
            FUTURES[future["root"]], symbol=symbol, driver=FUTURES[future["root"]].driver or future["root"]
        )
    number = stable_hash(symbol)
    return Listing(
        symbol,
        AssetClass.EQUITY,
        base_price=20.0 + number % 380,
        spread_ticks=1.0 + number % 5 / 2,
        mean_size=40.0 + number % 120,
        daily_volatility=0.010 + number % 25 / 1000,
        description=f"Synthetic stock {symbol}",
    )
