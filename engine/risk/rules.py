"""The rules: each looks at one order that adds exposure, and says what is wrong or nothing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Protocol

import msgspec

from engine.instruments.instrument import Instrument
from engine.instruments.options import underlying_of
from engine.instruments.sessions import session_of
from engine.model.orders import Order
from engine.model.time import iso
from engine.portfolio.equity import BOOK, Accounts, Name
from engine.portfolio.ledger import Key, Ledger
from engine.risk.config import RiskConfig, StrategyLimits
from engine.risk.day_trading import (
    FREE_DAY_TRADES,
    MIN_EQUITY,
    DayTrades,
    DayTradingAccount,
    DayTradingRule,
    counts,
    maintenance,
    trading_date,
)

NS = 1_000_000_000
ZERO = Decimal(0)


class Denial(msgspec.Struct, frozen=True):
    """Which rule said no, to which value, by which limit, in words."""

    rule: str
    value: str
    limit: str
    reason: str


class Facts(msgspec.Struct):
    """What the rules may look at."""

    now: int
    price: float  # the symbol's last price, nan before the first
    price_ts: int
    instrument: Instrument
    ledger: Ledger
    accounts: Accounts
    pending: Callable[[], dict[Key, Decimal]]  # signed quantities on their way, protective orders left out
    price_of: Callable[[str], float]
    instruments: Mapping[str, Instrument]

    last: Decimal | None = None  # the last price on the grid; worked out when first asked for

    def last_price(self) -> Decimal | None:
        """The symbol's last price on its grid; None before the first."""
        if self.last is None and self.price == self.price:
            self.last = self.instrument.price(self.price)
        return self.last

    def value_of(self, symbol: str, quantity: Decimal) -> Decimal:
        """Signed cash value at the last price; what has no price yet counts nothing."""
        instrument = self.instruments[symbol]
        if symbol == self.instrument.symbol:
            price = self.last_price()
        else:
            observed = self.price_of(symbol)
            price = instrument.price(observed) if observed == observed else None
        return quantity * price * instrument.multiplier if price is not None else ZERO

    def quantities(self) -> dict[Key, Decimal]:
        """Signed quantities of all positions as if the orders on their way were filled."""
        quantities = {(p.strategy, p.symbol, p.broker): p.quantity for p in self.ledger if p.quantity}
        for key, signed in self.pending().items():
            quantities[key] = quantities.get(key, ZERO) + signed
        return quantities

    def quantities_after(self, order: Order) -> dict[Key, Decimal]:
        """The same as if the order were filled, too."""
        quantities, key = self.quantities(), (order.strategy, order.symbol, order.broker)
        quantities[key] = quantities.get(key, ZERO) + order.quantity * order.side.sign
        return quantities

    def after(self, order: Order) -> dict[Key, Decimal]:
        """Signed cash values of the same."""
        return self.values(self.quantities_after(order))

    def values(self, quantities: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
        """Signed cash values of what is not flat."""
        return {key: self.value_of(key[1], quantity) for key, quantity in quantities.items() if quantity}


def cash(value: Decimal) -> str:
    """An amount for people: two decimals."""
    return f"{value:.2f}"


def gross(values: Iterable[Decimal]) -> Decimal:
    """Cash values with both sides added."""
    return sum((abs(value) for value in values), ZERO)


def net(values: Iterable[Decimal]) -> Decimal:
    """Cash values with one side set off against the other; never negative."""
    return abs(sum(values, ZERO))


class Rule(Protocol):
    """One rule of the gate."""

    def check(self, order: Order, facts: Facts) -> Denial | None: ...


class OrderQuantity:
    """One order is not larger than this."""

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit

    def check(self, order: Order, facts: Facts) -> Denial | None:
        if order.quantity <= self.limit:
            return None
        return Denial("max_order_quantity", str(order.quantity), str(self.limit), "the order is larger than one may be")


class OrderNotional:
    """One order is not worth more than this; without a price it cannot be known, and the answer is no."""

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit

    def check(self, order: Order, facts: Facts) -> Denial | None:
        price = order.limit_price
        if price is None:
            price = facts.last_price()
        if price is None:
            return Denial("max_order_notional", "no price", str(self.limit), f"{order.symbol} has no price yet")
        value = facts.instrument.notional(price=price, quantity=order.quantity)
        if value <= self.limit:
            return None
        return Denial("max_order_notional", cash(value), str(self.limit), "the order is worth more than one may be")


class Exposure:
    """The book's positions, as if the order were filled, are not worth more than this: sides added, or netted."""

    def __init__(self, limit: Decimal, *, is_net: bool) -> None:
        self.limit, self.is_net = limit, is_net

    def check(self, order: Order, facts: Facts) -> Denial | None:
        values = facts.after(order).values()
        total = net(values) if self.is_net else gross(values)
        if total <= self.limit:
            return None
        name = "max_net_exposure" if self.is_net else "max_gross_exposure"
        return Denial(name, cash(total), str(self.limit), "the book would hold more than it may")


class SymbolLists:
    """Only symbols that are allowed and not blocked; for an option what it is on counts too."""

    def __init__(self, allowed: tuple[str, ...] | None, blocked: tuple[str, ...]) -> None:
        self.allowed, self.blocked = allowed, blocked

    def check(self, order: Order, facts: Facts) -> Denial | None:
        names = {order.symbol, underlying_of(order.symbol)}
        if names & set(self.blocked):
            return Denial("blocked_symbols", order.symbol, ", ".join(self.blocked), f"{order.symbol} is blocked")
        if self.allowed is not None and not names & set(self.allowed):
            return Denial("allowed_symbols", order.symbol, ", ".join(self.allowed), f"{order.symbol} is not allowed")
        return None


class OrderRate:
    """At most so many entries within a sliding window of event time. What was denied does not count."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit, self.window_s = limit, window_s
        self.times: deque[int] = deque()

    def made(self, now: int) -> int:
        """Entries within the window that ends now."""
        begin = now - int(self.window_s * NS)
        return sum(ts > begin for ts in self.times)

    def check(self, order: Order, facts: Facts) -> Denial | None:
        made = self.made(facts.now)
        while len(self.times) > made:
            self.times.popleft()
        if made < self.limit:
            return None
        reason = f"{made} entries within {self.window_s:g} s"
        return Denial("max_orders", str(made + 1), str(self.limit), reason)


class InSession:
    """Entries only while the exchange trades, and not in the last seconds before it closes."""

    def __init__(self, *, session_only: bool, before_close_s: float | None) -> None:
        self.session_only, self.before_close_s = session_only, before_close_s

    def check(self, order: Order, facts: Facts) -> Denial | None:
        session = session_of(facts.instrument.calendar)(facts.now)
        hours = f"{iso(session.open)} to {iso(session.close)}"
        if self.session_only and facts.now < session.open:
            return Denial("session", iso(facts.now), hours, f"{facts.instrument.calendar} is closed")
        if self.before_close_s is not None:
            left = (session.close - facts.now) / NS
            if facts.now >= session.open and left < self.before_close_s:
                return Denial(
                    "no_entry_before_close",
                    f"{left:g} s",
                    f"{self.before_close_s:g} s",
                    "the session is about to close",
                )
        return None


class FreshPrice:
    """No entry on a price that is older than this, or on none."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s

    def check(self, order: Order, facts: Facts) -> Denial | None:
        if facts.price != facts.price:
            return Denial("stale_price", "no price", f"{self.limit_s:g} s", f"{order.symbol} has no price yet")
        age = (facts.now - facts.price_ts) / NS
        if age <= self.limit_s:
            return None
        return Denial("stale_price", f"{age:g} s", f"{self.limit_s:g} s", f"the last price of {order.symbol} is old")


class LossLimits:
    """Daily loss and drawdown, of one account: the book's or a strategy's."""

    def __init__(self, name: Name, *, daily: Decimal | None, drawdown: Decimal | None) -> None:
        self.name, self.daily, self.drawdown = name, daily, drawdown

    def check(self, order: Order, facts: Facts) -> Denial | None:
        account = facts.accounts[self.name]
        whose = "the book" if self.name == BOOK else f"strategy {self.name[1]}"
        if self.daily is not None:
            facts.accounts.begin(facts.now)
            lost = account.day_start - account.equity
            if lost >= float(self.daily):
                return Denial("max_daily_loss", f"{lost:.2f}", str(self.daily), f"{whose} lost enough for today")
        if self.drawdown is not None and account.drawdown >= float(self.drawdown):
            value = f"{account.drawdown:.2f}"
            return Denial("max_drawdown", value, str(self.drawdown), f"{whose} is too far below its peak")
        return None


class Streak:
    """A pause after losses in a row, and after any exit, for one strategy."""

    def __init__(self, strategy: str, limits: StrategyLimits) -> None:
        self.name, self.limits = ("strategy", strategy), limits

    def check(self, order: Order, facts: Facts) -> Denial | None:
        limits, account = self.limits, facts.accounts[self.name]
        since = (facts.now - account.last_exit_ts) / NS
        losses = limits.max_losses_in_a_row
        if losses is not None and account.losses_in_a_row >= losses and since < limits.cool_down_s:
            reason = f"cooling down for another {limits.cool_down_s - since:g} s after losses in a row"
            return Denial("max_losses_in_a_row", str(account.losses_in_a_row), str(losses), reason)
        if limits.entry_pause_s is not None and account.trades and since < limits.entry_pause_s:
            return Denial("entry_pause", f"{since:g} s", f"{limits.entry_pause_s:g} s", "too soon after the last exit")
        return None


class StrategySize:
    """How much one strategy may hold."""

    def __init__(self, strategy: str, limits: StrategyLimits) -> None:
        self.strategy, self.limits = strategy, limits

    def check(self, order: Order, facts: Facts) -> Denial | None:
        limits = self.limits
        if limits.max_position is not None:
            after = abs(facts.quantities_after(order)[order.strategy, order.symbol, order.broker])
            if after > limits.max_position:
                return Denial("max_position", str(after), str(limits.max_position), "the position would be too large")
        if limits.max_exposure is not None:
            mine = (value for key, value in facts.after(order).items() if key[0] == self.strategy)
            total = gross(mine)
            if total > limits.max_exposure:
                reason = f"strategy {self.strategy} would hold more than it may"
                return Denial("max_exposure", cash(total), str(limits.max_exposure), reason)
        return None


class OfStrategy:
    """A rule that concerns one strategy's orders only."""

    def __init__(self, strategy: str, rule: Rule) -> None:
        self.strategy, self.rule = strategy, rule

    def check(self, order: Order, facts: Facts) -> Denial | None:
        return self.rule.check(order, facts) if order.strategy == self.strategy else None


class DayTrading:
    """The day-trading rule that the order's broker applies today."""

    def __init__(self, accounts: dict[str, DayTradingAccount]) -> None:
        self.accounts = accounts
        self.trades = {broker: DayTrades(account.day_trades) for broker, account in accounts.items()}

    def check(self, order: Order, facts: Facts) -> Denial | None:
        account = self.accounts.get(order.broker)
        if account is None or not counts(facts.instrument):
            return None
        today = trading_date(facts.now)
        rule = account.rule_on(today)
        if rule is DayTradingRule.PATTERN:
            made = self.trades[order.broker].recent(today) + _closes_a_day_trade(order, facts, today)
            return self._pattern(order.broker, facts, made)
        if rule is DayTradingRule.INTRADAY_MARGIN:
            return self._margin(order, facts)
        return None

    def equity_of(self, broker: str, facts: Facts) -> Decimal:
        """What the account was said to hold, and what was earned there since."""
        return self.accounts[broker].equity + facts.instrument.price(facts.accounts["broker", broker].equity)

    def _pattern(self, broker: str, facts: Facts, made: int) -> Denial | None:
        equity = self.equity_of(broker, facts)
        if made < FREE_DAY_TRADES or equity >= MIN_EQUITY:
            return None
        reason = (
            f"closing today would be day trade {made + 1} in five days with {cash(equity)} of equity below {MIN_EQUITY}"
        )
        return Denial("pattern_day_trader", str(made + 1), str(FREE_DAY_TRADES), reason)

    def _margin(self, order: Order, facts: Facts) -> Denial | None:
        required = required_margin(order.broker, facts.after(order), facts)
        equity = self.equity_of(order.broker, facts)
        if required <= equity:
            return None
        return Denial(
            "intraday_margin", cash(required), cash(equity), "the account's equity does not carry the exposure"
        )


def _closes_a_day_trade(order: Order, facts: Facts, today: date) -> bool:
    """Whether the order turns a position that was entered today: its closing half is a day trade already."""
    position = facts.ledger.position(order.strategy, order.symbol, order.broker)
    is_turned = position.quantity * order.side.sign < 0
    return is_turned and any(trading_date(lot.ts) == today for lot in position.lots)


def required_margin(broker: str, values: Mapping[Key, Decimal], facts: Facts) -> Decimal:
    """Maintenance margin of what that account holds of such values; futures have rules of their own."""
    mine = (value for (_, symbol, of), value in values.items() if of == broker and counts(facts.instruments[symbol]))
    return sum((maintenance(value) for value in mine), ZERO)


def build_rules(config: RiskConfig) -> list[Rule]:
    """The rules that are configured, cheap ones first."""
    rules: list[Rule] = [*_order_rules(config), *_market_rules(config)]
    for name, limits in config.strategies.items():
        rules += _strategy_rules(name, limits)
    if config.max_daily_loss is not None or config.max_drawdown is not None:
        rules.append(LossLimits(BOOK, daily=config.max_daily_loss, drawdown=config.max_drawdown))
    for limit, is_net in ((config.max_gross_exposure, False), (config.max_net_exposure, True)):
        if limit is not None:
            rules.append(Exposure(limit, is_net=is_net))
    if config.day_trading:
        rules.append(DayTrading(config.day_trading))
    return rules


def _order_rules(config: RiskConfig) -> Iterator[Rule]:
    if config.allowed_symbols is not None or config.blocked_symbols:
        yield SymbolLists(config.allowed_symbols, config.blocked_symbols)
    if config.max_order_quantity is not None:
        yield OrderQuantity(config.max_order_quantity)
    if config.max_order_notional is not None:
        yield OrderNotional(config.max_order_notional)
    if config.max_orders is not None:
        yield OrderRate(config.max_orders, config.max_orders_window_s)


def _market_rules(config: RiskConfig) -> Iterator[Rule]:
    if config.stale_after_s is not None:
        yield FreshPrice(config.stale_after_s)
    if config.session_only or config.no_entry_before_close_s is not None:
        yield InSession(session_only=config.session_only, before_close_s=config.no_entry_before_close_s)


def _strategy_rules(name: str, limits: StrategyLimits) -> list[Rule]:
    rules: list[Rule] = [StrategySize(name, limits), Streak(name, limits)]
    if limits.max_daily_loss is not None or limits.max_drawdown is not None:
        account = ("strategy", name)
        rules.append(LossLimits(account, daily=limits.max_daily_loss, drawdown=limits.max_drawdown))
    return [OfStrategy(name, rule) for rule in rules]
