"""Snapshots of the market as tastytrade gives them to those who do not stream: `/market-data/by-type`."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import NotFound
from engine.instruments.catalog import normalize_symbol
from engine.model.time import to_datetime
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.listed import Touch, decimal_price
from simulators.market import Market
from simulators.sessions import NEW_YORK
from simulators.tastytrade.requests import RuleBroken
from simulators.tastytrade.words import amount, stamp

LIMIT = 100
_KINDS = {"equity": "Equity", "index": "Index", "equity-option": "Equity Option", "future": "Future"}


def snapshots(
    brokerage: Brokerage, market: Market, query: Mapping[str, Sequence[str]], now: int
) -> list[dict[str, Any]]:
    """What is asked for by kind, at most a hundred symbols together; unknown ones are left out."""
    asked = [
        (kind, symbol)
        for kind in _KINDS
        for name in (kind, f"{kind}[]")
        for values in query.get(name, ())
        for symbol in values.split(",")
    ]
    if len(asked) > LIMIT:
        raise RuleBroken("too_many_symbols", f"At most {LIMIT} symbols were expected, found {len(asked)}.")
    found = [_snapshot(brokerage, market, kind, symbol, now) for kind, symbol in asked]
    return [each for each in found if each is not None]


def _snapshot(brokerage: Brokerage, market: Market, kind: str, symbol: str, now: int) -> dict[str, Any] | None:
    touch = _touch(brokerage, market, kind, symbol, now)
    if touch is None:
        return None
    today = to_datetime(now).astimezone(NEW_YORK).date().isoformat()
    document: dict[str, Any] = {
        "symbol": symbol,
        "instrument-type": _KINDS[kind],
        "updated-at": stamp(now),
        "bid-size": "10.0",
        "ask-size": "10.0",
        "mark": amount((touch.bid + touch.ask) / 2),
        "mid": amount((touch.bid + touch.ask) / 2),
        "last": amount(touch.price),
        "close-price-type": "Unknown",
        "summary-date": today,
        "prev-close-date": today,
        "prev-close-price-type": "Final",
        "is-trading-halted": False,
        "halt-start-time": -1,
        "halt-end-time": -1,
    }
    if touch.bid > 0:
        document["bid"] = amount(touch.bid)
    if touch.ask > 0:
        document["ask"] = amount(touch.ask)
    return document


def _touch(brokerage: Brokerage, market: Market, kind: str, symbol: str, now: int) -> Touch | None:
    if kind == "index":
        source = market.find(normalize_symbol(symbol))
        found = source.last(now) if source else None
        if source is None or found is None:
            return None
        price = decimal_price(source, int(found.prints.price[found.first]))
        return Touch(now, price, price, price)
    try:
        return brokerage.listed(symbol).touch(now)
    except NotFound:
        return None
