"""The moment at which a root's active contract changes: the end of the last session before its roll day."""

from datetime import date

from engine.instruments.futures import ROOTS, Contract, RollRules, active_contract, parse_contract
from engine.instruments.sessions import calendar

_DAYS = "CME_INDEX"  # every root trades on the same days


def is_root(symbol: str) -> bool:
    """Whether `symbol` ("/NQ") stands for whichever contract is the active one."""
    return symbol.startswith("/") and symbol[1:] in ROOTS


def futures_day(ts: int) -> date:
    """The trading day of `ts`: what decides which contract is the active one. From one session's end on it is the
    next one's day, so that a whole session is of one contract."""
    return calendar(_DAYS).trading_day(ts)


def contract_at(root: str, ts: int, *, rules: RollRules | None = None) -> Contract:
    """The contract that is active at `ts`, by `rules` or else by those of this process."""
    return active_contract(root, futures_day(ts), rules=rules)


def contract_of(name: str, ts: int) -> Contract:
    """The contract that a future's name means at `ts`: a root's active one, or the one that it names."""
    return contract_at(name, ts) if is_root(name) else parse_contract(name, as_of=futures_day(ts))


def rolls_at(contract: Contract, *, rules: RollRules | None = None) -> int:
    """The moment from which the next contract is the active one."""
    return calendar(_DAYS).close_before(contract.roll_day(rules=rules))


def last_session_ends(contract: Contract, *, rules: RollRules | None = None) -> int:
    """When nothing trades any more under `contract` as the active one: on short days some products close early."""
    own = calendar(contract.product.calendar).close_before(contract.roll_day(rules=rules))
    return min(own, rolls_at(contract, rules=rules))
