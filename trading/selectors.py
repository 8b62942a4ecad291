"""Reads of the ledger for the API, the pages and the admin: what runs, what is held, what was done."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.conf import settings
from django.db.models import Avg, Count, Max, Min, Q, QuerySet, Sum

from engine.errors import InvalidInput
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import holder
from strategies.registry import STRATEGIES
from trading.models import Book, Decision, Order, Position, Run, Trade

TRADE_TYPES = {"paper": Book.Mode.PAPER, "real": Book.Mode.LIVE}


def trading_status(*, strategy: str = "") -> list[dict[str, Any]]:
    """What each strategy that ever ran does now; `strategy` narrows it (and is there even if it never ran)."""
    names = [STRATEGIES.canonical(strategy)] if strategy else _known_strategies()
    return [_status(name) for name in names]


def _known_strategies() -> list[str]:
    return sorted(set(Run.objects.values_list("strategy", flat=True)))


def _status(strategy: str) -> dict[str, Any]:
    run = Run.objects.filter(strategy=strategy).select_related("book").order_by("-id").first()
    if run is None:
        return {"strategy": strategy, "running": False, "state": "stopped", "live_mode": False, "slots": []}
    is_running = run.state == Run.State.RUNNING
    owner = holder(sync_client(settings.REDIS_URL), "trader", run.book.name) if is_running else None
    return {
        "strategy": strategy,
        "running": is_running and owner is not None,
        "state": _state_word(is_running=is_running, is_hosted=owner is not None),
        "live_mode": run.book.mode == Book.Mode.LIVE,
        "book": run.book.name,
        "run": run.pk,
        "since": run.started_at,
        "stopped_at": run.stopped_at,
        "stop_reason": run.stop_reason,
        "halted": run.book.is_halted,
        "halt_reason": run.book.halt_reason,
        "slots": _slots(run, is_hosted=owner is not None),
    }


def _state_word(*, is_running: bool, is_hosted: bool) -> str:
    if not is_running:
        return "stopped"
    return "running" if is_hosted else "starting"


def _slots(run: Run, *, is_hosted: bool) -> list[dict[str, Any]]:
    views = slot_views(run.book.name) if is_hosted else {}
    untold = _state_word(is_running=run.state == Run.State.RUNNING, is_hosted=False)
    found = []
    for slot in run.slots:
        view = views.get(f"{run.strategy}:{slot['symbol']}", {"state": untold})
        found.append({"symbol": slot["symbol"], "timeframe": slot["timeframe"], **view})
    return found


def slot_views(book: str) -> dict[str, dict[str, Any]]:
    """Slot → what its process last said of it; empty where no process says anything."""
    raw = cast("dict[str, str]", sync_client(settings.REDIS_URL).hgetall(keys.slot_state(book)))
    return {slot: json.loads(state) for slot, state in raw.items()}


def positions(*, strategy: str = "", book: str = "", include_flat: bool = False) -> QuerySet[Position]:
    """Open positions; flat ones too where asked for."""
    found = Position.objects.select_related("book")
    if not include_flat:
        found = found.exclude(quantity=0)
    if strategy:
        found = found.filter(strategy=STRATEGIES.canonical(strategy))
    return found.filter(book__name=book) if book else found


def trades(
    *,
    strategy: str = "",
    trade_type: str = "",
    symbol: str = "",
    broker: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[Trade]:
    """Closed trades, newest first; the filters combine. `start` ≤ exit < `end`."""
    found = Trade.objects.select_related("entry_order", "exit_order")
    if trade_type:
        found = found.filter(mode=_mode(trade_type))
    if strategy:
        found = found.filter(strategy=STRATEGIES.canonical(strategy))
    equal = {name: value for name, value in (("symbol", symbol), ("broker", broker)) if value}
    found = found.filter(**equal)
    if start:
        found = found.filter(exit_at__gte=start)
    return found.filter(exit_at__lt=end) if end else found


def _mode(trade_type: str) -> str:
    if trade_type not in TRADE_TYPES:
        raise InvalidInput(f"trade_type must be paper or real; found {trade_type!r}.", field="trade_type")
    return TRADE_TYPES[trade_type]


def trade_statistics(found: QuerySet[Trade]) -> dict[str, Any]:
    """Count, wins, losses, P&L (net of fees) and its parts. A trade with a P&L of 0 is neither a win nor a loss."""
    sums = found.aggregate(
        trades=Count("id"),
        wins=Count("id", filter=Q(pnl__gt=0)),
        losses=Count("id", filter=Q(pnl__lt=0)),
        net_pnl=Sum("pnl"),
        fees=Sum("fees"),
        gross_profit=Sum("pnl", filter=Q(pnl__gt=0)),
        gross_loss=Sum("pnl", filter=Q(pnl__lt=0)),
        best=Max("pnl"),
        worst=Min("pnl"),
        average=Avg("pnl"),
    )
    count, profit, loss = sums["trades"], sums["gross_profit"] or Decimal(0), sums["gross_loss"] or Decimal(0)
    decided = sums["wins"] + sums["losses"]
    zero = {name: sums[name] or Decimal(0) for name in ("net_pnl", "fees", "best", "worst")}
    return {
        **sums,
        **zero,
        "gross_profit": profit,
        "gross_loss": loss,
        "average": (zero["net_pnl"] / count).quantize(Decimal("0.01")) if count else None,
        "win_rate": round(sums["wins"] / decided, 4) if decided else None,
        "profit_factor": round(float(profit / -loss), 4) if loss else None,
    }


def orders(*, strategy: str = "", symbol: str = "", state: str = "", book: str = "") -> QuerySet[Order]:
    """Orders, newest first; the filters combine."""
    wanted = {"symbol": symbol, "state": state, "book__name": book}
    found = Order.objects.select_related("book").filter(**{name: value for name, value in wanted.items() if value})
    return found.filter(strategy=STRATEGIES.canonical(strategy)) if strategy else found


def decisions(*, strategy: str = "", symbol: str = "", kind: str = "", book: str = "") -> QuerySet[Decision]:
    """Why something did or did not happen, newest first; the filters combine."""
    wanted = {"symbol": symbol, "kind": kind, "book__name": book, "strategy": strategy}
    return Decision.objects.filter(**{name: value for name, value in wanted.items() if value})


def last_trades(*, book: str, limit: int = 20) -> Iterable[Trade]:
    """The newest closed trades of a book."""
    return Trade.objects.filter(book__name=book).select_related("entry_order", "exit_order")[:limit]
