"""Events that change slowly and are made on demand: Summary, Profile, and the Greeks and Quote of an option."""

import math
import re
from datetime import date, datetime, time
from statistics import NormalDist
from typing import Any

import msgspec

from engine.instruments.instrument import AssetClass
from engine.instruments.sessions import is_half_day
from engine.model.time import NS_PER_DAY, NS_PER_MS, NS_PER_S
from simulators.candles import CandleSpec, event_index, history
from simulators.market import Market, SymbolMarket
from simulators.sessions import NEW_YORK

_DAY = CandleSpec(1, "d")
_OPTION = re.compile(r"^\.(?P<root>[A-Z]+)(?P<date>\d{6})(?P<side>[CP])(?P<strike>\d+(?:\.\d+)?)$")
_UNDERLYING = {"SPXW": "SPX", "SPX": "SPX", "NDXP": "QQQ"}
_NORMAL = NormalDist()
_YEAR_S = 365.25 * 86_400
_MIN_YEARS = 60 / _YEAR_S  # the last minute of an option's life is held, so that no division is by zero


def summary(market: SymbolMarket, symbol: str, now: int) -> dict[str, Any]:
    """The trading day so far and the day before."""
    day = market.sessions.trading_day(now)
    candles, _ = history(market, _DAY, start_ms=(day - 7) * NS_PER_DAY // NS_PER_MS, now=now)
    today = next((found for found in candles if found.time == day * NS_PER_DAY // NS_PER_MS), None)
    earlier = [found for found in candles if found.time < day * NS_PER_DAY // NS_PER_MS]
    values: dict[str, Any] = {"eventSymbol": symbol, "eventTime": 0, "dayId": day, "openInterest": 0}
    price = market.listing.price
    values |= {"dayClosePriceType": "REGULAR", "prevDayClosePriceType": "REGULAR", "prevDayId": day - 1}
    if today:
        values |= {"dayOpenPrice": price(today.open), "dayHighPrice": price(today.high)}
        values |= {"dayLowPrice": price(today.low)}
    if earlier:
        values |= {"prevDayId": earlier[-1].time * NS_PER_MS // NS_PER_DAY, "prevDayClosePriceType": "FINAL"}
        values |= {"prevDayClosePrice": price(earlier[-1].close), "prevDayVolume": float(earlier[-1].volume)}
    return values


def profile(market: SymbolMarket, symbol: str) -> dict[str, Any]:
    return {
        "eventSymbol": symbol,
        "eventTime": 0,
        "description": market.listing.description,
        "shortSaleRestriction": "INACTIVE" if market.listing.asset_class is AssetClass.EQUITY else "UNDEFINED",
        "tradingStatus": "ACTIVE",
        "statusReason": "",
        "haltStartTime": 0,
        "haltEndTime": 0,
        "exDividendDayId": 0,
    }


class Option(msgspec.Struct, frozen=True):
    """A European option on a listed underlying, priced by Black and Scholes without interest."""

    symbol: str
    underlying: SymbolMarket
    expiry: int  # UTC ns: 16:00 in New York, 13:00 on half days
    is_call: bool
    strike: float

    def quote(self, now: int) -> dict[str, Any]:
        """Bid and ask a tick or two around the model price, on the 0.05 / 0.10 grid."""
        price = self._model(now)["price"]
        step = 0.05 if price < 3 else 0.1
        bid = max(math.floor(price / step) * step, 0.0)
        return {
            "eventSymbol": self.symbol, "eventTime": 0, "bidTime": 0, "askTime": 0, "sequence": 0, "timeNanoPart": 0,
            "bidPrice": round(bid, 2), "askPrice": round(bid + step, 2), "bidSize": 12.0, "askSize": 9.0,
            "bidExchangeCode": "C", "askExchangeCode": "C",
        }  # fmt: skip

    def greeks(self, now: int) -> dict[str, Any]:
        time_ms = now // NS_PER_MS
        return {
            "eventSymbol": self.symbol, "eventTime": 0, "eventFlags": 0, "index": event_index(time_ms, 0),
            "time": time_ms, "sequence": 0, **{name: round(value, 6) for name, value in self._model(now).items()},
        }  # fmt: skip

    def _model(self, now: int) -> dict[str, float]:
        """Per point and, for theta and vega, per day and per percentage point."""
        last = self.underlying.last(now)
        listing = self.underlying.listing
        spot = listing.price(int(last.prints.price[last.first])) if last else listing.base_price
        volatility = listing.daily_volatility * math.sqrt(252)
        years = max((self.expiry - now) / NS_PER_S / _YEAR_S, _MIN_YEARS)
        spread = volatility * math.sqrt(years)
        d1 = math.log(spot / self.strike) / spread + spread / 2
        below, density = _NORMAL.cdf(d1), _NORMAL.pdf(d1)
        call = spot * below - self.strike * _NORMAL.cdf(d1 - spread)
        sign = 1 if self.is_call else -1
        rho = sign * self.strike * years * _NORMAL.cdf(sign * (d1 - spread)) / 100
        return {
            "price": call if self.is_call else call - spot + self.strike,
            "volatility": volatility,
            "delta": below if self.is_call else below - 1.0,
            "gamma": density / (spot * spread),
            "theta": -spot * density * volatility / (2 * math.sqrt(years)) / 365.25,
            "rho": rho,
            "vega": spot * density * math.sqrt(years) / 100,
        }


def find_option(market: Market, symbol: str) -> Option | None:
    """The option behind a dxFeed symbol such as `.SPXW261120C6000`, where its underlying is listed."""
    match = _OPTION.match(symbol)
    underlying = market.find(_UNDERLYING.get(match["root"], match["root"])) if match else None
    if match is None or underlying is None:
        return None
    digits = match["date"]
    try:
        day = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return None
    expiry = datetime.combine(day, time(13) if is_half_day(day) else time(16), NEW_YORK)
    return Option(
        symbol, underlying, int(expiry.timestamp()) * NS_PER_S, match["side"] == "C", float(match["strike"])
    )  # fmt: skip
