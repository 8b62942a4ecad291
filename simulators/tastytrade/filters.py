"""The parameters of tastytrade's lists: which orders, since when, which page."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from engine.instruments.catalog import instrument_for
from engine.model.time import from_datetime
from simulators.brokerage.orders import SimOrder
from simulators.sessions import NEW_YORK
from simulators.tastytrade.words import status_of, symbol_of, underlying_of

Query = Mapping[str, Sequence[str]]


def start_of(query: Query) -> int:
    """`start-at` (a moment) or `start-date` (a day in New York) as UTC ns; 0 where neither is given."""
    if "start-at" in query:
        return from_datetime(datetime.fromisoformat(query["start-at"][0]))
    if "start-date" in query:
        return from_datetime(datetime.combine(date.fromisoformat(query["start-date"][0]), time(), NEW_YORK))
    return 0


def chosen(orders: Sequence[SimOrder], query: Query) -> list[SimOrder]:
    """The orders that the query asks for, newest first unless it says otherwise."""
    start, states = start_of(query), query.get("status[]", ())
    underlyings = [*query.get("underlying-symbol", ()), *query.get("futures-symbol", ())]
    found = [
        order
        for order in orders
        if order.placed_ts >= start
        and (not states or status_of(order) in states)
        and (not underlyings or _names(order) & set(underlyings))
    ]
    return found if query.get("sort", ["Desc"])[0] == "Asc" else found[::-1]


def paging(query: Query, *, per_page: int) -> dict[str, int]:
    return {
        "per_page": int(query.get("per-page", [str(per_page)])[0]),
        "offset": int(query.get("page-offset", ["0"])[0]),
    }


def _names(order: SimOrder) -> set[str]:
    return {symbol_of(order.symbol), underlying_of(order.symbol, instrument_for(order.symbol))}
