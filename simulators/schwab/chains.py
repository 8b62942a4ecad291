"""Option chains around the spot: what `GET /chains` and `GET /expirationchain` know."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.instruments.options import INDEX_ROOTS, OptionContract
from engine.instruments.sessions import business_days
from engine.model.time import NS_PER_MS, to_datetime
from simulators.dxlink.slow import Option, find_option
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.schwab.answers import gateway_error, one
from simulators.schwab.level_one import TradedSource
from simulators.schwab.names import market_name
from simulators.sessions import NEW_YORK

_LISTED_DAYS = 10  # expiries: this many business days from today on
_MAX_STRIKES = 200  # more than that overflows the gateway
_WEEKLY_ROOT = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}
_STEP = {"SPX": 5, "NDX": 25}


def chains(market: Market, request: HttpRequest, now: int) -> HttpResponse:
    """Calls and puts by expiry and strike. An index without strikeCount overflows, as it does there."""
    symbol = one(request, "symbol")
    underlying = market.find(market_name(symbol, now))
    if underlying is None:
        return gateway_error(404, "Not Found", f"no options of {symbol}")
    count = int(one(request, "strikeCount", "0") or 0)
    if count <= 0 and symbol.startswith("$"):
        fault = {"faultstring": "Body buffer overflow", "detail": {"errorcode": "protocol.http.TooBigBody"}}
        return HttpResponse(502, {"fault": fault})
    spot = float(TradedSource(underlying).values(now).get("last", underlying.listing.base_price))
    name = underlying.listing.symbol
    body: dict[str, Any] = {
        "symbol": symbol, "status": "SUCCESS", "strategy": "SINGLE", "interval": 0.0, "isDelayed": False,
        "isIndex": symbol.startswith("$"), "interestRate": 0.0, "underlyingPrice": spot, "volatility": 29.0,
        "daysToExpiration": 0.0, "numberOfContracts": 0,
    }  # fmt: skip
    wanted = one(request, "contractType", "ALL").upper()
    for right, key in (("C", "callExpDateMap"), ("P", "putExpDateMap")):
        is_wanted = wanted in ("ALL", "CALL" if right == "C" else "PUT")
        body[key] = _side(market, name, right, request, spot=spot, count=count, now=now) if is_wanted else {}
    body["numberOfContracts"] = sum(
        len(side) for key in ("callExpDateMap", "putExpDateMap") for side in body[key].values()
    )
    return HttpResponse(200, body)


def expirations(market: Market, request: HttpRequest, now: int) -> HttpResponse:
    """The days on which options end."""
    name = market_name(one(request, "symbol"), now)
    today = to_datetime(now).date()
    found = [
        {
            "expirationDate": day.isoformat(),
            "daysToExpiration": (day - today).days,
            "expirationType": "W",
            "settlementType": "P",
            "optionRoots": _WEEKLY_ROOT.get(name, name),
            "standard": False,
        }
        for day in _expiries(now)
    ]
    return HttpResponse(200, {"status": "SUCCESS", "expirationList": found if market.find(name) else []})


def _expiries(now: int) -> Iterator[date]:
    day, days = to_datetime(now).astimezone(NEW_YORK).date(), business_days()
    day = day if day in days else days.add(day, 1)
    for _ in range(_LISTED_DAYS):
        yield day
        day = days.add(day, 1)


def _side(
    market: Market, name: str, right: str, request: HttpRequest, *, spot: float, count: int, now: int
) -> dict[str, Any]:
    first, last = one(request, "fromDate"), one(request, "toDate")
    root = _WEEKLY_ROOT.get(name, name)
    found: dict[str, Any] = {}
    for day in _expiries(now):
        if (first and day.isoformat() < first) or (last and day.isoformat() > last):
            continue
        strikes = {}
        for strike in _strikes(name, spot, count or 20):
            contract = OptionContract(root, day, right, strike)
            option = find_option(market, contract.streamer)
            if option is not None:
                strikes[f"{float(strike):.1f}"] = [_contract(contract, option, spot, now)]
        found[f"{day.isoformat()}:{(day - to_datetime(now).date()).days}"] = strikes
    return found


def _strikes(name: str, spot: float, count: int) -> list[Decimal]:
    step = _STEP.get(name, 1)
    middle = round(spot / step) * step
    half = min(count, _MAX_STRIKES) // 2
    return [Decimal(middle + at * step) for at in range(-half, min(count, _MAX_STRIKES) - half)]


def _contract(contract: OptionContract, option: Option, spot: float, now: int) -> dict[str, Any]:
    quote, greeks = option.quote(now), option.greeks(now)
    strike, is_call = float(contract.strike), contract.right == "C"
    ends = datetime.combine(contract.expiry, time(20), UTC)
    return {
        "putCall": "CALL" if is_call else "PUT", "symbol": contract.symbol, "description": contract.symbol,
        "exchangeName": "OPR", "bid": quote["bidPrice"], "ask": quote["askPrice"],
        "last": quote["bidPrice"], "mark": round((quote["bidPrice"] + quote["askPrice"]) / 2, 4),
        "bidSize": int(quote["bidSize"]), "askSize": int(quote["askSize"]), "lastSize": 1, "totalVolume": 0,
        "quoteTimeInLong": now // NS_PER_MS, "tradeTimeInLong": now // NS_PER_MS,
        "volatility": round(100 * greeks["volatility"], 3), "delta": greeks["delta"], "gamma": greeks["gamma"],
        "theta": greeks["theta"], "vega": greeks["vega"], "rho": greeks["rho"], "openInterest": 100,
        "theoreticalOptionValue": greeks["price"], "strikePrice": strike, "expirationDate": ends.isoformat(),
        "daysToExpiration": (contract.expiry - to_datetime(now).date()).days, "expirationType": "W",
        "lastTradingDay": int(ends.timestamp() * 1000), "multiplier": 100.0, "settlementType": "P",
        "optionRoot": contract.root, "exerciseType": "E" if contract.root in INDEX_ROOTS else "A",
        "inTheMoney": spot > strike if is_call else spot < strike, "nonStandard": False, "mini": False,
        "pennyPilot": True, "isInTheMoney": spot > strike if is_call else spot < strike,
    }  # fmt: skip
