"""Runs stored events through engine and simulated venue, and keeps what came of it."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from backtest.simulation.curve import Curve
from engine.core import Engine
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.orders import ApprovedOrder, Order, OrderDenied, OrderFilled, OrderRejected
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import Signal, SignalSuppressed, StrategyFaulted
from engine.model.time import iso
from engine.options.synthetic import SyntheticChains
from engine.simulation import step, step_with_options
from engine.venue.matching import SimulatedVenue


class Outcome(msgspec.Struct):
    """Everything that a run put out, in order, but for warm-up progress."""

    events: int = 0
    trades: list[TradeClosed] = []
    orders: list[Order] = []
    fills: dict[str, list[OrderFilled]] = {}
    denials: list[OrderDenied] = []
    signals: int = 0
    suppressed: list[SignalSuppressed] = []
    faults: list[StrategyFaulted] = []
    positions: dict[tuple[str, str, str], PositionChanged] = {}
    rejections: dict[str, str] = {}  # order → the venue's reason

    def take(self, outputs: Iterable[Event]) -> None:
        """Keep what `outputs` say."""
        for out in outputs:
            keep = _KEEPS.get(type(out))
            if keep is not None:
                keep(self, out)

    def count_signal(self, out: Signal) -> None:
        self.signals += 1

    def keep_fill(self, out: OrderFilled) -> None:
        self.fills.setdefault(out.client_id, []).append(out)

    def keep_position(self, out: PositionChanged) -> None:
        self.positions[out.strategy, out.symbol, out.broker] = out

    def keep_rejection(self, out: OrderRejected) -> None:
        self.rejections[out.client_id] = out.reason


_KEEPS: dict[type[Event], Callable[[Outcome, Any], None]] = {
    TradeClosed: lambda outcome, out: outcome.trades.append(out),
    ApprovedOrder: lambda outcome, out: outcome.orders.append(out.order),
    OrderDenied: lambda outcome, out: outcome.denials.append(out),
    SignalSuppressed: lambda outcome, out: outcome.suppressed.append(out),
    StrategyFaulted: lambda outcome, out: outcome.faults.append(out),
    Signal: Outcome.count_signal,
    OrderFilled: Outcome.keep_fill,
    PositionChanged: Outcome.keep_position,
    OrderRejected: Outcome.keep_rejection,
}


def drive(
    engine: Engine,
    venue: SimulatedVenue,
    events: Iterable[Event],
    outcome: Outcome,
    curve: Curve | None = None,
    chains: SyntheticChains | None = None,
) -> Outcome:
    """Feed `events` in order; `outcome` may be read while it grows. `curve` sees every bar after the engine did.
    `chains` prices the options of slots that trade them."""
    take = outcome.take
    advance = step if chains is None else partial(step_with_options, chains=chains)
    for event in events:
        outputs = advance(engine, venue, event)
        outcome.events += 1
        if outputs:
            take(outputs)
        if curve is not None and type(event) is Bar:
            curve.see(event)
    return outcome


def document(outcome: Outcome, *, config: dict[str, Any]) -> dict[str, Any]:
    """The run as JSON values: times ISO 8601 UTC to the nanosecond, money as text."""
    return {
        "config": config,
        "trades": [trade_document(trade) for trade in outcome.trades],
        "orders": [
            order_document(order, outcome.fills.get(order.client_id, ()), outcome.rejections.get(order.client_id))
            for order in outcome.orders
        ],
        "stats": statistics(outcome),
    }


def trade_document(trade: TradeClosed) -> dict[str, Any]:
    """One round trip, with the names of the command surface."""
    return {
        "strategy": trade.strategy,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "quantity": money(trade.quantity),
        "entry_ts": iso(trade.entry_ts),
        "entry_price": money(trade.entry_price),
        "exit_ts": iso(trade.exit_ts),
        "exit_price": money(trade.exit_price),
        "pnl": money(trade.pnl),
        "fees": money(trade.fees),
        "entry_reason": trade.entry_reason,
        "exit_reason": trade.exit_reason,
        "is_ambiguous": trade.is_ambiguous,
    }


def order_document(order: Order, fills: Sequence[OrderFilled], rejected: str | None = None) -> dict[str, Any]:
    """One order with its fills, or why the venue did not take it."""
    return {
        "client_id": order.client_id,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "broker": order.broker,
        "side": order.side.value,
        "type": order.type.value,
        "intent": order.intent.value,
        "quantity": money(order.quantity),
        "reason": order.reason,
        "ts": iso(order.signal_ts),
        "fills": [
            {"ts": iso(f.ts), "price": money(f.price), "quantity": money(f.quantity), "fee": money(f.fee)}
            for f in fills
        ],
        "rejected": rejected,
    }


# Statistics of which more is better: what runs can be ranked by.
RANKS = ("net_pnl", "gross_pnl", "gross_profit", "gross_loss", "profit_factor", "win_rate", "wins", "trades")


class Totals(msgspec.Struct, frozen=True):
    """Money of closed trades, in cash. A trade with a P&L of 0 is neither a win nor a loss."""

    trades: int
    wins: int
    losses: int
    net: Decimal
    fees: Decimal
    won: Decimal  # of all winning trades
    lost: Decimal  # of all losing trades, ≤ 0
    max_drawdown: Decimal  # (peak − now) of the cumulated net P&L, ≥ 0


def statistics(outcome: Outcome) -> dict[str, Any]:
    """Counts and money of the closed trades."""
    pnls = [trade.pnl for trade in outcome.trades]
    wins = [pnl for pnl in pnls if pnl > 0]
    losses = [pnl for pnl in pnls if pnl < 0]
    totals = Totals(
        len(pnls),
        len(wins),
        len(losses),
        sum(pnls, Decimal(0)),
        sum((trade.fees for trade in outcome.trades), Decimal(0)),
        sum(wins, Decimal(0)),
        sum(losses, Decimal(0)),
        max_drawdown(pnls),
    )
    return figures(totals) | {
        "signals": outcome.signals,
        "suppressed": len(outcome.suppressed),
        "orders": len(outcome.orders),
        "denied": len(outcome.denials),
        "faults": [fault.error for fault in outcome.faults],
        "open_positions": [position_document(p) for p in outcome.positions.values() if p.quantity != 0],
    }


def figures(totals: Totals) -> dict[str, Any]:
    """The part of the statistics that is about money."""
    decided = totals.wins + totals.losses
    return {
        "trades": totals.trades,
        "wins": totals.wins,
        "losses": totals.losses,
        "win_rate": round(totals.wins / decided, 6) if decided else None,
        "net_pnl": money(totals.net),
        "gross_pnl": money(totals.net + totals.fees),
        "fees": money(totals.fees),
        "gross_profit": money(totals.won),
        "gross_loss": money(totals.lost),
        "profit_factor": round(float(totals.won / -totals.lost), 6) if totals.losses else None,
        "max_drawdown": money(totals.max_drawdown),
    }


def position_document(position: PositionChanged) -> dict[str, Any]:
    """A position that is still open at the end."""
    return {
        "strategy": position.strategy,
        "symbol": position.symbol,
        "broker": position.broker,
        "side": position.side.value,
        "quantity": money(abs(position.quantity)),
        "average_price": money(position.average_price),
    }


def max_drawdown(pnls: Iterable[Decimal]) -> Decimal:
    """The deepest fall of the cumulated `pnls` from their peak so far (which starts at 0)."""
    total = peak = deepest = Decimal(0)
    for pnl in pnls:
        total += pnl
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest


def money(value: Decimal) -> str:
    """Plain digits, no exponent, no trailing zeros."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
