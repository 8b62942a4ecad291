"""Level one by field number: what Schwab tells of a symbol now, as the streamer and the quotes request know it."""

from typing import Any, Protocol

import numpy as np

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from simulators.dxlink.slow import Option, find_option
from simulators.market import Market, Slice, SymbolMarket

EQUITIES, FUTURES, OPTIONS = "LEVELONE_EQUITIES", "LEVELONE_FUTURES", "LEVELONE_OPTIONS"
SERVICE_OF = {
    AssetClass.EQUITY: EQUITIES,
    AssetClass.INDEX: EQUITIES,
    AssetClass.FUTURE: FUTURES,
    AssetClass.OPTION: OPTIONS,
}
# Our word → the field's number.
NUMBERS: dict[str, dict[str, int]] = {
    EQUITIES: {
        "bid": 1, "ask": 2, "last": 3, "bid_size": 4, "ask_size": 5, "volume": 8, "last_size": 9, "high": 10,
        "low": 11, "previous": 12, "exchange": 13, "description": 15, "open": 17, "change": 18, "exchange_name": 25,
        "status": 32, "mark": 33, "quote_ms": 34, "trade_ms": 35, "bid_ms": 37, "ask_ms": 38,
    },
    FUTURES: {
        "bid": 1, "ask": 2, "last": 3, "bid_size": 4, "ask_size": 5, "volume": 8, "last_size": 9, "quote_ms": 10,
        "trade_ms": 11, "high": 12, "low": 13, "previous": 14, "exchange": 15, "description": 16, "open": 18,
        "change": 19, "exchange_name": 21, "status": 22, "mark": 24, "tick": 25, "is_tradable": 30, "active": 34,
        "ask_ms": 37, "bid_ms": 38,
    },
    OPTIONS: {
        "description": 1, "bid": 2, "ask": 3, "volatility": 10, "bid_size": 16, "ask_size": 17, "strike": 20,
        "right": 21, "underlying": 22, "delta": 28, "gamma": 29, "theta": 30, "vega": 31, "rho": 32, "status": 33,
        "theoretical": 34, "spot": 35, "mark": 37, "quote_ms": 38,
    },
}  # fmt: skip


class Source(Protocol):
    """What one symbol's level one is made of."""

    asset_class: AssetClass

    def values(self, now: int) -> dict[str, Any]:
        """By our words, as of `now`."""
        ...


class TradedSource:
    """A stock, an index or a future: the last print and its quote, and the UTC day so far."""

    def __init__(self, market: SymbolMarket) -> None:
        self.asset_class = market.listing.asset_class
        self.market = market
        self._extremes: tuple[int, tuple[int, int, int]] = (-1, (0, 0, 0))

    def values(self, now: int) -> dict[str, Any]:
        found = self.market.last(now)
        return self._values(found, now) if found is not None else {}

    def _values(self, found: Slice, now: int) -> dict[str, Any]:
        rows, at, listing = found.prints, found.first, self.market.listing
        ts, price = int(rows.ts[at]), listing.price
        first, high, low = self._day(ts)
        previous = int(self.market.day(ts // NS_PER_DAY - 1).close[-1])
        last = int(rows.price[at])
        lot = 100 if self.asset_class is AssetClass.EQUITY else 1
        values: dict[str, Any] = {
            "last": price(last), "high": price(high), "low": price(low), "open": price(first),
            "previous": price(previous), "change": round(price(last) - price(previous), 4), "mark": price(last),
            "trade_ms": ts // NS_PER_MS, "quote_ms": ts // NS_PER_MS, "bid_ms": ts // NS_PER_MS,
            "ask_ms": ts // NS_PER_MS, "exchange": listing.exchange_code.lower(), "exchange_name": "NASDAQ",
            "description": listing.description, "status": "Normal",
        }  # fmt: skip
        if self.asset_class is not AssetClass.INDEX:
            values |= {
                "bid": price(int(rows.bid[at])), "ask": price(int(rows.ask[at])),
                "bid_size": -(-int(rows.bid_size[at]) // lot), "ask_size": -(-int(rows.ask_size[at]) // lot),
                "last_size": int(rows.size[at]),
                "volume": rows.volume_before + int(rows.size[: at + 1].sum()),
            }  # fmt: skip
        if self.asset_class is AssetClass.FUTURE:
            contract = listing.symbol.partition(":")[0]
            values |= {"tick": 1 / listing.ticks_per_point, "is_tradable": True, "active": contract}
        return values

    def _day(self, ts: int) -> tuple[int, int, int]:
        """Open, high and low of the UTC day in ticks, up to and including the minute of `ts`."""
        minute = ts // NS_PER_MINUTE
        if self._extremes[0] != minute:
            day, row = divmod(minute, NS_PER_DAY // NS_PER_MINUTE)
            path = self.market.day(day)
            busy = np.flatnonzero(path.trade_count[: row + 1])
            rows = busy if len(busy) else np.array([row])
            found = (int(path.open[rows[0]]), int(path.high[rows].max()), int(path.low[rows].min()))
            self._extremes = (minute, found)
        return self._extremes[1]


class OptionSource:
    """An option: a model price with a spread around it; it has no prints."""

    asset_class = AssetClass.OPTION

    def __init__(self, option: Option) -> None:
        self.option = option

    def values(self, now: int) -> dict[str, Any]:
        option, now = self.option, now // NS_PER_S * NS_PER_S  # once a second
        quote, greeks = option.quote(now), option.greeks(now)
        return {
            "description": option.symbol, "bid": quote["bidPrice"], "ask": quote["askPrice"],
            "bid_size": int(quote["bidSize"]), "ask_size": int(quote["askSize"]),
            "volatility": round(100 * greeks["volatility"], 4), "delta": greeks["delta"], "gamma": greeks["gamma"],
            "theta": greeks["theta"], "vega": greeks["vega"], "rho": greeks["rho"], "strike": option.strike,
            "right": "C" if option.is_call else "P", "underlying": f"${option.underlying.listing.symbol}",
            "theoretical": greeks["price"], "spot": TradedSource(option.underlying).values(now).get("last", 0.0),
            "status": "Normal", "mark": round((quote["bidPrice"] + quote["askPrice"]) / 2, 4),
            "quote_ms": now // NS_PER_MS,
        }  # fmt: skip


def find_source(market: Market, name: str) -> Source | None:
    """The source of a symbol in the market's spelling; None for one that is not listed."""
    if name.startswith("."):
        option = find_option(market, name)
        return OptionSource(option) if option else None
    found = market.find(name)
    return TradedSource(found) if found else None


def numbered(service: str, values: dict[str, Any]) -> dict[str, Any]:
    """`values` by the service's field numbers."""
    numbers = NUMBERS[service]
    return {str(numbers[word]): value for word, value in values.items() if word in numbers}
