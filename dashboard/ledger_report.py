"""The report of what a book really traded, from its ledger: the same page as a backtest's."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from backtest.report.closed import ClosedCurve
from backtest.report.document import report
from backtest.report.material import Material
from backtest.simulation.driver import Outcome, statistics
from engine.errors import InvalidInput, NotFound
from engine.instruments.catalog import instrument_for
from engine.model.enums import PositionSide, Side
from engine.model.orders import OrderFilled
from engine.model.positions import TradeClosed
from engine.model.time import from_datetime
from trading.book_services import book_of
from trading.models import Book, Fill, Trade

NAN = float("nan")


def ledger_report(
    *, book: str, strategy: str = "", symbol: str = "", days: int | None = None, capital: Decimal | None = None
) -> dict[str, Any]:
    """The document of a book's closed trades, of one strategy or symbol and of the last `days` where asked."""
    found = book_of(book)
    if days is not None and days < 1:
        raise InvalidInput(f"days: at least 1 was expected, found {days}", field="days")
    since = None if days is None else timezone.now() - timedelta(days=days)
    trades = [closed_trade(row) for row in _of(Trade.objects.filter(book=found), strategy, symbol, since, "exit_at")]
    if not trades:
        raise NotFound("There is no closed trade to report.", field="trades")
    fills = [_fill(row) for row in _fills(found, strategy, symbol, since)]
    return report(
        ledger_material(
            trades,
            fills,
            title=" · ".join(each for each in (f"Book {book} ({found.mode})", strategy, symbol) if each),
            config={"book": book, "mode": found.mode, "strategy": strategy, "symbol": symbol, "days": days},
            capital=capital,
        )
    )


def ledger_material(
    trades: list[TradeClosed],
    fills: list[OrderFilled],
    *,
    title: str,
    config: dict[str, Any],
    capital: Decimal | None,
) -> Material:
    """What reports and figures of real trades are made of."""
    instruments = {name: instrument_for(name) for name in {t.symbol for t in trades} | {f.symbol for f in fills}}
    outcome = Outcome(trades=trades)
    for fill in fills:
        outcome.keep_fill(fill)
    return Material(
        title=title,
        config=config,
        stats=statistics(outcome),
        trades=trades,
        fills=fills,
        curve=ClosedCurve(trades, instruments),
        instruments=dict(sorted(instruments.items())),
        capital=capital,
    )


def _of(rows: QuerySet[Any], strategy: str, symbol: str, since: datetime | None, moment: str) -> QuerySet[Any]:
    wanted: dict[str, Any] = {"strategy": strategy, "symbol": symbol, f"{moment}__gte": since}
    return rows.filter(**{name: value for name, value in wanted.items() if value}).order_by(moment, "id")


def _fills(book: Book, strategy: str, symbol: str, since: datetime | None) -> Iterable[Fill]:
    rows = Fill.objects.filter(order__book=book).select_related("order")
    if strategy:
        rows = rows.filter(order__strategy=strategy)
    return _of(rows, "", symbol, since, "at")


def closed_trade(row: Trade) -> TradeClosed:
    """The row as the event that it was made of."""
    entry, leave = from_datetime(row.entry_at), from_datetime(row.exit_at)
    return TradeClosed(
        ts=leave,
        trade_id=row.trade_id,
        strategy=row.strategy,
        symbol=row.symbol,
        broker=row.broker,
        side=PositionSide(row.side),
        quantity=row.quantity,
        entry_ts=entry,
        entry_price=row.entry_price,
        exit_ts=leave,
        exit_price=row.exit_price,
        pnl=row.pnl,
        fees=row.fees,
        entry_order="",
        exit_order="",
        entry_reason=row.entry_reason,
        exit_reason=row.exit_reason,
        is_ambiguous=row.is_ambiguous,
        mae=row.mae,
        mfe=row.mfe,
    )


def _fill(row: Fill) -> OrderFilled:
    return OrderFilled(
        ts=row.ts,
        client_id=row.order.client_id,
        fill_id=row.fill_id,
        strategy=row.order.strategy,
        symbol=row.symbol,
        broker=row.broker,
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        reference_price=NAN if row.reference_price is None else row.reference_price,
    )
