"""The gateway's socket: takes programs in, moves the broker and the faults on, and tells everybody what happens."""

import asyncio
from typing import NamedTuple

from simulators.brokerage.orders import SimOrder, State
from simulators.brokerage.updates import Kind, Update
from simulators.faults import FaultBoard
from simulators.ibkr import messages
from simulators.ibkr.answers import Answers
from simulators.ibkr.book import Standing
from simulators.ibkr.session import Session
from simulators.listening import SocketListener

LOST = "Connectivity between IBKR and Trader Workstation has been lost."
RESTORED = "Connectivity between IBKR and Trader Workstation has been restored - data maintained."


class _News(NamedTuple):
    """What one update tells: whose order it is, and the frames."""

    standing: Standing
    frames: list[bytes]


class Gateway(SocketListener[Session]):
    """Sessions of programs. `poll_s` is how often the broker looks at the market."""

    def __init__(self, answers: Answers, faults: FaultBoard, *, poll_s: float) -> None:
        super().__init__(poll_s=poll_s)
        self.answers = answers
        self.faults = faults
        self._is_cut_off = False  # from the venue behind it
        self._waiting: list[Update] = []
        answers.brokerage.listen(self._heard)

    @property
    def now(self) -> int:
        return self.answers.brokerage.now

    def is_taken(self, client_id: int) -> bool:
        return any(session.client_id == client_id for session in self.clients)

    def expire_tokens(self) -> None:
        """Fault control: programs have none here."""
        return

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Session | None:
        is_shut = self.faults.refuses_connections or not self.answers.may_log_in()
        return None if is_shut else Session(reader, writer, self)

    def _turn(self, now: float) -> None:
        self.faults.advance(self)
        self.answers.faults.advance(self)
        self._watch_upstream()
        self.answers.brokerage.advance()
        for session in tuple(self.clients):
            session.turn()

    # ---- telling -----------------------------------------------------------------------------------------------

    def _watch_upstream(self) -> None:
        """Say when the line to the venue is lost and when it is back; what happened in between is told then."""
        is_lost = self.answers.faults.active("upstream_lost") is not None
        if is_lost == self._is_cut_off:
            return
        self._is_cut_off = is_lost
        code, text = (1100, LOST) if is_lost else (1102, RESTORED)
        for session in self._started():
            session.say(messages.error(-1, code, text))
        waiting, self._waiting = self._waiting, []
        for update in waiting:
            self._tell(update)

    def _heard(self, update: Update) -> None:
        if self._is_cut_off:
            self._waiting.append(update)
        else:
            self._tell(update)

    def _tell(self, update: Update) -> None:
        if update.order is not None:
            if update.order.state is not State.REPLACED:  # the change that takes its place tells how the order is
                self._tell_order(update, update.order)
            return
        for session in self._started():
            if update.holding is not None and session.wants_positions:
                contract = self.answers.contracts.describe(update.holding.symbol)
                session.say(messages.position(update.account, update.holding, contract))
            if update.kind is Kind.BALANCE and session.wants_account == update.account.number:
                self.answers.tell_account(session, update.account)

    def _tell_order(self, update: Update, order: SimOrder) -> None:
        news = self._news(update, order)
        for session in self._started():
            if self.answers.hears(session, news.standing):
                session.say_about(news.standing.entry.order_id, *news.frames)

    def _news(self, update: Update, order: SimOrder) -> _News:
        """An execution comes before the status that counts it, what it cost behind it; a reason of an end last."""
        book = self.answers.book
        entry = book.entry_of(order)
        standing = book.standing(entry)
        frames: list[bytes] = []
        if update.execution is not None:
            contract = self.answers.contracts.describe(order.symbol)
            frames.append(messages.execution(entry, update.execution, contract, standing))
        frames += self.answers.news(standing)
        if update.execution is not None:
            frames.append(messages.commission(update.execution))
        elif entry.order_id and standing.order.id == order.id:
            frames += _reason(standing)
        return _News(standing, frames)

    def _started(self) -> list[Session]:
        return [session for session in self.clients if session.client_id >= 0]


def _reason(standing: Standing) -> list[bytes]:
    """Why an order ended without being filled, as an error of its number."""
    order, number = standing.order, standing.entry.order_id
    if order.state is State.REJECTED:
        return [messages.error(number, 201, f"Order rejected - reason:{order.reason}")]
    if order.state in (State.CANCELLED, State.EXPIRED):
        return [messages.error(number, 202, f"Order Canceled - reason:{order.reason}")]
    return []
