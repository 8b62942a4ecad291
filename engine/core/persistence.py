"""The engine's state as bytes, and back."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from engine.core.answers import Asked
from engine.core.holding import Guard, Holding, Plan
from engine.core.slots import Slot
from engine.core.streams import Stream
from engine.core.wanted import Wanted
from engine.errors import SnapshotIncompatible
from engine.exits.plan import Levels
from engine.model.market import Bar
from engine.orders.lifecycle import OrderRecord
from engine.portfolio.equity import AccountsState
from engine.portfolio.ledger import Position
from engine.risk.gate import GateState
from engine.snapshot import seal, unseal

if TYPE_CHECKING:
    from engine.core.engine import Engine

KIND = "engine"
VERSION = 1


class StreamState(msgspec.Struct):
    """One stream; `params` tells which indicators its columns are."""

    symbol: str
    timeframe: str
    count: int
    last: Bar | None
    last_ts: int
    frame: dict[str, Any]
    lost: str = ""


class SymbolSaved(msgspec.Struct):
    """What is known of a symbol besides its streams."""

    symbol: str
    price: float
    price_ts: int
    tick_seq: int
    tick_ts: int
    gap: str
    doubt: str
    winner: str
    winner_ts: int


class SlotState(msgspec.Struct):
    """One slot. A slot whose timeframe or parameters changed keeps its holdings, but warms up again."""

    strategy: str
    symbol: str
    timeframe: str
    params: dict[str, Any]
    bars: int
    entry_bar: int
    refused: tuple[int, int]
    is_stopped: bool
    is_warm: bool
    fault: str
    announced: str
    state: dict[str, Any]
    wanted: Wanted | None = None
    run: int = 0


class HoldingState(msgspec.Struct):
    """The plan and the guard of one slot at one broker."""

    key: tuple[str, str, str]
    plan: Plan | None
    guard: Guard | None
    low_alarm: float
    high_alarm: float
    levels: Levels | None = None


class EngineState(msgspec.Struct):
    """Everything an engine owns."""

    run: str
    now: int
    gate: GateState
    accounts: AccountsState
    counters: dict[str, int]
    handled: list[str]
    symbols: list[SymbolSaved]
    streams: list[StreamState]
    slots: list[SlotState]
    holdings: list[HoldingState]
    positions: list[Position]
    open_orders: list[OrderRecord]
    closed_orders: list[OrderRecord]
    next_deadline: int
    returns: dict[str, list[tuple[int, float]]]
    closes: dict[str, float]
    external: dict[str, dict[str, Decimal]] = {}
    answers: list[tuple[tuple[str, str], Asked]] = []
    flows: dict[str, Decimal] = {}


def copy_record(record: OrderRecord) -> OrderRecord:
    """A value nobody else changes."""
    copied = msgspec.structs.replace(record)
    copied.fill_ids = list(record.fill_ids)
    return copied


def snapshot(engine: "Engine") -> bytes:
    """All state of `engine`."""
    opened, closed = engine.desk.orders.state()
    returns, closes = engine.correlations.state() if engine.correlations is not None else ({}, {})
    state = EngineState(
        run=engine.config.run,
        now=engine.now,
        gate=engine.gate.state(),
        accounts=engine.accounts.state(),
        counters=engine.desk.counters,
        handled=list(engine.handled),
        symbols=[
            SymbolSaved(name, s.price, s.price_ts, s.tick_seq, s.tick_ts, s.gap, s.doubt, s.winner, s.winner_ts)
            for name, s in engine.symbols.items()
        ],
        streams=[
            StreamState(s.symbol, s.timeframe, s.count, s.last, s.last_ts, s.frame.snapshot(), s.lost)
            for symbol in engine.symbols.values()
            for s in symbol.streams.values()
        ],
        slots=[_slot_state(slot) for slot in engine.slots.values()],
        holdings=[
            HoldingState(h.key, h.plan, h.guard, h.low_alarm, h.high_alarm, h.levels) for h in engine.holdings.values()
        ],
        positions=engine.ledger.state(),
        open_orders=opened,
        closed_orders=closed,
        next_deadline=engine.guards.next_deadline,
        returns=returns,
        closes=closes,
        external=engine.external,
        flows=engine.ledger.flows,
        answers=list(engine.answers.open.items()),
    )
    return seal(KIND, VERSION, state)


def restore(engine: "Engine", data: bytes) -> None:
    """Put the state of `data` into `engine`, which must be new and of the same run."""
    state = unseal(data, KIND, VERSION, EngineState)
    _check_fits(engine, state)
    engine.contracts.hold_all((p.strategy, p.symbol, p.broker) for p in state.positions)
    engine.contracts.hold_all(
        (r.order.strategy, r.order.symbol, r.order.broker) for r in (*state.open_orders, *state.closed_orders)
    )
    engine.now = state.now
    engine.gate.load(state.gate)
    engine.accounts.load(state.accounts)
    engine.desk.counters.update(state.counters)
    engine.handled.update(dict.fromkeys(state.handled))
    engine.ledger.load(state.positions)
    engine.external = state.external
    engine.ledger.flows = state.flows
    engine.answers.open.update((key, asked) for key, asked in state.answers if key in engine.slots)
    if engine.correlations is not None:
        engine.correlations.load(state.returns, state.closes)
    _restore_market(engine, state)
    _restore_slots(engine, state)
    _restore_holdings(engine, state)


def _check_fits(engine: "Engine", state: EngineState) -> None:
    """Positions and orders of the snapshot must belong to slots that are still there."""
    if state.run != engine.config.run:
        raise SnapshotIncompatible(f"a snapshot of run {engine.config.run!r} was expected, found {state.run!r}")
    held = {(p.strategy, p.symbol, p.broker) for p in state.positions if p.quantity}
    held |= {(r.order.strategy, r.order.symbol, r.order.broker) for r in state.open_orders}
    for strategy, symbol, broker in sorted(held - set(engine.holdings)):
        if engine.contracts.can_hold(strategy, symbol, broker):
            continue
        raise SnapshotIncompatible(
            f"the snapshot holds a position or an open order of {strategy} in {symbol} at {broker}, "
            "and the configuration has no such slot"
        )
    for position in state.positions:
        instrument = engine.config.instruments.get(position.symbol)
        if position.quantity and instrument is not None and instrument.multiplier != position.multiplier:
            raise SnapshotIncompatible(
                f"{position.symbol}: a multiplier of {position.multiplier} was expected, found {instrument.multiplier}"
            )


def _restore_market(engine: "Engine", state: EngineState) -> None:
    for saved in state.symbols:
        symbol = engine.symbols.get(saved.symbol)
        if symbol is not None:
            symbol.price, symbol.price_ts = saved.price, saved.price_ts
            symbol.tick_seq, symbol.tick_ts = saved.tick_seq, saved.tick_ts
            symbol.gap, symbol.doubt = saved.gap, saved.doubt
            symbol.winner, symbol.winner_ts = saved.winner, saved.winner_ts
    for stream_state in state.streams:
        symbol = engine.symbols.get(stream_state.symbol)
        stream = symbol.streams.get(stream_state.timeframe) if symbol is not None else None
        if stream is not None:
            _restore_stream(stream, stream_state)


def _restore_stream(stream: Stream, state: StreamState) -> None:
    """Indicators that are not those of the snapshot warm up again."""
    stream.last_ts, stream.lost = state.last_ts, state.lost
    try:
        stream.frame.restore(state.frame)
    except SnapshotIncompatible:
        stream.reset()
        return
    stream.count, stream.last = state.count, state.last


def _restore_slots(engine: "Engine", state: EngineState) -> None:
    for saved in state.slots:
        slot = engine.slots.get((saved.strategy, saved.symbol))
        if slot is None:
            continue
        slot.is_stopped = saved.is_stopped and saved.run == slot.config.run
        if (saved.timeframe, saved.params) != (slot.config.timeframe, slot.config.params):
            continue
        slot.bars, slot.entry_bar, slot.refused, slot.fault = saved.bars, saved.entry_bar, saved.refused, saved.fault
        slot.announced = saved.announced
        counts = engine.symbols[saved.symbol].counts()
        slot.is_warm = saved.is_warm and all(counts[timeframe] >= need for timeframe, need in slot.need.items())
        slot.strategy.restore(saved.state)
        slot.wanted = saved.wanted if slot.rules is not None else None


def _restore_holdings(engine: "Engine", state: EngineState) -> None:
    for holding in engine.holdings.values():
        holding.position = engine.ledger.position(*holding.key)
        if engine.keeps_accounts:
            engine.accounts.take_over(holding.key, holding.position)
    for record in state.open_orders:
        order = record.order
        engine.desk.adopt(record, engine.holdings[order.strategy, order.symbol, order.broker])
    for record in state.closed_orders:
        order = record.order
        found = engine.holdings.get((order.strategy, order.symbol, order.broker))
        if found is not None:
            engine.desk.link(order.client_id, found)
    engine.desk.orders.load(state.open_orders, state.closed_orders)
    for saved in state.holdings:
        known = engine.holdings.get(saved.key)
        if known is not None:
            _restore_guard(engine, known, saved)
    engine.guards.next_deadline = 0 if engine.rolls.roots else state.next_deadline  # the rules may be others now
    for slot in engine.slots.values():
        engine.pursuit.follow_position(slot)


def _restore_guard(engine: "Engine", holding: Holding, saved: HoldingState) -> None:
    holding.plan, holding.guard = saved.plan, saved.guard
    holding.low_alarm, holding.high_alarm, holding.levels = saved.low_alarm, saved.high_alarm, saved.levels
    if holding.position.quantity:
        engine.guards.watch(holding)
        if holding.guard is not None and holding.symbol in engine.rolls.roots:
            engine.guards.set_deadline(holding, holding.guard, engine.now)


def _slot_state(slot: Slot) -> SlotState:
    return SlotState(
        strategy=slot.config.strategy,
        symbol=slot.config.symbol,
        timeframe=slot.config.timeframe,
        params=slot.config.params,
        bars=slot.bars,
        entry_bar=slot.entry_bar,
        refused=slot.refused,
        is_stopped=slot.is_stopped,
        is_warm=slot.is_warm,
        fault=slot.fault,
        announced=slot.announced,
        state=slot.strategy.snapshot(),
        wanted=slot.wanted,
        run=slot.config.run,
    )
