"""Builds what an engine runs from its configuration: streams with their shared indicators, slots, holdings."""

import msgspec

from engine.core.config import EngineConfig
from engine.core.holding import Holding
from engine.core.slots import Slot
from engine.core.streams import Stream, SymbolState
from engine.decision.sizing import sizing_specs
from engine.exits.plan import uses_atr
from engine.portfolio.ledger import Ledger
from engine.registry import Registry
from engine.strategy.base import Strategy
from engine.strategy.context import View
from engine.strategy.slot import SlotConfig

KEEP = 16  # values remembered of each indicator beyond what strategies look back


class Parts(msgspec.Struct):
    """What was built."""

    symbols: dict[str, SymbolState]
    slots: dict[tuple[str, str], Slot]
    holdings: dict[tuple[str, str, str], Holding]


def build(config: EngineConfig, strategies: Registry[type[Strategy]], ledger: Ledger) -> Parts:
    """Slots in the order of the configuration, which is the order in which they decide."""
    parts = Parts({}, {}, {})
    for slot_config in config.slots:
        slot = Slot(slot_config, strategies[slot_config.registered], exit_specs(slot_config))
        parts.slots[slot_config.key] = slot
        _hold(slot, parts, ledger)
        _subscribe(slot, parts.symbols.setdefault(slot_config.symbol, SymbolState()))
    for symbol in parts.symbols.values():
        for stream in symbol.streams.values():
            make_frame(stream, symbol)
        for slot in symbol.slots:
            connect(slot, symbol)
    return parts


def exit_specs(config: SlotConfig) -> tuple[str, ...]:
    """Indicators that the slot's exits and sizes need on its own timeframe."""
    exits = config.exits
    for_exits = (f"atr({exits.atr_period})",) if exits is not None and uses_atr(exits) else ()
    return for_exits + sizing_specs(config.sizing)


def make_frame(stream: Stream, symbol: SymbolState) -> None:
    """One frame for all that any slot asks of the stream."""
    specs: dict[str, None] = {}
    for slot in symbol.slots:
        specs |= dict.fromkeys(slot.specs().get(stream.timeframe, ()))
        if slot.config.timeframe == stream.timeframe:
            specs |= dict.fromkeys(exit_specs(slot.config))
    lookback = max((slot.strategy.lookback for slot in symbol.slots), default=0)
    stream.request(specs, keep=lookback + KEEP)


def connect(slot: Slot, symbol: SymbolState) -> None:
    """Let the slot see the present frames of its symbol."""
    frames = {timeframe: symbol.streams[timeframe].frame for timeframe in slot.need}
    slot.look_at(View(symbol=slot.config.symbol, timeframe=slot.config.timeframe, frames=frames))


def _hold(slot: Slot, parts: Parts, ledger: Ledger) -> None:
    config = slot.config
    for broker, quantity in config.quantities.items():
        holding = Holding(
            strategy=config.strategy,
            symbol=config.symbol,
            broker=broker,
            unit=quantity,
            exits=config.exits,
            position=ledger.position(config.strategy, config.symbol, broker),
        )
        slot.holdings.append(holding)
        parts.holdings[holding.key] = holding


def _subscribe(slot: Slot, symbol: SymbolState) -> None:
    symbol.slots.append(slot)
    if slot.wants_ticks:
        symbol.tick_slots.append(slot)
    for timeframe in slot.need:
        stream = symbol.streams.setdefault(timeframe, Stream(slot.config.symbol, timeframe))
        (stream.slots if timeframe == slot.config.timeframe else stream.others).append(slot)
