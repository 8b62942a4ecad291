"""Which contract a futures root was, stretch by stretch, along the roll calendar of this process."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.instruments.futures import Contract
from engine.instruments.rolls import contract_at, is_root, rolls_at


class Stretch(NamedTuple):
    """The time (start, end] in which a root was `contract`; a bar belongs to the stretch that it closes in."""

    contract: Contract
    start: int
    end: int


def stretches(root: str, start: int, end: int) -> Iterator[Stretch]:
    """(start, end] cut where the root rolls, oldest first."""
    while start < end:
        contract = contract_at(root, start)
        until = min(rolls_at(contract), end)
        yield Stretch(contract, start, until)
        start = until


def same_contract_since(symbol: str, now: int) -> int:
    """Since when `symbol` has been the contract that it is `now`; 0 for what does not roll."""
    if not is_root(symbol):
        return 0
    contract = contract_at(symbol, now)
    before = _previous(contract)
    return rolls_at(before)


def _previous(contract: Contract) -> Contract:
    found = Contract(contract.root, contract.year - 1, contract.month)
    while found.following != contract:
        found = found.following
    return found
