"""Symbols between us and tastytrade: pure spelling."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from brokers.futures import BookedFutures
from brokers.venue import OrderRefused
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import ROOTS, parse_contract
from engine.instruments.instrument import AssetClass
from engine.model.orders import Order

INSTRUMENT_TYPES = {
    AssetClass.EQUITY: "Equity",
    AssetClass.FUTURE: "Future",
    AssetClass.OPTION: "Equity Option",
}


class VenueName(NamedTuple):
    """How the venue calls an instrument."""

    kind: str
    symbol: str


class Names:
    """Roots of futures and their contracts are named as `BookedFutures` says."""

    def __init__(self, contracts: Iterable[str] = ()) -> None:
        self._futures = BookedFutures(contracts)

    def venue(self, symbol: str, day: date) -> VenueName:
        """`OrderRefused` for what has no name there."""
        asset_class = asset_class_of(symbol)
        kind = INSTRUMENT_TYPES.get(asset_class)
        if kind is None:
            raise OrderRefused(f"symbol: {symbol} cannot be ordered at tastytrade ({asset_class})", field="symbol")
        if asset_class is AssetClass.FUTURE:
            return VenueName(kind, self._futures.contract(symbol, day).tastytrade)
        return VenueName(kind, symbol.replace(".", "/") if asset_class is AssetClass.EQUITY else symbol)

    def of_order(self, order: Order, day: date) -> VenueName:
        """The same for what an order is for."""
        if asset_class_of(order.symbol) is AssetClass.FUTURE:
            return VenueName(INSTRUMENT_TYPES[AssetClass.FUTURE], self._futures.of_order(order, day).tastytrade)
        return self.venue(order.symbol, day)

    def ours(self, kind: str, text: str, day: date) -> str:
        """The spelling in our books; what we do not know keeps the venue's."""
        if kind == "Equity":
            return normalize_symbol(text, AssetClass.EQUITY)
        if kind == "Equity Option":
            return normalize_symbol(text)
        if kind != "Future" or text.removeprefix("/")[:-2] not in ROOTS:
            return text
        return self._futures.ours(parse_contract(text, as_of=day), day)
