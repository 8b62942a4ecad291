"""What moves between two facts: slot states, the feed's freshness, and what open positions are worth now."""

import time
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.utils import timezone

from engine.instruments.catalog import instrument_for
from infra.redis import keys
from infra.redis.client import AsyncRedis

Row = dict[str, Any]


async def read_pulse(client: AsyncRedis, *, overview: Row) -> Row:
    """The pulse of the book whose `overview` this is, in one round trip to Redis."""
    book, positions = overview["book"]["name"], overview["positions"]
    symbols = sorted({slot["symbol"] for row in overview["strategies"] for slot in row["slots"]} | _held(positions))
    pipe = client.pipeline(transaction=False)
    pipe.hgetall(keys.slot_state(book))
    pipe.get(keys.halt(book))
    pipe.get(keys.heartbeat(f"trader:{book}"))
    for symbol in symbols:
        pipe.hgetall(keys.feed_state(symbol))
        pipe.hgetall(keys.quote(symbol))
    slots, halt, beat, *market = await pipe.execute()
    states = dict(zip(symbols, market[0::2], strict=True))
    quotes = dict(zip(symbols, market[1::2], strict=True))
    marks = [mark(position, quotes[position["symbol"]]) for position in positions]
    return {
        "kind": "pulse",
        "halt": halt,
        "trader": _trader(beat),
        "slots": [slot_row(name, document) for name, document in sorted(slots.items())],
        "feeds": [feed_row(symbol, states[symbol], quotes[symbol]) for symbol in symbols],
        "marks": marks,
        "open_pnl": open_pnl(marks),
    }


def _held(positions: list[Row]) -> set[str]:
    return {position["symbol"] for position in positions}


def _trader(beat: str | None) -> Row:
    """The trader's heartbeat: absent means that nobody runs the book."""
    if beat is None:
        return {"is_running": False}
    figures = msgspec.json.decode(beat)
    latency = {name: figures[name] for name in ("decision_p50_ms", "decision_p99_ms") if figures.get(name) is not None}
    return {"is_running": True, "at": round(figures["at"] * 1000), **latency}


def slot_row(name: str, document: str) -> Row:
    """One slot's state as the trader shows it; have and need are absent once it is warm."""
    strategy, _, symbol = name.partition(":")
    state = msgspec.json.decode(document)
    return {
        "strategy": strategy,
        "symbol": symbol,
        "timeframe": state.get("timeframe", ""),
        "state": state.get("state", "warming"),
        "reason": state.get("reason", ""),
        "have": state.get("have"),
        "need": state.get("need"),
    }


def feed_row(symbol: str, state: dict[str, str], quote: dict[str, str]) -> Row:
    """What the feed says of a symbol, and its last price."""
    return {
        "symbol": symbol,
        "state": state.get("state", "unknown"),
        "reason": state.get("reason", ""),
        "price": last_price(quote),
    }


def last_price(quote: dict[str, str]) -> float | None:
    """The last observed price; None where there was none."""
    text = quote.get("last")
    return float(text) if text else None


def mark(position: Row, quote: dict[str, str]) -> Row:
    """An open position against the last price: `unrealized_pnl` in cash, before fees; null without a price. Once its
    contract has rolled, the symbol's prices are of another one."""
    price = None if _has_rolled(position) else last_price(quote)
    row = {key: position[key] for key in ("strategy", "symbol", "broker")}
    unrealized = None if price is None else _unrealized(position, price)
    return {**row, "price": price, "unrealized_pnl": unrealized, **distances(position, price)}


def _has_rolled(position: Row) -> bool:
    at = position.get("rolls_at")
    return at is not None and datetime.fromisoformat(at) <= timezone.now()


def distances(position: Row, price: float | None) -> Row:
    """How far the price is from stop and target, in points; negative once it is beyond. `progress` is the share of the
    way from the entry to the target (to the stop where it is negative), from −1 to 1. Null where it means nothing."""
    sign = -1 if position["quantity"].startswith("-") else 1
    stop, target = (_level(position, name) for name in ("stop_price", "target_price"))
    if price is None:
        return {"stop_distance": None, "target_distance": None, "progress": None}
    gained = sign * (price - float(position["average_price"]))
    level = target if gained >= 0 else stop
    way = None if level is None else abs(level - float(position["average_price"]))
    return {
        "stop_distance": None if stop is None else round(sign * (price - stop), 6),
        "target_distance": None if target is None else round(sign * (target - price), 6),
        "progress": round(max(-1.0, min(1.0, gained / way)), 4) if way else None,
    }


def _level(position: Row, name: str) -> float | None:
    value = position.get(name)
    return None if value is None else float(value)


def _unrealized(position: Row, observed: float) -> str:
    instrument = instrument_for(position["symbol"])
    gained = instrument.price(observed) - Decimal(position["average_price"])
    return f"{(gained * Decimal(position['quantity']) * instrument.multiplier).normalize():f}"


def open_pnl(marks: list[Row]) -> str | None:
    """The sum over all marks; None where one of them has no price."""
    values = [row["unrealized_pnl"] for row in marks]
    if None in values:
        return None
    return f"{sum((Decimal(value) for value in values), Decimal(0)).normalize():f}"


def utc_ms() -> int:
    """This machine's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000
