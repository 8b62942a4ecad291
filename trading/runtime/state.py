"""Views of a running book for people and pages: trade_state, slot_state and heartbeat in Redis."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from engine.core import Engine
from engine.core.usage import Usage
from engine.model.event import Event
from engine.model.orders import ApprovedOrder
from engine.model.positions import PositionChanged
from engine.model.time import NS_PER_S, iso
from infra import codec, metrics
from infra.redis import keys
from infra.redis.client import AsyncRedis, SyncRedis

HEARTBEAT_TTL_S = 15
PRICE_AGE_S = 30
NEW_ORDERS_KEPT = 1_000


def show_positions(client: SyncRedis, events: Iterable[Event]) -> None:
    """Write the `trade_state` hash of every position that `events` changed."""
    changed = [event for event in events if isinstance(event, PositionChanged)]
    if not changed:
        return
    with client.pipeline(transaction=False) as pipe:
        for event in changed:
            items = [part for pair in position_view(event).items() for part in pair]
            pipe.hset(keys.trade_state(event.strategy, event.symbol, event.broker), items=items)
        pipe.execute()


def position_view(event: PositionChanged) -> dict[str, str]:
    """The position as people read it in redis-cli."""
    return {
        "strategy": event.strategy,
        "symbol": event.symbol,
        "broker": event.broker,
        "side": event.side.value.upper(),
        "quantity": f"{abs(event.quantity).normalize():f}",
        "average_price": f"{event.average_price.normalize():f}",
        "realized_pnl": f"{event.realized_pnl.normalize():f}",
        "fees": f"{event.fees.normalize():f}",
        "updated_at": iso(event.ts),
    }


async def show_slots(client: AsyncRedis, *, book: str, slots: dict[str, dict[str, Any]]) -> None:
    """Replace the `slot_state` hash of `book`: slot → JSON of its state."""
    key = keys.slot_state(book)
    async with client.pipeline(transaction=True) as pipe:
        pipe.delete(key)
        if slots:
            pipe.hset(key, mapping={name: json.dumps(state) for name, state in slots.items()})
            pipe.expire(key, HEARTBEAT_TTL_S)
        await pipe.execute()


async def show_prices(client: AsyncRedis, engine: Engine) -> None:
    """What is bid for the options that are held. An old price is none: it is left to end."""
    for symbol in engine.contracts.held:
        state = engine.symbols[symbol]
        if engine.now - state.price_ts < PRICE_AGE_S * NS_PER_S:
            await client.hset(keys.quote(symbol), mapping={"last": state.price, "ts": state.price_ts})
            await client.expire(keys.quote(symbol), PRICE_AGE_S)


async def show_usage(client: AsyncRedis, *, book: str, figures: Sequence[Usage]) -> None:
    """How much of each limit is used; it ends by itself when nobody renews it."""
    document = json.dumps({"at": time.time(), "figures": msgspec.to_builtins(figures)})
    await client.set(keys.usage(book), document, ex=HEARTBEAT_TTL_S)


async def beat(client: AsyncRedis, *, process: str, figures: dict[str, Any]) -> None:
    """The heartbeat: `figures` of the work done, and when; it ends by itself when nobody renews it. With it goes what
    the process measured, for `/metrics`."""
    document = json.dumps({"at": time.time(), **figures})
    async with client.pipeline(transaction=False) as pipe:
        pipe.set(keys.heartbeat(process), document, ex=HEARTBEAT_TTL_S)
        pipe.set(keys.metrics(process), metrics.exposition(), ex=HEARTBEAT_TTL_S)
        await pipe.execute()


def show_orders(client: SyncRedis, book: str, outputs: Sequence[Event]) -> None:
    """Every approved order into the stream `orders.new`: a view for outside readers, on which nothing of ours waits."""
    approved = [out for out in outputs if isinstance(out, ApprovedOrder)]
    if not approved:
        return
    with client.pipeline(transaction=False) as pipe:
        for each in approved:
            fields: dict[Any, Any] = {"book": book, "e": codec.encode(each)}
            pipe.xadd(keys.new_orders(), fields, maxlen=NEW_ORDERS_KEPT, approximate=True)
        pipe.execute()
