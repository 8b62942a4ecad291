"""The limits of a book and of its strategies; what is None is not limited."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from engine.risk.day_trading import DayTradingAccount


class StrategyLimits(Struct, frozen=True):
    """Limits of one strategy, over all symbols and brokers it trades."""

    max_position: Annotated[Decimal | None, Meta(description="quantity per symbol and account")] = None
    max_exposure: Annotated[Decimal | None, Meta(description="cash value of what it holds")] = None
    max_daily_loss: Annotated[
        Decimal | None, Meta(description="cash; when it is lost, entries stop until the next trading day")
    ] = None
    max_drawdown: Annotated[
        Decimal | None, Meta(description="cash below its peak; entries stop until the limit is raised")
    ] = None
    max_losses_in_a_row: Annotated[int | None, Meta(description="after so many, entries pause")] = None
    cool_down_s: Annotated[float, Meta(description="seconds of that pause, from the last exit")] = 3600.0
    entry_pause_s: Annotated[float | None, Meta(description="seconds without entries after any exit")] = None


class RiskConfig(Struct, frozen=True):
    """Limits over the whole book; `strategies` has those of single ones."""

    max_order_quantity: Annotated[Decimal | None, Meta(description="quantity of one order")] = None
    max_order_notional: Annotated[Decimal | None, Meta(description="cash value of one order")] = None
    max_gross_exposure: Annotated[
        Decimal | None, Meta(description="cash value of all positions, long and short added")
    ] = None
    max_net_exposure: Annotated[
        Decimal | None, Meta(description="cash value of all positions, short set off against long")
    ] = None
    max_daily_loss: Annotated[
        Decimal | None,
        Meta(description="cash, open losses included; when it is lost, entries stop until the next trading day"),
    ] = None
    max_drawdown: Annotated[
        Decimal | None, Meta(description="cash below the book's peak; entries stop until the limit is raised")
    ] = None
    max_orders: Annotated[int | None, Meta(description="entries within the window below")] = None
    max_orders_window_s: Annotated[float, Meta(description="seconds of that window")] = 60.0
    allowed_symbols: Annotated[
        tuple[str, ...] | None, Meta(description="only these are entered; separated by commas, empty: all")
    ] = None
    blocked_symbols: Annotated[tuple[str, ...], Meta(description="never entered; separated by commas")] = ()
    session_only: Annotated[bool, Meta(description="entries only while the instrument's exchange trades")] = False
    no_entry_before_close_s: Annotated[
        float | None, Meta(description="no entries in the last seconds of a session")
    ] = None
    stale_after_s: Annotated[
        float | None, Meta(description="no entry where the last price is older than so many seconds")
    ] = None
    require_exits: Annotated[
        bool, Meta(description="a ticker without exits of its own is not entered by its strategy; none are borrowed")
    ] = False
    calendar: Annotated[str, Meta(description="the exchange whose trading days the daily limits follow")] = "XNYS"
    strategies: dict[str, StrategyLimits] = {}
    day_trading: dict[str, DayTradingAccount] = {}  # by broker account
    track_equity: bool = False  # follow equity and trading days also where no limit needs it

    @property
    def has_days(self) -> bool:
        """Whether trading days must be told apart."""
        return self.track_equity or self.has_daily_limits

    @property
    def has_daily_limits(self) -> bool:
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
