"""What the pages show of a book, read from the database as plain values."""

from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils import timezone

from engine.instruments.sessions import NEW_YORK
from engine.model.enums import FINAL_STATES
from strategies.models import Ticker
from trading.book_services import book_of
from trading.models import Book, CommandRecord, Decision, Fill, Order, Position, Run, Trade
from trading.options.selectors import option_slots
from trading.rolls import Rolling, rolling

MAX_TRADES = 30
MAX_FILLS = 60
MAX_DECISIONS = 40
MAX_ORDERS = 20
MAX_MARKERS = 500
MAX_COMMANDS = 20

Row = dict[str, Any]


def books() -> list[Book]:
    """All books, paper first."""
    return sorted(Book.objects.all(), key=lambda book: (book.mode != Book.Mode.PAPER, book.name))


def overview(*, book: str) -> Row:
    """Everything the page knows of one book from the database."""
    row = book_of(book)
    return {
        "kind": "overview",
        "book": {"name": row.name, "mode": row.mode, "is_halted": row.is_halted, "halt_reason": row.halt_reason},
        "totals": totals(book=row),
        "strategies": strategies(book=row),
        "positions": position_rows(open_positions(book=row)),
        "orders": [order_row(order) for order in working_orders(book=row)],
        "fills": fills(book=row, limit=MAX_FILLS),
        "trades": [trade_row(trade) for trade in row.trades.all()[:MAX_TRADES]],
        "decisions": [decision_row(decision) for decision in row.decisions.all()[:MAX_DECISIONS]],
        "alerts": alerts(book=row),
        "options": option_slots(book=row),
        "commands": [command_row(record) for record in row.commands.select_related("by")[:MAX_COMMANDS]],
    }


def revision(*, book: str) -> tuple[Any, ...]:
    """Changes whenever an `overview` of `book` would: cheap enough to ask every few seconds."""
    row = book_of(book)
    newest = row.journal.values_list("number", flat=True).order_by("-number").first()
    command = row.commands.values_list("id", "state").first()
    run = row.runs.values_list("id", "state").first()
    return newest, command, run, row.is_halted, Ticker.objects.count()


def open_positions(*, book: Book) -> Iterable[Position]:
    return book.positions.exclude(quantity=0)


def working_orders(*, book: Book) -> Iterable[Order]:
    return book.orders.exclude(state__in=FINAL_STATES)[:MAX_ORDERS]


def totals(*, book: Book) -> Row:
    """Closed trades of the New York day so far. Realized profit is net of fees."""
    today = book.trades.filter(exit_at__gte=midnight()).aggregate(
        count=Count("id"), won=Count("id", filter=Q(pnl__gt=0)), pnl=Sum("pnl"), fees=Sum("fees")
    )
    return {
        "trades": today["count"],
        "won": today["won"],
        "pnl": money(today["pnl"] or Decimal(0)),
        "fees": money(today["fees"] or Decimal(0)),
    }


def midnight() -> datetime:
    """When the New York day began."""
    return datetime.combine(timezone.now().astimezone(NEW_YORK).date(), time(), tzinfo=NEW_YORK)


def strategies(*, book: Book) -> list[Row]:
    """Every strategy that has tickers or runs in `book`, with its slots: as frozen by the run, else as configured."""
    running = {run.strategy: run for run in book.runs.filter(state=Run.State.RUNNING)}
    configured: dict[str, list[Ticker]] = {}
    for ticker in Ticker.objects.order_by("strategy", "symbol"):
        configured.setdefault(ticker.strategy, []).append(ticker)
    return [
        _strategy_row(name, running.get(name), configured.get(name, [])) for name in sorted({*running, *configured})
    ]


def idle_strategies() -> list[Row]:
    """The strategies that could be started where nothing has been yet."""
    return [_strategy_row(name, None, tickers) for name, tickers in sorted(_tickers().items())]


def _tickers() -> dict[str, list[Ticker]]:
    configured: dict[str, list[Ticker]] = {}
    for ticker in Ticker.objects.order_by("strategy", "symbol"):
        configured.setdefault(ticker.strategy, []).append(ticker)
    return configured


def _strategy_row(name: str, run: Run | None, tickers: list[Ticker]) -> Row:
    slots = run.slots if run else [{"symbol": t.symbol, "timeframe": t.timeframe} for t in tickers]
    return {
        "strategy": name,
        "is_running": run is not None,
        "started_at": run.started_at.isoformat() if run else None,
        "slots": [{"symbol": slot["symbol"], "timeframe": slot["timeframe"]} for slot in slots],
    }


def chart_choices(*, book: str) -> list[Row]:
    """The charts worth a button: each symbol and timeframe that a strategy trades, in the order of their names."""
    pairs: dict[tuple[str, str], set[str]] = {}
    for row in strategies(book=book_of(book)):
        for slot in row["slots"]:
            pairs.setdefault((slot["symbol"], slot["timeframe"]), set()).add(row["strategy"])
    return [
        {"symbol": symbol, "timeframe": timeframe, "strategies": sorted(names)}
        for (symbol, timeframe), names in sorted(pairs.items())
    ]


