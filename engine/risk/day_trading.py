"""Day-trading rules as dated data: which rule a broker applies on which day, and what it forbids.

FINRA retired the pattern-day-trader rule on 2026-06-04 (SEC approval 2026-04-14, 91 FR 20731); firms may phase the
intraday-margin standard in until 2027-10-20. Until a broker is known to have changed, its old rule is kept.
"""

from collections import deque
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.sessions import business_days, new_york


class DayTradingRule(StrEnum):
    """What a broker applies to margin accounts."""

    NONE = "none"
    PATTERN = "pattern_day_trader"  # at most three day trades in five business days below 25,000 of equity
    INTRADAY_MARGIN = "intraday_margin"  # equity ≥ maintenance for the exposure, at all times


class DatedRule(msgspec.Struct, frozen=True):
    """A rule from a day on, until the next one of the same broker."""

    since: date
    rule: DayTradingRule


RETIRED = date(2026, 6, 4)
PHASED_IN = date(2027, 10, 20)
_OLD = DatedRule(date(2001, 9, 28), DayTradingRule.PATTERN)
# Venue → its rules, oldest first. A venue that is not listed phases in at the last permitted day.
SCHEDULES: dict[str, tuple[DatedRule, ...]] = {
    "tastytrade": (_OLD, DatedRule(RETIRED, DayTradingRule.INTRADAY_MARGIN)),
    "alpaca": (_OLD, DatedRule(RETIRED, DayTradingRule.INTRADAY_MARGIN)),
    "": (_OLD, DatedRule(PHASED_IN, DayTradingRule.INTRADAY_MARGIN)),
}
MIN_EQUITY = Decimal(25_000)
FREE_DAY_TRADES = 3
WINDOW_DAYS = 5
MAINTENANCE_LONG = Decimal("0.25")
MAINTENANCE_SHORT = Decimal("0.30")


class DayTradingAccount(msgspec.Struct, frozen=True):
    """What the rules need to know of a broker account. `schedule` overrides the venue's, and `intraday_since` both."""

    venue: Annotated[str, Meta(description="whose day-trading rules apply")]
    equity: Annotated[Decimal, Meta(description="cash value of the account; what is earned from here on is added")]
    is_margin: Annotated[bool, Meta(description="a cash account is under no day-trading rule")] = True
    schedule: tuple[DatedRule, ...] = ()
    day_trades: Annotated[
        tuple[date, ...], Meta(description="made elsewhere lately: a date each, separated by commas")
    ] = ()
    intraday_since: Annotated[
        date | None, Meta(description="when the broker gave up the old rule; empty: as far as we know")
    ] = None

    def rule_on(self, day: date) -> DayTradingRule:
        """What applies on `day`. Cash accounts are under neither rule."""
        if not self.is_margin:
            return DayTradingRule.NONE
        applied = DayTradingRule.NONE
        for dated in self._schedule():
            if dated.since <= day:
                applied = dated.rule
        return applied

    def _schedule(self) -> tuple[DatedRule, ...]:
        if self.intraday_since is not None:
            return (_OLD, DatedRule(self.intraday_since, DayTradingRule.INTRADAY_MARGIN))
        return self.schedule or SCHEDULES.get(self.venue, SCHEDULES[""])


class DayTrades:
    """Counts the day trades of one account over five business days."""

    def __init__(self, before: tuple[date, ...] = ()) -> None:
        self.days: deque[date] = deque(sorted(before), maxlen=1000)

    def add(self, day: date) -> None:
        self.days.append(day)

    def recent(self, today: date) -> int:
        """Day trades within the five business days that end today."""
        first = business_days().add(today, 1 - WINDOW_DAYS) if self.days else today
        return sum(first <= day <= today for day in self.days)


def counts(instrument: Instrument) -> bool:
    """Whether round trips in it can be day trades: shares and options, never futures."""
    return instrument.asset_class in (AssetClass.EQUITY, AssetClass.OPTION)


def trading_date(ts: int) -> date:
    """The date of a trade: New York's, extended hours included."""
    return new_york(ts).date()


def maintenance(value: Decimal) -> Decimal:
    """Margin that a signed position value requires."""
    return value * MAINTENANCE_LONG if value > 0 else -value * MAINTENANCE_SHORT
