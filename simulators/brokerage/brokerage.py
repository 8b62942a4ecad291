"""One venue's broker as its protocol sees it: accounts, orders in, news out."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from engine.errors import NotFound
from engine.model.enums import OrderType
from engine.model.time import NS_PER_S
from simulators.brokerage.account import Account, AccountSetup
from simulators.brokerage.checks import Asked, check
from simulators.brokerage.faults import PLACE, OrderFaults
from simulators.brokerage.floor import Floor
from simulators.brokerage.listed import Exchange, Listed
from simulators.brokerage.orders import Execution, Refusal, SimOrder, State, Ticket
from simulators.brokerage.updates import Listener
from simulators.market import Market


class BrokerageSetup(msgspec.Struct, frozen=True):
    """One venue's broker. `hard_to_borrow`: stocks that cannot be sold short."""

    accounts: tuple[AccountSetup, ...] = ()
    first_order_id: int = 270_001
    hard_to_borrow: frozenset[str] = frozenset({"MSTR"})


class Brokerage:
    """Orders enter by `place`, time by `advance`, news leaves by `listen`. `market_now` is market time in UTC ns,
    `clock` wall seconds (for faults that delay).

    Nothing trades inside `place`: an order meets the market at the next `advance`, as one does at a venue.
    """

    def __init__(
        self,
        market: Market,
        setup: BrokerageSetup,
        *,
        market_now: Callable[[], int],
        faults: OrderFaults,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.setup = setup
        self.faults = faults
        self.accounts = {each.number: Account(each, opened_ts=market_now()) for each in setup.accounts}
        self._market_now = market_now
        self._exchange = Exchange(market)
        self._floor = Floor(
            self._exchange, self.accounts, faults, clock=clock, market_now=market_now, venue_now=lambda: self.now,
            always_open=market.config.always_open, first_order_id=setup.first_order_id,
        )  # fmt: skip

    @property
    def now(self) -> int:
        """The venue's clock, UTC ns: the market's unless it is skewed by a fault."""
        skew = self.faults.active("clock_skew")
        return self._market_now() + (int(skew.delay_s * NS_PER_S) if skew else 0)

    def advance(self) -> None:
        """Move to the market's present: trade, cancel, expire, settle, tell."""
        self._floor.advance()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hand every update to `listener` until the returned function is called."""
        self._floor.telling.listeners.append(listener)
        return lambda: self._floor.telling.listeners.remove(listener)

    # ---- questions -----------------------------------------------------------------------------------------

    def account(self, number: str) -> Account:
        if number not in self.accounts:
            raise NotFound(f"There is no account {number}.", field="account")
        return self.accounts[number]

    def listed(self, symbol: str) -> Listed:
        """`NotFound` for what cannot be traded here."""
        return self._exchange.find(symbol, self._market_now())

    def price_of(self, symbol: str) -> Decimal | None:
        """The last price, for values and margins."""
        touch = self.listed(symbol).touch(self._market_now())
        return touch.price if touch else None

    def order(self, number: str, order_id: int) -> SimOrder:
        return self._find(number, order_id).copy()

    def orders(self, number: str, *, since: int = 0) -> list[SimOrder]:
        """The account's open orders and those that changed at or after `since`, oldest first."""
        self.account(number)
        found = (order for order in self._floor.orders.values() if order.account == number)
        return [order.copy() for order in found if not order.state.is_final or order.updated_ts >= since]

    def group(self, number: str, group: int) -> list[SimOrder]:
        """The orders of one OCO or bracket, oldest first."""
        return [order for order in self.orders(number) if order.group == group]

    def executions(self, number: str, *, since: int = 0) -> list[Execution]:
        return [each for each in self.account(number).executions if each.ts >= since]

    def preview(self, number: str, ticket: Ticket) -> SimOrder:
        """What `place` would make of it, without making it; `Refusal` likewise. Its id is 0."""
        account = self.account(number)
        return self._new(account, ticket, self._check(account, ticket))

    # ---- instructions --------------------------------------------------------------------------------------

    def place(self, number: str, ticket: Ticket) -> SimOrder:
        """Take an order; `Refusal` where the venue does not."""
        return self._place(number, [ticket])[0].copy()

    def place_oco(self, number: str, tickets: Sequence[Ticket]) -> list[SimOrder]:
        """Orders of which one ends the others."""
        return [order.copy() for order in self._place(number, tickets, group=self._floor.new_group())]

    def place_in_group(
        self, number: str, ticket: Ticket, group: int | None = None, *, ends_by_part: bool = False
    ) -> SimOrder:
        """An order of an OCO whose orders come one by one; its group is what the next one of it names."""
        account = self.account(number)
        order = self._new(account, ticket, self._check(account, ticket, is_child=group is not None))
        order.group, order.is_oco, order.ends_by_part = group or self._floor.new_group(), True, ends_by_part
        self._floor.enter(order)
        return order.copy()

    def place_bracket(
        self, number: str, trigger: Ticket, children: Sequence[Ticket], *, is_oco: bool = True
    ) -> list[SimOrder]:
        """An order, first in the answer, and those that begin to work when it is filled, of which one ends the
        others."""
        group = self._floor.new_group()
        account = self.account(number)
        checked = [self._check(account, ticket, is_child=True) for ticket in children]
        (parent,) = self._place(number, [trigger], group=group)
        waiting = [self._new(account, *pair) for pair in zip(children, checked, strict=True)]
        for order in waiting:
            order.group, order.parent, order.state = group, parent.id, State.CONTINGENT
            order.is_oco = is_oco
            self._floor.enter(order)
        return [parent.copy(), *(order.copy() for order in waiting)]

    def cancel(self, number: str, order_id: int) -> SimOrder:
        """Ask for the cancel; it is done at the next `advance` unless the order trades first."""
        order = self._find(number, order_id)
        if order.state.is_final:
            raise Refusal("cannot_cancel", f"The order is {order.state} and cannot be cancelled.")
        order.is_cancelling = True
        self._floor.tell(order)
        return order.copy()

    def replace(self, number: str, order_id: int, ticket: Ticket) -> SimOrder:
        """A new order in the old one's place, which ends when the new one begins; a fill of the old one in between
        ends the new one instead."""
        old = self._find(number, order_id)
        if old.state.is_final or old.is_cancelling or old.replaced_by:
            raise Refusal("cannot_replace", f"The order is {old.state} and cannot be replaced.")
        account = self.account(number)
        new = self._new(account, ticket, self._check(account, ticket, replacing=old))
        new.state, new.replaces = State.CONTINGENT, old.id
        new.group, new.is_oco, new.ends_by_part = old.group, old.is_oco, old.ends_by_part
        self._floor.enter(new)
        old.replaced_by = new.id
        self._floor.tell(old)
        return new.copy()

    # ---- helpers -------------------------------------------------------------------------------------------

    def _place(self, number: str, tickets: Sequence[Ticket], *, group: int = 0) -> list[SimOrder]:
        """All or none. Only the first is held against the buying power: of the others one at most will trade."""
        account = self.account(number)
        checked = [self._check(account, ticket, is_child=place > 0) for place, ticket in enumerate(tickets)]
        orders = [self._new(account, *pair) for pair in zip(tickets, checked, strict=True)]
        for order in orders:
            order.group, order.is_oco = group, len(orders) > 1
            self._floor.enter(order)
        return orders

    def _check(
        self, account: Account, ticket: Ticket, *, is_child: bool = False, replacing: SimOrder | None = None
    ) -> Listed:
        try:
            listed = self.listed(ticket.symbol)
        except NotFound as error:
            raise Refusal("unknown_symbol", error.detail) from error
        script = self.faults.hit("reject", action=PLACE, symbol=listed.symbol)
        if script is not None:
            code = script.code or "rejected"
            raise Refusal(code, f"The order was refused ({code}).", is_injected=True)
        open_orders = [order for order in self.orders(account.number, since=self.now + 1) if not order.state.is_final]
        asked = Asked(account, ticket, listed, open_orders, is_child=is_child, replacing=replacing)
        check(asked, now=self._market_now(), price_of=self.price_of, hard_to_borrow=self.setup.hard_to_borrow)
        return listed

    def _new(self, account: Account, ticket: Ticket, listed: Listed) -> SimOrder:
        stop = ticket.stop_price if ticket.type is not OrderType.TRAILING_STOP else None
        return SimOrder(
            id=0, account=account.number, ticket=ticket, symbol=listed.symbol, quantity=ticket.quantity,
            placed_ts=self.now, updated_ts=self.now, stop_price=stop,
        )  # fmt: skip

    def _find(self, number: str, order_id: int) -> SimOrder:
        self.account(number)
        order = self._floor.orders.get(order_id)
        if order is None or order.account != number:
            raise NotFound(f"There is no order {order_id} in account {number}.", field="order")
        return order
