"""Futures between our books and a venue that trades contracts: a root is the contract of the day, both ways; pure."""

from collections.abc import Iterable
from datetime import date

from msgspec import UNSET

from engine.instruments.futures import ROOTS, Contract, active_contract, parse_contract
from engine.model.orders import Order


class BookedFutures:
    """A root ("/NQ") is the contract that is active on the trading day. A contract that the books trade by its own name
    keeps it: those in `contracts`, and every one that was asked for by name."""

    def __init__(self, contracts: Iterable[str] = ()) -> None:
        self._contracts = set(contracts)

    def contract(self, symbol: str, day: date) -> Contract:
        """The contract that the books mean by `symbol`."""
        if symbol.removeprefix("/") in ROOTS:
            return active_contract(symbol, day)
        contract = parse_contract(symbol, as_of=day)
        self._contracts.add(contract.symbol)
        return contract

    def of_order(self, order: Order, day: date) -> Contract:
        """The contract that the order is for: the one it names, also where its root is another one by now."""
        if order.contract is UNSET:
            return self.contract(order.symbol, day)
        return parse_contract(order.contract, as_of=day)

    def ours(self, contract: Contract, day: date) -> str:
        """The spelling in our books."""
        is_active = contract == active_contract(contract.root, day)
        return f"/{contract.root}" if is_active and contract.symbol not in self._contracts else contract.symbol
