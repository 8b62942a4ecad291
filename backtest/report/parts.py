"""The parts of a portfolio, a strategy on a symbol each: what they earned by trading day, and on how much value."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.analytics.days import dates, sessions_between
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.instruments.options import underlying_of
from engine.model.positions import TradeClosed
from engine.model.time import from_datetime

Floats = NDArray[np.float64]


class Closed(NamedTuple):
    """What weights need of a closed trade. `value` is the notional at its entry."""

    strategy: str
    symbol: str
    exit_ts: int
    pnl: float
    quantity: Decimal
    value: float


class Part(NamedTuple):
    """Options count to what they are on. `value` and `quantity` are those of the largest entry."""

    strategy: str
    symbol: str
    trades: int
    quantity: Decimal
    value: float


class Parts(NamedTuple):
    """`daily` is the net P&L of closed trades, a row a trading day (of the exit), a column a part."""

    parts: list[Part]
    days: list[date]
    daily: Floats
    left_out: int = 0

    def returns(self) -> Floats:
        """Of each part by day, over the value of its largest entry."""
        found: Floats = self.daily / np.array([part.value for part in self.parts])
        return found

    def held(self) -> Floats:
        """The share that each has of the capital as it was traded."""
        values = np.array([part.value for part in self.parts])
        found: Floats = values / values.sum()
        return found


def closed_of(trades: Iterable[TradeClosed], instruments: Mapping[str, Instrument]) -> list[Closed]:
    """Of trades of a run or of a ledger."""
    return [
        _closed(each.strategy, instruments[each.symbol], each.exit_ts, each.pnl, each.quantity, each.entry_price)
        for each in trades
    ]


def parts_of(trades: Sequence[Closed], calendar: str, *, first: int, last: int, most: int | None = None) -> Parts:
    """By strategy and symbol, over the trading days from `first` to `last` (UTC ns); what was closed after the last
    counts to it. Of more than `most`, those with the most trades."""
    sessions = sessions_between(calendar, first, last)
    closes = np.array([session.close for session in sessions])
    groups: dict[tuple[str, str], list[Closed]] = {}
    for trade in trades:
        groups.setdefault((trade.strategy, trade.symbol), []).append(trade)
    chosen = sorted(sorted(groups, key=lambda name: -len(groups[name]))[:most])
    daily = np.array([_daily(groups[name], closes) for name in chosen]).reshape(len(chosen), len(closes)).T
    return Parts([_part(groups[name]) for name in chosen], dates(sessions), daily, len(groups) - len(chosen))


def parts_of_documents(documents: Sequence[Any]) -> Parts:
    """Of reports, on the days that they have in common; `InvalidInput` where they are none, have none, or no trade."""
    found = [_told(document) for document in documents]
    first = max((from_datetime(each.period.start) for each in found if each.period.start), default=0)
    last = min((from_datetime(each.period.end) for each in found if each.period.end), default=0)
    trades = [_closed_in(trade) for each in found for trade in each.trades]
    common = [trade for trade in trades if first <= trade.exit_ts <= last]
    if not common:
        raise InvalidInput("report: trades closed on days in common were expected, found none", field="report")
    return parts_of(common, instrument_for(common[0].symbol).calendar, first=first, last=last)


class _Trade(msgspec.Struct, frozen=True):
    strategy: str
    symbol: str
    exit_ts: datetime
    pnl: Decimal
    quantity: Decimal
    entry_price: Decimal


class _Period(msgspec.Struct, frozen=True):
    start: datetime | None
    end: datetime | None


class _Report(msgspec.Struct, frozen=True):
    """What is read of a report."""

    period: _Period
    trades: list[_Trade]


def _told(document: Any) -> _Report:
    try:
        return msgspec.convert(document, _Report)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"report: a run's report was expected: {error}", field="report") from error


def _closed_in(trade: _Trade) -> Closed:
    return _closed(
        trade.strategy,
        instrument_for(trade.symbol),
        from_datetime(trade.exit_ts),
        trade.pnl,
        trade.quantity,
        trade.entry_price,
    )


def _closed(
    strategy: str, instrument: Instrument, exit_ts: int, pnl: Decimal, quantity: Decimal, price: Decimal
) -> Closed:
    value = float(instrument.notional(price=price, quantity=quantity))
    return Closed(strategy, underlying_of(instrument.symbol), exit_ts, float(pnl), quantity, value)


def _part(trades: Sequence[Closed]) -> Part:
    largest = max(trades, key=lambda trade: trade.value)
    quantity = max(trade.quantity for trade in trades)
    return Part(largest.strategy, largest.symbol, len(trades), quantity, largest.value)


def _daily(trades: Sequence[Closed], closes: NDArray[np.int64]) -> Floats:
    places = np.minimum(np.searchsorted(closes, [trade.exit_ts for trade in trades]), len(closes) - 1)
    earned = np.array([trade.pnl for trade in trades])
    return np.bincount(places, weights=earned, minlength=len(closes)).astype(np.float64)
