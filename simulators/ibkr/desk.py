"""What the gateway does with instructions: orders in, their changes and cancels, brackets and groups."""

from typing import NamedTuple

from engine.errors import NotFound
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import Refusal, State, Ticket
from simulators.ibkr.book import Book, Entry
from simulators.ibkr.contracts import Contracts
from simulators.ibkr.placing import Invalid, Placement, number, ticket_of

_NO_MONEY = (
    "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN "
    "VALUE [{detail}] MUST EXCEED THE INITIAL MARGIN"
)
_REFUSALS = {
    "unknown_symbol": (200, "No security definition has been found for the request"),
    "bad_price": (110, "The price does not conform to the minimum price variation for this contract."),
    "buying_power": (201, _NO_MONEY),
    "cannot_cancel": (10148, "OrderId {order} that needs to be cancelled cannot be cancelled, state: {state}."),
    "cannot_replace": (104, "Cannot modify a filled order."),
    "not_shortable": (201, "Order rejected - reason:The contract is not available for short sale."),
}
CANCEL_WITH_BLOCK = "1"  # the other types make the rest of the group smaller
_SPENT = frozenset({State.FILLED, State.CANCELLED})  # the name of a group that had such an order is not taken again


class _Held(NamedTuple):
    """An order that its program did not let go yet (`transmit` is off)."""

    asked: Placement
    entry: Entry
    ticket: Ticket


class Desk:
    """Instructions of all programs. `Invalid` carries what the program is told where something is not taken."""

    def __init__(self, brokerage: Brokerage, book: Book, contracts: Contracts) -> None:
        self._brokerage = brokerage
        self._book = book
        self._contracts = contracts
        self._held: dict[tuple[int, int], _Held] = {}
        self._groups: dict[tuple[str, str], int] = {}  # (account, OCA group) → the brokerage's

    def place(self, client_id: int, asked: Placement) -> None:
        """A new order, or a change where the program has one of that number."""
        entry = self._book.find(client_id, asked.order_id)
        if entry is not None and (client_id, asked.order_id) not in self._held:
            self._change(entry, asked)
            return
        if entry is None and asked.order_id < self._book.next_order_id(client_id):
            raise Invalid(103, "Duplicate order id.")
        self._book.used(client_id, asked.order_id)
        account, symbol = self._account(asked), self._symbol(asked)
        if (number(asked.quantity) or 0) % 1 and asked.contract.sec_type == "STK":
            raise Invalid(10243, "Fractional-sized order cannot be placed via API. Please use desktop version.")
        entry = entry or self._book.enter(client_id, asked, account)
        try:
            self._take(client_id, _Held(asked, entry, ticket_of(asked, symbol, perm_id=entry.perm_id)))
        except (Refusal, Invalid):
            self._held.pop((client_id, asked.order_id), None)
            self._book.forget(entry)
            raise

    def cancel(self, client_id: int, order_id: int) -> None:
        held = self._held.pop((client_id, order_id), None)
        if held is not None:
            self._book.forget(held.entry)
            return
        entry = self._book.find(client_id, order_id)
        if entry is None:
            raise Invalid(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        self._cancel(entry)

    def cancel_everything(self) -> None:
        """All orders of all accounts, whoever placed them."""
        for account in self._brokerage.accounts:
            for standing in self._book.standings(account):
                if not standing.is_over and not standing.order.is_cancelling:
                    self._brokerage.cancel(account, standing.order.id)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _take(self, client_id: int, placed: _Held) -> None:
        key = client_id, placed.asked.order_id
        if not placed.asked.transmit:
            self._held[key] = placed
            return
        self._held.pop(key, None)
        if placed.asked.parent_id:
            self._release_bracket(client_id, placed)
        elif placed.asked.oca_group:
            self._join_group(placed)
        else:
            self._book.entry_of(self._brokerage.place(placed.entry.account, placed.ticket))

    def _release_bracket(self, client_id: int, last: _Held) -> None:
        """The parent and everything that waits for it are let go together."""
        parent = self._held.get((client_id, last.asked.parent_id))
        if parent is None:
            raise Invalid(135, f"Can't find order with id ={last.asked.parent_id}")
        siblings = [held for held in self._held.values() if self._is_child(client_id, held, last.asked.parent_id)]
        children = [*siblings, last]
        tickets = [child.ticket for child in children]
        for order in self._brokerage.place_bracket(parent.entry.account, parent.ticket, tickets):
            self._book.entry_of(order)
        for held in (parent, *siblings):
            del self._held[client_id, held.asked.order_id]

    @staticmethod
    def _is_child(client_id: int, held: _Held, parent_id: int) -> bool:
        return (held.entry.client_id, held.asked.parent_id) == (client_id, parent_id)

    def _join_group(self, placed: _Held) -> None:
        account, name = placed.entry.account, placed.asked.oca_group
        key, group = (account, name), self._groups.get((account, name))
        if group is not None and any(each.state in _SPENT for each in self._brokerage.group(account, group)):
            raise Invalid(201, f"Order rejected - reason:OCA group {name} was used before.")
        order = self._brokerage.place_in_group(
            account, placed.ticket, group, ends_by_part=placed.asked.oca_type == CANCEL_WITH_BLOCK
        )
        self._book.entry_of(order)
        self._groups[key] = order.group

    def _change(self, entry: Entry, asked: Placement) -> None:
        standing = self._book.standing(entry)
        if standing.is_over:
            raise Invalid(*_worded("cannot_replace"))
        if (asked.oca_group, asked.oca_group and asked.oca_type) != (
            entry.oca_group,
            entry.oca_group and entry.oca_type,
        ):
            raise Invalid(10326, "OCA group revision is not allowed.")
        ticket = ticket_of(asked, standing.order.symbol, perm_id=entry.perm_id, already_filled=standing.filled)
        if ticket.side is not standing.order.ticket.side:
            raise Invalid(105, "Order being modified does not match original order.")
        self._book.entry_of(self._brokerage.replace(entry.account, standing.order.id, ticket))

    def _cancel(self, entry: Entry) -> None:
        standing = self._book.standing(entry)
        try:
            self._brokerage.cancel(entry.account, standing.order.id)
        except Refusal:
            raise Invalid(*_worded("cannot_cancel", order=entry.order_id, state=standing.status)) from None

    def _account(self, asked: Placement) -> str:
        accounts = list(self._brokerage.accounts)
        if not asked.account and len(accounts) == 1:
            return accounts[0]
        if asked.account not in accounts:
            raise Invalid(435, "You must specify an account.")
        return asked.account

    def _symbol(self, asked: Placement) -> str:
        found = self._contracts.symbols(asked.contract)
        if not found:
            raise Invalid(*_worded("unknown_symbol"))
        if len(found) > 1:
            raise Invalid(200, f"The contract description specified for {asked.contract.symbol} is ambiguous.")
        return found[0]


def refusal(error: Refusal | Invalid | NotFound) -> tuple[int, str]:
    """(code, sentence) as the program is told."""
    if isinstance(error, Invalid):
        return error.code, error.text
    if isinstance(error, NotFound):
        return _worded("unknown_symbol")
    if not error.is_injected and error.code in _REFUSALS:
        return _worded(error.code, detail=error.detail)
    return 201, f"Order rejected - reason:{error.code if error.is_injected else error.detail}"


def _worded(code: str, **values: object) -> tuple[int, str]:
    number, text = _REFUSALS[code]
    return number, text.format(**values) if values else text
