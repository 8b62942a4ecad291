"""Why one trade was opened and closed: its orders, the bars they were decided on, and the values that decided."""

from typing import Any

from dashboard.selectors import Row, money, trade_row
from engine.errors import NotFound
from engine.model.time import from_datetime
from marketdata.history_selectors import history
from trading.book_services import book_of
from trading.models import Book, Decision, Order, Trade

BEFORE, AFTER = 30, 12  # bars shown around a trade
MOST_BARS = 400


def trade_detail(*, book: str, trade: int) -> Row:
    """The trade with the story of its entry and its exit; `NotFound` where `book` has no such trade."""
    row = book_of(book)
    found = row.trades.filter(pk=trade).select_related("entry_order", "exit_order", "run").first()
    if found is None:
        raise NotFound(f"Book {book!r} has no trade {trade}.", field="trade")
    return {
        **trade_row(found),
        "trade_id": found.trade_id,
        "mae": money(found.mae),
        "mfe": money(found.mfe),
        "is_ambiguous": found.is_ambiguous,
        "chart": _chart(found),
        "entry": _leg(row, found, found.entry_order, bar=found.entry_bar),
        "exit": _leg(row, found, found.exit_order, bar=found.exit_bar),
    }


def _chart(trade: Trade) -> Row:
    """The bars around the trade, and its two executions; no bars where none are stored any more."""
    timeframe = _timeframe(trade)
    start, end = from_datetime(trade.entry_at), from_datetime(trade.exit_at)
    if not timeframe:
        return {"timeframe": "", "bars": []}
    try:
        until = history(symbol=trade.symbol, timeframe=timeframe, end=end, limit=MOST_BARS).bars
        after = history(symbol=trade.symbol, timeframe=timeframe, start=end).bars[:AFTER]
    except NotFound:
        return {"timeframe": timeframe, "bars": []}
    first = next((number for number, bar in enumerate(until) if bar.ts >= start), len(until))
    shown = [*until[max(0, first - BEFORE) :], *after]
    return {
        "timeframe": timeframe,
        "bars": [[bar.ts_open / 1e6, bar.ts / 1e6, bar.open, bar.high, bar.low, bar.close] for bar in shown],
    }


def _timeframe(trade: Trade) -> str:
    """The bars that its strategy decided on."""
    slots = trade.run.slots if trade.run is not None else []
    found = (slot["timeframe"] for slot in slots if slot["symbol"] == trade.symbol)
    bar = trade.entry_bar or {}
    return str(next(found, bar.get("timeframe", "")))


def _leg(book: Book, trade: Trade, order: Order | None, *, bar: Any) -> Row:
    """One side of a trade. `bar` is the one it was filled on; `decided_on` the one it was decided on."""
    if order is None:
        return {"order": None, "bar": bar, "decided_on": None, "evidence": {}, "timeline": []}
    return {
        "order": order.client_id,
        "intent": order.intent,
        "type": order.type,
        "reason": order.reason,
        "bar": bar,
        "decided_on": order.bar,
        "timeline": order.timeline,
        "evidence": _evidence(book, trade, order),
    }


def _evidence(book: Book, trade: Trade, order: Order) -> dict[str, Any]:
    """The values of the last signal of that slot when the order was made; empty where an exit needed none."""
    signals = Decision.objects.filter(
        book=book, kind=Decision.Kind.SIGNAL, strategy=trade.strategy, symbol=trade.symbol, at__lte=order.created_at
    )
    last = signals.order_by("-at", "-id").first()
    return dict(last.evidence) if last is not None and last.reason == order.reason else {}
