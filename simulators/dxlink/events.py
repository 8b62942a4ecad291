"""DXLink events: which fields each type has, and their values for one minute's prints as columns."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_MINUTE, NS_PER_MS
from simulators.candles import Candle, event_index
from simulators.listing import Listing
from simulators.market import SymbolMarket

NAN = "NaN"  # how a double that is none is written in JSON here

_QUOTE = "sequence timeNanoPart bidTime bidExchangeCode bidPrice bidSize askTime askExchangeCode askPrice askSize"
_TRADE = (
    "time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover tickDirection "
    "extendedTradingHours"
)
_SALE = (
    "eventFlags index time timeNanoPart sequence exchangeCode price size bidPrice askPrice exchangeSaleConditions "
    "tradeThroughExempt aggressorSide spreadLeg extendedTradingHours validTick type buyer seller"
)
_CANDLE = (
    "eventFlags index time sequence count open high low close volume VWAP bidVolume askVolume "
    "impVolatility openInterest"
)
_SUMMARY = (
    "dayId dayOpenPrice dayHighPrice dayLowPrice dayClosePrice dayClosePriceType prevDayId prevDayClosePrice "
    "prevDayClosePriceType prevDayVolume openInterest"
)
_PROFILE = (
    "description shortSaleRestriction tradingStatus statusReason haltStartTime haltEndTime highLimitPrice "
    "lowLimitPrice high52WeekPrice low52WeekPrice beta earningsPerShare dividendFrequency exDividendAmount "
    "exDividendDayId shares freeFloat"
)
_GREEKS = "eventFlags index time sequence price volatility delta gamma theta rho vega"
FIELDS: dict[str, tuple[str, ...]] = {
    name: ("eventSymbol", "eventTime", *names.split())
    for name, names in {
        "Quote": _QUOTE,
        "Trade": _TRADE,
        "TradeETH": _TRADE,
        "TimeAndSale": _SALE,
        "Candle": _CANDLE,
        "Summary": _SUMMARY,
        "Profile": _PROFILE,
        "Greeks": _GREEKS,
    }.items()
}
PRINT_EVENTS = ("Quote", "Trade", "TradeETH", "TimeAndSale")
STREAM_EVENTS = ("TimeAndSale",)
HISTORY_EVENTS = ("Candle",)

_encode = msgspec.json.Encoder().encode


def encode_event(event: str, values: dict[str, Any], fields: tuple[str, ...], *, compact: bool) -> bytes:
    """One event as it stands in `data`: its values joined by commas, or an object without the empty ones. A field
    nobody knows is NaN."""
    row = [values.get(name, values.get("VWAP", NAN) if name == "vwap" else NAN) for name in fields]
    if compact:
        return _encode([event if name == "eventType" else value for name, value in zip(fields, row, strict=True)])[1:-1]
    shown = {name: value for name, value in zip(fields, row, strict=True) if value is not None and value != NAN}
    return _encode({"eventType": event, **shown})


class MinuteColumns:
    """One minute of one symbol as lists of JSON values, made when first asked for and then shared by everybody."""

    def __init__(self, market: SymbolMarket, minute: int) -> None:
        self.market = market
        self.minute = minute
        prints = self.prints = market.minute(minute)
        self.ts: list[int] = prints.ts.tolist()
        self.price: list[int] = prints.price.tolist()
        self.size: list[int] = prints.size.tolist()
        self.is_buy: list[int] = prints.is_buy.tolist()
        self._columns: dict[tuple[str, str], list[Any]] = {}

    @property
    def is_extended(self) -> bool:
        """Stocks outside regular hours print as TradeETH."""
        return self.market.listing.asset_class is AssetClass.EQUITY and not self.prints.is_regular

    def has(self, event: str) -> bool:
        """Whether this minute's prints are events of this type."""
        if event in ("Trade", "TradeETH"):
            return self.is_extended is (event == "TradeETH")
        return True

    def rows(self, event: str, fields: tuple[str, ...], first: int, last: int) -> list[tuple[Any, ...]]:
        """The values of prints `first` up to `last`, in the order of `fields`."""
        columns = [self.column(event, name)[first:last] for name in fields]
        return list(zip(*columns, strict=True))

    def encoded(self, event: str, fields: tuple[str, ...], first: int, last: int, *, compact: bool) -> list[bytes]:
        if compact:
            return [_encode(row)[1:-1] for row in self.rows(event, fields, first, last)]
        names = fields or FIELDS[event]
        return [
            encode_event(event, dict(zip(names, row, strict=True)), names, compact=False)
            for row in self.rows(event, names, first, last)
        ]

    def column(self, event: str, name: str) -> list[Any]:
        found = self._columns.get((event, name))
        if found is None:
            found = self._columns[event, name] = self._make(event, name)
        return found

    def _make(self, event: str, name: str) -> list[Any]:
        if name == "eventType":
            return [event] * len(self.ts)
        make = _COLUMNS.get(name)
        if make is not None and name in FIELDS[event]:
            return make(self)
        return [_constant(self.market.listing, event, name, is_extended=self.is_extended)] * len(self.ts)

    def _prices(self, ticks: Any) -> list[float]:
        values: list[float] = (ticks / self.market.listing.ticks_per_point).tolist()
        return values

    def _sizes(self, sizes: Any) -> list[Any]:
        if not self.market.listing.mean_size:
            return [NAN] * len(self.ts)
        values: list[Any] = sizes.astype(np.float64).tolist()
        return values

    def _time(self) -> list[Any]:
        return [ts // NS_PER_MS for ts in self.ts]

    def _time_nano_part(self) -> list[Any]:
        return [ts % NS_PER_MS for ts in self.ts]

    def _sequence(self) -> list[Any]:
        return [ordinal & 0x3FFFFF for ordinal in self.prints.ordinal.tolist()]

    def _index(self) -> list[Any]:
        return [
            event_index(time, sequence)
            for time, sequence in zip(self._time(), self._sequence(), strict=True)
        ]  # fmt: skip

    def _price(self) -> list[Any]:
        return self._prices(self.prints.price)

    def _bid_price(self) -> list[Any]:
        return self._prices(self.prints.bid)

    def _ask_price(self) -> list[Any]:
        return self._prices(self.prints.ask)

    def _bid_size(self) -> list[Any]:
        return self._sizes(self.prints.bid_size)

    def _ask_size(self) -> list[Any]:
        return self._sizes(self.prints.ask_size)

    def _size(self) -> list[Any]:
        return self._sizes(self.prints.size)

    def _aggressor_side(self) -> list[Any]:
        return ["BUY" if bought else "SELL" for bought in self.is_buy]

    def _moves(self) -> Any:
        if not self.ts:
            return np.zeros(0, dtype=np.int64)
        before = self.market.last(self.minute * NS_PER_MINUTE - 1)
        previous = int(before.prints.price[before.first]) if before else self.price[0]
        return np.diff(self.prints.price, prepend=previous)

    def _change(self) -> list[Any]:
        return self._prices(self._moves())

    def _tick_direction(self) -> list[Any]:
        names = {1: "UP", -1: "DOWN", 0: "ZERO"}
        return [names[sign] for sign in np.sign(self._moves()).tolist()]

    def _day_id(self) -> list[Any]:
        return [self._trading_day()] * len(self.ts)

    def _trading_day(self) -> int:
        return self.market.sessions.trading_day(self.minute * NS_PER_MINUTE)

    def _day_volume(self) -> list[Any]:
        before = self.market.before(self.minute * NS_PER_MINUTE, self._trading_day())[1]
        return self._sizes(before + np.cumsum(self.prints.size))


# Columns that differ from print to print; the others are constant.
_COLUMNS: dict[str, Callable[[MinuteColumns], list[Any]]] = {
    "time": MinuteColumns._time,
    "timeNanoPart": MinuteColumns._time_nano_part,
    "sequence": MinuteColumns._sequence,
    "index": MinuteColumns._index,
    "price": MinuteColumns._price,
    "bidPrice": MinuteColumns._bid_price,
    "askPrice": MinuteColumns._ask_price,
    "bidSize": MinuteColumns._bid_size,
    "askSize": MinuteColumns._ask_size,
    "size": MinuteColumns._size,
    "aggressorSide": MinuteColumns._aggressor_side,
    "change": MinuteColumns._change,
    "tickDirection": MinuteColumns._tick_direction,
    "dayId": MinuteColumns._day_id,
    "dayVolume": MinuteColumns._day_volume,
}

_CONSTANTS: dict[str, Any] = {
    "eventTime": 0, "eventFlags": 0, "bidTime": 0, "askTime": 0, "type": "NEW", "exchangeSaleConditions": "",
    "tradeThroughExempt": "\u0000", "spreadLeg": False, "validTick": True, "buyer": None, "seller": None,
}  # fmt: skip


def _constant(listing: Listing, event: str, name: str, *, is_extended: bool) -> Any:
    """The value of a field that is the same for every print of a minute."""
    if name == "eventSymbol":
        return listing.symbol
    if name in ("exchangeCode", "bidExchangeCode", "askExchangeCode"):
        return listing.exchange_code
    if name == "extendedTradingHours":
        return is_extended
    return _CONSTANTS.get(name, NAN) if name in FIELDS[event] else NAN


def candle_values(listing: Listing, symbol: str, candle: Candle, *, flags: int = 0) -> dict[str, Any]:
    """A Candle event. Where there is no volume (an index) everything made of it is NaN."""
    price = listing.price
    has_volume = candle.volume > 0
    return {
        "eventSymbol": symbol,
        "eventTime": 0,
        "eventFlags": flags,
        "index": candle.index,
        "time": candle.time,
        "sequence": candle.sequence,
        "count": candle.trade_count,
        "open": price(candle.open),
        "high": price(candle.high),
        "low": price(candle.low),
        "close": price(candle.close),
        "volume": float(candle.volume) if has_volume else NAN,
        "VWAP": round(candle.turnover / candle.volume / listing.ticks_per_point, 6) if has_volume else NAN,
        "bidVolume": float(candle.volume - candle.ask_volume) if has_volume else NAN,
        "askVolume": float(candle.ask_volume) if has_volume else NAN,
    }


def candle_mark(symbol: str, time_ms: int, flags: int) -> dict[str, Any]:
    """The dummy event that ends a snapshot (flags 10) or is an empty one (14): no prices."""
    return {
        "eventSymbol": symbol, "eventTime": 0, "eventFlags": flags, "index": event_index(time_ms, 0), "time": time_ms,
        "sequence": 0, "count": 0,
    }  # fmt: skip
