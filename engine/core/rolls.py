"""The contracts behind the futures roots that an engine trades: which one is held, and when it must be left."""

from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from engine.core.config import EngineConfig, RollPolicy
from engine.core.holding import NEVER, Holding
from engine.core.levels import armed
from engine.instruments.futures import Contract, parse_contract
from engine.instruments.rolls import contract_at, is_root, rolls_at
from engine.instruments.sessions import calendar
from engine.model.enums import OrderIntent
from engine.model.event import Event
from engine.model.orders import Order
from engine.model.time import iso
from engine.portfolio.ledger import Position

if TYPE_CHECKING:
    from engine.core.engine import Engine

ROLL = "roll"  # why a position is closed


class Term(NamedTuple):
    """The contract that is active from `since` until `until`, and from when on nothing is entered in it."""

    contract: str
    since: int
    until: int
    leaves: int


class Rolls:
    """What is held belongs to the contract that it was opened in until it is flat; what is entered, to the active one.

    Without a policy a root is one thing for ever, as in stored data that were joined.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._policy = config.rolls or RollPolicy()
        self._terms: dict[str, Term] = {}
        self.roots = frozenset(each for each in config.instruments if is_root(each)) if config.rolls else frozenset()

    # ---- which contract ----------------------------------------------------------------------------------------

    def active(self, symbol: str, ts: int) -> str:
        """The contract that `symbol` stands for; the symbol itself where it is no root."""
        term = self.term(symbol, ts)
        return symbol if term is None else term.contract

    def term(self, symbol: str, ts: int) -> Term | None:
        """The time of the contract that is active at `ts`; None for what never rolls."""
        known = self._terms.get(symbol)
        if known is not None and known.since <= ts < known.until:
            return known
        if symbol not in self.roots:
            return None
        contract = contract_at(symbol, ts, rules=self._policy.rules)
        until = rolls_at(contract, rules=self._policy.rules)
        found = self._terms[symbol] = Term(contract.symbol, ts, until, self._leaves(contract))
        return found

    def of_position(self, position: Position) -> str:
        """The contract of what is held; for one whose orders did not say, what was active when it was opened."""
        return position.contract or self.active(position.symbol, position.lots[0].ts)

    def of_holding(self, holding: Holding) -> str:
        """The contract of what is held or on its way; empty where neither is."""
        if holding.position.lots:
            return self.of_position(holding.position)
        working = (record.order for record in holding.working.values())
        return next((order.contract for order in working if order.contract is not UNSET), "")

    def is_of(self, holding: Holding, contract: str, ts: int) -> bool:
        """Whether a trade in `contract` (or the symbol, or the root that stands for it now) could be of the holding."""
        return (self.of_holding(holding) or self.active(holding.symbol, ts)) == self.active(contract, ts)

    def stamped(self, order: Order, holding: Holding, ts: int) -> Order:
        """The order with its contract: that of what is held or on its way, else the active one."""
        if order.symbol not in self.roots or order.contract is not UNSET:
            return order
        return replace(order, contract=self.of_holding(holding) or self.active(order.symbol, ts))

    def is_behind(self, holding: Holding, ts: int) -> bool:
        """Whether what is held is of another contract than the one that is active now."""
        if holding.symbol not in self.roots or not holding.position.lots:
            return False
        return self.of_position(holding.position) != self.active(holding.symbol, ts)

    def doubt(self, holding: Holding, ts: int) -> str:
        """Why the symbol's prices are not those of what is held; empty where they are."""
        if not self.is_behind(holding, ts):
            return ""
        return f"{self.of_position(holding.position)} is held, and prices are of {self.active(holding.symbol, ts)}"

    def booked(self, contract: str, ts: int) -> str:
        """How our books call a contract: by the root while it is the active one of a root that is traded here."""
        return next((root for root in self.roots if self.active(root, ts) == contract), contract)

    # ---- when to leave -----------------------------------------------------------------------------------------

    def entry_problem(self, symbol: str, ts: int) -> str:
        """Why nothing is entered just before a roll; empty else."""
        term = self.term(symbol, ts)
        if term is None or ts < term.leaves:
            return ""
        return f"{term.contract} is left before it rolls at {iso(term.until)}; the next contract is entered then"

    def deadline(self, holding: Holding, ts: int) -> int:
        """When what is held must be closed because its contract rolls; `NEVER` where nothing rolls or it is kept. Late,
        while the exchange is closed, it is the next opening."""
        if holding.symbol not in self.roots:
            return NEVER
        contract = parse_contract(self.of_position(holding.position))
        leaves = self._leaves(contract)
        return leaves if ts < leaves else max(leaves, calendar(contract.product.calendar).session_open(ts))

    def on_time(self, engine: "Engine", ts: int, out: list[Event]) -> int:
        """Withdraw what waits to enter a contract that is left, and let prices of the next one decide nothing about
        what is held; when there is something to do next."""
        upcoming = NEVER
        for root in self.roots:
            term = self.term(root, ts)
            if term is not None:
                upcoming = min(upcoming, term.leaves if ts < term.leaves else NEVER, term.until)
        for holding in engine.holdings.values():
            if holding.symbol in self.roots:
                self._leave(engine, holding, ts, out)
        return upcoming

    def _leave(self, engine: "Engine", holding: Holding, ts: int, out: list[Event]) -> None:
        term = self.term(holding.symbol, ts)
        contract = self.of_holding(holding)
        if term is None or not contract or (contract == term.contract and ts < term.leaves):
            return
        entering = [record for record in holding.waiting() if record.order.intent is not OrderIntent.EXIT]
        engine.desk.withdraw(entering, ts, f"{contract} rolls", out)
        if self.is_behind(holding, ts) and holding.priced_by != contract:
            # What waits at the venue, time and wishes still decide.
            engine.guards.unwatch(holding)
            holding.priced_by = contract
            engine.guards.watch(holding)
            out.append(armed(holding, ts, f"not watched by price: {self.doubt(holding, ts)}"))

    def _leaves(self, contract: Contract) -> int:
        leaves = self._policy.leaves(contract)
        return NEVER if leaves is None else leaves
