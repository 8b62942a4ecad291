"""What pages show of a book's options: what is held and why, the chain it was chosen from, the time that is left."""

from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from engine.exits.config import ExitConfig
from engine.exits.deadlines import deadline
from engine.instruments.catalog import instrument_for
from engine.instruments.options import is_option, underlying_of
from engine.instruments.sessions import is_open
from engine.model.time import from_datetime, to_datetime
from engine.options.rules import ContractRules
from strategies.models import Ticker
from strategies.registry import STRATEGIES, parse_params
from trading.models import Book, Decision, Run

Row = dict[str, Any]


def option_slots(*, book: Book) -> list[Row]:
    """A row for each running slot that trades options."""
    runs = Run.objects.filter(book=book, state=Run.State.RUNNING).order_by("strategy")
    now = timezone.now()
    return [
        _slot(book, document, now)
        for run in runs
        if run.strategy in STRATEGIES
        for document in run.slots
        if _rules(run.strategy, document) is not None
    ]


def rules_of(symbol: str) -> ContractRules:
    """What is asked of chains by those who would trade options on `symbol`: the first ticker that does, or defaults."""
    tickers = Ticker.objects.filter(symbol=symbol, strategy__in=list(STRATEGIES)).order_by("pk")
    found = (_rules(ticker.strategy, {"params": ticker.params}) for ticker in tickers)
    return next((rules for rules in found if rules is not None), ContractRules())


def _rules(strategy: str, document: Row) -> ContractRules | None:
    """What the slot asks of chains; None where it trades no options."""
    return STRATEGIES[strategy].contracts(parse_params(strategy, document.get("params") or {}))


def _slot(book: Book, document: Row, now: datetime) -> Row:
    strategy, symbol = document["strategy"], document["symbol"]
    found = book.decisions.filter(strategy=strategy, symbol=symbol)
    chosen = found.filter(kind=Decision.Kind.CONTRACT).first()
    refused = found.filter(kind=Decision.Kind.SUPPRESSED).first()
    if refused is not None and chosen is not None and refused.at < chosen.at:
        refused = None
    return {
        "strategy": strategy,
        "symbol": symbol,
        **_hours(document, now),
        "held": [
            {"contract": row.symbol, "quantity": f"{row.quantity.normalize():f}", "broker": row.broker}
            for row in book.positions.filter(strategy=strategy).exclude(quantity=0)
            if is_option(row.symbol) and underlying_of(row.symbol) == symbol
        ],
        "chosen": _chosen(chosen) if chosen is not None else None,
        "refused": {"at": refused.at.isoformat(), "rule": refused.rule, "reason": refused.reason} if refused else None,
    }


def _hours(document: Row, now: datetime) -> Row:
    """Whether the session is open, and when what is held would be closed: today, or else in the next session."""
    instrument, ts = instrument_for(document["symbol"]), from_datetime(now)
    rules = _rules(document["strategy"], document) or ContractRules()
    configured = document.get("exits")
    exits = None if configured is None else msgspec.convert(configured, ExitConfig, strict=False)
    ends = deadline(msgspec.structs.replace(rules.exits(exits), max_hold_s=None), instrument, ts)
    return {
        "is_open": is_open(instrument.calendar, ts),
        "closes_at": to_datetime(ends[0]).isoformat() if ends is not None else None,
    }


def _chosen(decision: Decision) -> Row:
    return {
        "at": decision.at.isoformat(),
        "target": decision.target,
        "reason": decision.reason,
        "wish": decision.rule,
        **decision.evidence,
    }
