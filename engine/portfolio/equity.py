"""Equity and drawdown of a book, and of each of its strategies, symbols and brokers."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from engine.instruments.sessions import Session
from engine.model.positions import TradeClosed
from engine.portfolio.ledger import Key, Position

BOOK = ("book", "")
ZERO = Decimal(0)
Name = tuple[str, str]


class Account(msgspec.Struct):
    """Money of one strategy, symbol, broker or the whole book, in cash since the run began.

    `equity` = realised − fees + open profit. `drawdown` is what was lost since the peak, ≥ 0; the peak starts at 0.
    """

    realized: Decimal = ZERO  # fees deducted
    settled: float = 0.0  # the same, observed
    open: float = 0.0
    peak: float = 0.0
    worst: float = 0.0  # the deepest drawdown so far
    day_start: float = 0.0  # equity when the trading day began
    trades: int = 0
    wins: int = 0
    losses: int = 0
    won: float = 0.0  # cash of all winning trades
    lost: float = 0.0  # cash of all losing trades, ≥ 0
    losses_in_a_row: int = 0
    last_exit_ts: int = 0

    @property
    def equity(self) -> float:
        return self.settled + self.open

    @property
    def drawdown(self) -> float:
        return self.peak - self.equity

    def book(self, pnl: float, ts: int) -> None:
        """A round trip ended. One that earned nothing is neither a win nor a loss, but ends a streak."""
        self.trades += 1
        self.last_exit_ts = ts
        self.losses_in_a_row = self.losses_in_a_row + 1 if pnl < 0 else 0
        if pnl > 0:
            self.wins += 1
            self.won += pnl
        elif pnl < 0:
            self.losses += 1
            self.lost -= pnl

    def mark(self, change: float) -> None:
        """Open profit changed: keep the peak and the deepest fall from it."""
        self.open += change
        equity = self.settled + self.open
        if equity > self.peak:
            self.peak = equity
        elif self.peak - equity > self.worst:
            self.worst = self.peak - equity


class Accounts:
    """The accounts of a run, moved by fills and by marks. `session_of` says when a trading day ends; without it days
    are not told apart."""

    def __init__(self, session_of: Callable[[int], Session] | None = None) -> None:
        self._session_of = session_of
        self._accounts: dict[Name, Account] = {BOOK: Account()}
        self._open: dict[Key, float] = {}
        self._net: dict[Key, Decimal] = {}
        self._of: dict[Key, tuple[Account, ...]] = {}
        self._day_end = 0

    def __getitem__(self, name: Name) -> Account:
        """The account of ("strategy", name), ("symbol", name), ("broker", name) or `BOOK`."""
        return self._accounts.setdefault(name, Account())

    def concerned(self, key: Key) -> tuple[Account, ...]:
        """Book, strategy, symbol and broker of a position."""
        found = self._of.get(key)
        if found is None:
            strategy, symbol, broker = key
            names = (BOOK, ("strategy", strategy), ("symbol", symbol), ("broker", broker))
            found = self._of[key] = tuple(self[name] for name in names)
        return found

    def begin(self, ts: int) -> None:
        """Time is `ts`: when a new trading day began, today's profit counts from here."""
        if self._session_of is not None and ts >= self._day_end:
            self._day_end = self._session_of(ts).close
            for account in self._accounts.values():
                account.day_start = account.equity

    def is_one_day(self, ts: int, other: int) -> bool:
        """Whether both belong to one trading day; False where days are not told apart."""
        return self._session_of is not None and self._session_of(ts) == self._session_of(other)

    def take_over(self, key: Key, position: Position) -> None:
        """What the position earned before these accounts knew it is not theirs: they begin with what comes next."""
        if position.realized or position.fees:
            self._net.setdefault(key, position.realized - position.fees)

    def lost_today(self, name: Name, ts: int) -> float:
        """Cash that the account lost since the trading day of `ts` began, ≥ 0; reads only."""
        account = self._accounts.get(name)
        if account is None or ts >= self._day_end:
            return 0.0
        return max(account.day_start - account.equity, 0.0)

    def mark(self, key: Key, position: Position, price: float, ts: int) -> None:
        """The position is worth something else."""
        if ts >= self._day_end:
            self.begin(ts)
        profit = position.held * price - position.paid
        change = profit - self._open.get(key, 0.0)
        if change:
            self._open[key] = profit
            for account in self.concerned(key):
                account.mark(change)

    def settle(self, key: Key, position: Position, price: float, ts: int) -> None:
        """A fill was booked, while the market stood at `price`."""
        self.begin(ts)
        net = position.realized - position.fees
        earned = net - self._net.get(key, ZERO)
        self._net[key] = net
        profit = position.unrealized(price) if position.quantity else 0.0
        change = profit - self._open.get(key, 0.0)
        self._open[key] = profit
        for account in self.concerned(key):
            account.realized += earned
            account.settled = float(account.realized)
            account.mark(change)

    def closed(self, trade: TradeClosed) -> None:
        """A round trip ended."""
        for account in self.concerned((trade.strategy, trade.symbol, trade.broker)):
            account.book(float(trade.pnl), trade.exit_ts)

    def __iter__(self) -> Iterator[tuple[Name, Account]]:
        return iter(self._accounts.items())

    def state(self) -> "AccountsState":
        """For a snapshot."""
        return AccountsState(
            list(self._accounts.items()), list(self._open.items()), list(self._net.items()), self._day_end
        )

    def load(self, state: "AccountsState") -> None:
        """From a snapshot."""
        self._accounts = {BOOK: Account(), **dict(state.accounts)}
        self._open, self._net, self._of = dict(state.open), dict(state.net), {}
        self._day_end = state.day_end


class AccountsState(msgspec.Struct):
    """The accounts in a snapshot."""

    accounts: list[tuple[Name, Account]] = []
    open: list[tuple[Key, float]] = []
    net: list[tuple[Key, Decimal]] = []
    day_end: int = 0