def fills(*, book: Book, limit: int, symbol: str = "") -> list[Row]:
    """The newest executions, oldest first: what the chart marks."""
    found = Fill.objects.filter(order__book=book).select_related("order")
    if symbol:
        found = found.filter(symbol=symbol)
    return [fill_row(fill) for fill in reversed(found[:limit])]


def alerts(*, book: Book) -> list[Row]:
    """What a person should look at, newest first: refusals by risk, faults, halts, orders in doubt."""
    worrying = book.decisions.filter(kind__in=(Decision.Kind.DENIED, Decision.Kind.FAULT))[:10]
    doubtful = book.orders.filter(state__in=("unknown", "rejected"))[:10]
    rows = [_alert(row.at, row.kind, f"{row.strategy} {row.symbol}", row.reason) for row in worrying]
    rows += [_alert(row.updated_at, row.state, f"{row.strategy} {row.symbol}", row.state_reason) for row in doubtful]
    return sorted(rows, key=lambda row: row["at"], reverse=True)[:10]


def _alert(at: datetime, kind: str, subject: str, text: str) -> Row:
    return {"at": at.isoformat(), "kind": str(kind), "subject": subject.strip(), "text": text or str(kind)}


def money(value: Decimal | None) -> str | None:
    """A decimal as people write it: no exponent, no zeros that say nothing."""
    return None if value is None else f"{value.normalize():f}"


def milliseconds(moment: datetime) -> float:
    return round(moment.timestamp() * 1000, 3)


def position_rows(positions: Iterable[Position]) -> list[Row]:
    """Each as people see it; of a futures root with its contract, and when that rolls and is closed."""
    held = list(positions)
    found = rolling(held)
    return [_position_row(position, found.get(position.pk)) for position in held]


def _position_row(row: Position, rolls: Rolling | None) -> Row:
    closes_at = rolls.closes_at if rolls is not None else None
    return {
        "strategy": row.strategy,
        "symbol": row.symbol,
        "contract": row.contract,
        "rolls_at": rolls.at.isoformat() if rolls is not None else None,
        "closes_at": closes_at.isoformat() if closes_at is not None else None,
        "broker": row.broker,
        "side": str(row.side),
        "quantity": money(row.quantity),
        "average_price": money(row.average_price),
        "realized_pnl": money(row.realized_pnl),
        "fees": money(row.fees),
        "stop_price": money(row.stop_price),
        "target_price": money(row.target_price),
        "exit_kind": row.exit_kind,
        "updated_at": row.updated_at.isoformat(),
    }


def order_row(row: Order) -> Row:
    return {
        "client_id": row.client_id,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "contract": row.contract,
        "broker": row.broker,
        "side": row.side,
        "type": row.type,
        "intent": row.intent,
        "state": row.state,
        "quantity": money(row.quantity),
        "filled_quantity": money(row.filled_quantity),
        "limit_price": money(row.limit_price),
        "stop_price": money(row.stop_price),
        "trail": money(row.trail),
        "tif": row.tif,
        "group": row.group,
        "reason": row.reason,
        "at": row.created_at.isoformat(),
    }


def fill_row(row: Fill) -> Row:
    return {
        "id": row.pk,
        "strategy": row.order.strategy,
        "symbol": row.symbol,
        "broker": row.broker,
        "side": row.side,
        "intent": row.order.intent,
        "quantity": money(row.quantity),
        "price": money(row.price),
        "time": round(row.ts / 1_000_000, 3),
        "reason": row.order.reason,
    }


def command_row(row: CommandRecord) -> Row:
    """What somebody told the book, and what became of it."""
    told = row.payload
    subject = [told.get(name) for name in ("strategy", "symbol", "broker", "client_id")]
    return {
        "id": row.pk,
        "command": row.command_id,
        "kind": row.kind,
        "subject": " ".join(part for part in subject if part),
        "state": row.state,
        "detail": row.detail,
        "by": row.by.email if row.by else "system",
        "at": row.created_at.isoformat(),
    }


def trade_row(row: Trade) -> Row:
    return {
        "id": row.pk,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "broker": row.broker,
        "mode": row.mode,
        "side": row.side,
        "quantity": money(row.quantity),
        "entry_price": money(row.entry_price),
        "exit_price": money(row.exit_price),
        "entry_at": row.entry_at.isoformat(),
        "exit_at": row.exit_at.isoformat(),
        "pnl": money(row.pnl),
        "fees": money(row.fees),
        "entry_reason": row.entry_reason,
        "exit_reason": row.exit_reason,
    }


def decision_row(row: Decision) -> Row:
    return {
        "id": row.pk,
        "kind": row.kind,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "timeframe": row.timeframe,
        "target": row.target,
        "reason": row.reason,
        "rule": row.rule,
        "evidence": {name: value for name, value in row.evidence.items() if name != "chain"},  # `options` shows it
        "at": row.at.isoformat(),
    }
