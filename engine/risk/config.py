"""The limits of a book and of its strategies; what is None is not limited."""

from decimal import Decimal

import msgspec

from engine.risk.day_trading import DayTradingAccount


class StrategyLimits(msgspec.Struct, frozen=True):
    """Limits of one strategy, over all symbols and brokers it trades."""

    max_position: Decimal | None = None  # quantity per symbol and broker
    max_exposure: Decimal | None = None  # cash value of what it holds
    max_daily_loss: Decimal | None = None  # cash; entries stop until the next trading day
    max_drawdown: Decimal | None = None  # cash below the peak; entries stop until the peak is lifted by a person
    max_losses_in_a_row: int | None = None
    cool_down_s: float = 3600.0  # how long the streak keeps entries out
    entry_pause_s: float | None = None  # after any exit


class RiskConfig(msgspec.Struct, frozen=True):
    """Limits over the whole book; `strategies` has those of single ones."""

    max_order_quantity: Decimal | None = None
    max_order_notional: Decimal | None = None
    max_gross_exposure: Decimal | None = None  # cash value of all positions, sides added
    max_net_exposure: Decimal | None = None  # cash value of all positions, sides netted
    max_daily_loss: Decimal | None = None
    max_drawdown: Decimal | None = None
    max_orders: int | None = None  # entries within `max_orders_window_s`
    max_orders_window_s: float = 60.0
    allowed_symbols: tuple[str, ...] | None = None
    blocked_symbols: tuple[str, ...] = ()
    session_only: bool = False  # entries only while the instrument's exchange trades
    no_entry_before_close_s: float | None = None
    stale_after_s: float | None = None  # the last price may be that old
    calendar: str = "XNYS"  # whose trading days the daily limits follow
    strategies: dict[str, StrategyLimits] = {}
    day_trading: dict[str, DayTradingAccount] = {}  # by broker account
    track_equity: bool = False  # mark positions at every price, also where no limit needs it

    @property
    def has_daily_limits(self) -> bool:
        """Whether trading days must be told apart."""
        return self.max_daily_loss is not None or any(s.max_daily_loss is not None for s in self.strategies.values())

    @property
    def needs_accounts(self) -> bool:
        """Whether anything looks at what strategies and brokers earned."""
        return self.needs_marks or bool(self.strategies) or bool(self.day_trading)

    @property
    def needs_marks(self) -> bool:
        """Whether some limit looks at open profit."""
        drawdowns = [self.max_drawdown, *(limits.max_drawdown for limits in self.strategies.values())]
        return self.track_equity or self.has_daily_limits or any(limit is not None for limit in drawdowns)
