"""What the gateway answers to each message of a program, and the faults that strike on the way."""

from collections.abc import Callable, Iterable
from functools import partial

from engine.errors import NotFound
from engine.model.time import NS_PER_S
from simulators.brokerage.account import Account
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import CANCEL, LOGIN, PLACE, QUERY, REPLACE, OrderFaults
from simulators.brokerage.orders import Refusal
from simulators.ibkr import messages
from simulators.ibkr.book import Book, Standing
from simulators.ibkr.contracts import Contracts, asked_contract
from simulators.ibkr.desk import Desk, refusal
from simulators.ibkr.placing import Invalid, read_placement
from simulators.ibkr.session import Session
from simulators.ibkr.wire import Ask, Tell, frame

READ_ONLY = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode."
TOO_FAST = "Max rate of messages per second has been exceeded:max=50"
NO_DATA = "Requested market data is not subscribed."
_QUIET = frozenset({Ask.CANCEL_MARKET_DATA, Ask.MARKET_DATA_TYPE, Ask.CANCEL_SUMMARY, Ask.CANCEL_ACCOUNT_UPDATES_MULTI,
                    Ask.AUTO_OPEN_ORDERS})  # fmt: skip


class Answers:
    """One for all programs. `master_client` is the one that hears of everybody's orders."""

    def __init__(self, brokerage: Brokerage, faults: OrderFaults, *, master_client: int) -> None:
        self.brokerage = brokerage
        self.contracts = Contracts(brokerage)
        self.book = Book(brokerage)
        self.faults = faults
        self._desk = Desk(brokerage, self.book, self.contracts)
        self._master = master_client
        self._answers: dict[Ask, Callable[[Session, list[str]], None]] = {
            Ask.OPEN_ORDERS: self._open_orders,
            Ask.ALL_OPEN_ORDERS: self._all_open_orders,
            Ask.COMPLETED_ORDERS: self._completed_orders,
            Ask.EXECUTIONS: self._executions,
            Ask.POSITIONS: self._positions,
            Ask.CANCEL_POSITIONS: self._cancel_positions,
            Ask.ACCOUNT_UPDATES: self._account_updates,
            Ask.ACCOUNT_UPDATES_MULTI: self._account_updates_multi,
            Ask.SUMMARY: self._summary,
            Ask.CONTRACT: self._contract,
            Ask.TIME: self._time,
            Ask.IDS: self._ids,
            Ask.MANAGED_ACCOUNTS: self._managed_accounts,
            Ask.MARKET_DATA: self._market_data,
        }

    def start(self, session: Session) -> None:
        """The program said who it is: its accounts, and the number of its next order."""
        session.tell_ids(list(self.brokerage.accounts), self.book.next_order_id(session.client_id))

    def hears(self, session: Session, standing: Standing) -> bool:
        """Whether a program is told of this order without asking."""
        return session.client_id >= 0 and session.client_id in (standing.entry.client_id, self._master)

    def answer(self, session: Session, fields: list[str]) -> None:
        kind = int(fields[0])
        if kind == Ask.PLACE:
            self._place(session, fields)
        elif kind in (Ask.CANCEL, Ask.GLOBAL_CANCEL):
            order_id = int(fields[2]) if kind == Ask.CANCEL else -1
            work = partial(self._desk.cancel, session.client_id, order_id)
            self._do(session, CANCEL, order_id, work if kind == Ask.CANCEL else self._desk.cancel_everything)
        elif kind in self._answers:
            self._query(session, self._answers[Ask(kind)], fields)
        elif kind not in _QUIET:
            session.say(messages.error(-1, 506, f"Unsupported version for message {kind}"))

    # ---- instructions ------------------------------------------------------------------------------------------

    def _place(self, session: Session, fields: list[str]) -> None:
        order_id = int(fields[1])
        try:
            asked = read_placement(fields)
        except Invalid as invalid:
            session.say(messages.error(order_id, invalid.code, invalid.text))
            return
        known = self.book.find(session.client_id, order_id)
        self._do(session, REPLACE if known else PLACE, order_id, partial(self._desk.place, session.client_id, asked))

    def _do(self, session: Session, action: str, order_id: int, work: Callable[[], None]) -> None:
        """`work` is done once at most; where a fault strikes first, not at all."""
        hit = partial(self.faults.hit, action=action)

        def attempt() -> None:
            try:
                work()
            except (Refusal, Invalid, NotFound) as error:
                session.say_about(order_id, messages.error(order_id, *refusal(error)))

        if self._strikes_before(session, action, order_id):
            return
        if hit("drop_answer"):
            session.break_after(attempt)
            return
        late = hit("late_answer")
        if hit("server_error_after"):
            session.hold_back(order_id)
        elif late is not None:
            session.hold_back(order_id, late.delay_s * self.faults.random("late_answer"))
        attempt()

    def _strikes_before(self, session: Session, action: str, order_id: int = -1) -> bool:
        hit = partial(self.faults.hit, action=action)
        if hit("restart") or hit("drop_request"):
            session.abort()
        elif hit("unauthorized"):
            session.say(messages.error(order_id, 321, READ_ONLY))
        elif hit("throttle"):
            session.say(messages.error(-1, 100, TOO_FAST))
        elif not (hit("server_error") or (action != QUERY and self.faults.active("upstream_lost"))):
            return False
        return True  # a message that is swallowed has no answer at all

    # ---- questions ---------------------------------------------------------------------------------------------

    def _query(self, session: Session, answer: Callable[[Session, list[str]], None], fields: list[str]) -> None:
        if not self._strikes_before(session, QUERY):
            answer(session, fields)

    def _standings(self) -> Iterable[Standing]:
        for account in self.brokerage.accounts:
            yield from self.book.standings(account)

    def _open_orders(self, session: Session, fields: list[str]) -> None:
        self._tell_open(session, lambda standing: standing.entry.client_id == session.client_id)

    def _all_open_orders(self, session: Session, fields: list[str]) -> None:
        self._tell_open(session, lambda standing: True)

    def _tell_open(self, session: Session, wanted: Callable[[Standing], bool]) -> None:
        for standing in self._standings():
            if not standing.is_over and wanted(standing):
                session.say(*self.news(standing))
        session.say(frame(Tell.OPEN_ORDERS_END, 1))

    def news(self, standing: Standing) -> tuple[bytes, bytes]:
        """How an order is, in the two messages that tell it."""
        contract = self.contracts.describe(standing.order.symbol)
        return messages.open_order(standing, contract), messages.order_status(standing)

    def _completed_orders(self, session: Session, fields: list[str]) -> None:
        for standing in self._standings():
            if standing.is_over:
                contract = self.contracts.describe(standing.order.symbol)
                session.say(messages.completed_order(standing, contract))
        session.say(frame(Tell.COMPLETED_ORDERS_END))

    def _executions(self, session: Session, fields: list[str]) -> None:
        """Of every program and of persons; the filter's account counts, and its client where one is named."""
        request, client, account = int(fields[2]), int(fields[3] or 0), fields[4]
        for standing in self._standings():
            entry = standing.entry
            if account not in ("", entry.account) or client not in (0, entry.client_id):
                continue
            contract = self.contracts.describe(standing.order.symbol)
            for each in standing.fills:
                session.say(messages.execution(entry, each, contract, standing, request=request))
                session.say(messages.commission(each))
        session.say(frame(Tell.EXECUTIONS_END, 1, request))

    def _positions(self, session: Session, fields: list[str]) -> None:
        session.wants_positions = True
        for account in self.brokerage.accounts.values():
            session.say(*self._position_frames(account))
        session.say(frame(Tell.POSITIONS_END, 1))

    def _position_frames(self, account: Account) -> list[bytes]:
        held = [each for each in account.holdings.values() if each.quantity]
        return [messages.position(account, each, self.contracts.describe(each.symbol)) for each in held]

    def _cancel_positions(self, session: Session, fields: list[str]) -> None:
        session.wants_positions = False

    def _account_updates(self, session: Session, fields: list[str]) -> None:
        number = fields[3] or next(iter(self.brokerage.accounts))
        session.wants_account = number if fields[2] == "1" else ""
        if session.wants_account and number in self.brokerage.accounts:
            self.tell_account(session, self.brokerage.account(number))
            session.say(frame(Tell.ACCOUNT_END, 1, number))

    def tell_account(self, session: Session, account: Account) -> None:
        """Values and portfolio, as a program that follows them gets them."""
        price_of = self.brokerage.price_of
        for tag, value, currency in messages.account_values(account, price_of):
            session.say(frame(Tell.ACCOUNT_VALUE, 2, tag, value, currency, account.number))
        for held in account.holdings.values():
            session.say(messages.portfolio(account, held, self.contracts.describe(held.symbol), price_of))
        session.say(messages.account_time(self.brokerage.now))

    def _account_updates_multi(self, session: Session, fields: list[str]) -> None:
        request, number = fields[2], fields[3]
        if number in self.brokerage.accounts:
            account = self.brokerage.account(number)
            for tag, value, currency in messages.account_values(account, self.brokerage.price_of):
                session.say(frame(Tell.ACCOUNT_MULTI, 1, request, number, "", tag, value, currency))
        session.say(frame(Tell.ACCOUNT_MULTI_END, 1, request))

    def _summary(self, session: Session, fields: list[str]) -> None:
        request, wanted = fields[2], set(fields[4].split(","))
        for number, account in self.brokerage.accounts.items():
            for tag, value, currency in messages.account_values(account, self.brokerage.price_of):
                if tag in wanted:
                    session.say(frame(Tell.SUMMARY, 1, request, number, tag, value, currency))
        session.say(frame(Tell.SUMMARY_END, 1, request))

    def _contract(self, session: Session, fields: list[str]) -> None:
        request = int(fields[2])
        found = self.contracts.symbols(asked_contract(fields[3:15]))
        for symbol in found:
            session.say(messages.contract_details(request, self.contracts.describe(symbol), symbol))
        if found:
            session.say(frame(Tell.CONTRACT_END, 1, request))
        else:
            session.say(messages.error(request, 200, "No security definition has been found for the request"))

    def _time(self, session: Session, fields: list[str]) -> None:
        session.say(frame(Tell.TIME, 1, self.brokerage.now // NS_PER_S))

    def _ids(self, session: Session, fields: list[str]) -> None:
        session.say(frame(Tell.NEXT_ID, 1, self.book.next_order_id(session.client_id)))

    def _managed_accounts(self, session: Session, fields: list[str]) -> None:
        session.say(frame(Tell.MANAGED_ACCOUNTS, 1, ",".join(self.brokerage.accounts)))

    def _market_data(self, session: Session, fields: list[str]) -> None:
        session.say(messages.error(int(fields[2]), 354, NO_DATA))

    def may_log_in(self) -> bool:
        """Whether a connection is accepted now."""
        return not (self.faults.hit("restart", action=LOGIN) or self.faults.active("cut_stream"))
