"""What commands do; every command is answered, once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.core import account_checks, by_hand
from engine.core.slots import Slot
from engine.model.commands import (
    AcceptDifferences,
    CancelOrder,
    Command,
    CommandHandled,
    Flatten,
    Halt,
    ManualOrder,
    ManualSignal,
    ReplaceOrder,
    Resume,
    SetExits,
    StartSlot,
    StopSlot,
)
from engine.model.event import Event
from engine.strategy.base import Wish

if TYPE_CHECKING:
    from engine.core.engine import Engine

KEEP_HANDLED = 10_000
Answer = str  # what was wrong; empty when the command was accepted


def handle(engine: "Engine", command: Command) -> list[Event]:
    """Carry the command out; its answer comes last."""
    out: list[Event] = []
    problem, detail = _HANDLERS[type(command)](engine, command, out)
    out.append(CommandHandled(command.ts, command.command_id, not problem, problem or detail))
    engine.answers.follow(command, out)
    while len(engine.handled) > KEEP_HANDLED:
        del engine.handled[next(iter(engine.handled))]
    return out


def _matching(engine: "Engine", strategy: str, symbol: str) -> list[Slot]:
    return [
        slot
        for (name, traded), slot in engine.slots.items()
        if (not strategy or name == strategy) and (not symbol or traded == symbol)
    ]


def _named(strategy: str, symbol: str) -> str:
    return f"{strategy or 'any strategy'} on {symbol or 'any symbol'}"


def _start(engine: "Engine", command: StartSlot, out: list[Event]) -> tuple[Answer, str]:
    slots = _matching(engine, command.strategy, command.symbol)
    if not slots:
        return f"there is no slot of {_named(command.strategy, command.symbol)}", ""
    for slot in slots:
        slot.is_stopped = False
        if slot.fault:
            slot.fault = ""
            slot.is_warm = True  # it was; a strategy that raises again is disabled again
        engine.pursuit.announce(slot, engine.symbols[slot.config.symbol], command.ts, out)
    return "", f"{len(slots)} started"


def _stop(engine: "Engine", command: StopSlot, out: list[Event]) -> tuple[Answer, str]:
    slots = _matching(engine, command.strategy, command.symbol)
    if not slots:
        return f"there is no slot of {_named(command.strategy, command.symbol)}", ""
    for slot in slots:
        slot.is_stopped = True
        engine.pursuit.announce(slot, engine.symbols[slot.config.symbol], command.ts, out)
        _cancel_entries(engine, slot, command.ts, "the slot was stopped", out)
        if command.flatten:
            _flatten_slot(engine, slot, command.ts, out)
    return "", f"{len(slots)} stopped"


def _flatten(engine: "Engine", command: Flatten, out: list[Event]) -> tuple[Answer, str]:
    slots = _matching(engine, command.strategy, command.symbol)
    if not slots:
        return f"there is no slot of {_named(command.strategy, command.symbol)}", ""
    open_before = sum(not holding.is_idle for slot in slots for holding in slot.holdings)
    for slot in slots:
        _cancel_entries(engine, slot, command.ts, "flatten", out)
        _flatten_slot(engine, slot, command.ts, out)
    closing = f"{open_before} position{'s' if open_before > 1 else ''} to close"
    return "", closing if open_before else "nothing was open"


def _flatten_slot(engine: "Engine", slot: Slot, ts: int, out: list[Event]) -> None:
    engine.pursuit.steer(slot, 0, reason="flatten", ts=ts, bar_ts=0, out=out)


def _cancel_entries(engine: "Engine", slot: Slot, ts: int, reason: str, out: list[Event]) -> None:
    """Orders that wait for a price, and options that wait for a chain, must not open a position later."""
    engine.contracts.give_up(slot, ts, "cancelled", reason, out)
    for holding in slot.holdings:
        engine.desk.withdraw(holding.waiting(), ts, reason, out)


def _halt(engine: "Engine", command: Halt, out: list[Event]) -> tuple[Answer, str]:
    engine.gate.halt_reason = command.reason or "halted by command"
    for slot in engine.slots.values():
        _cancel_entries(engine, slot, command.ts, "the book is halted", out)
        engine.pursuit.announce(slot, engine.symbols[slot.config.symbol], command.ts, out)
    return "", "no entries until resumed; exits still pass"


def _resume(engine: "Engine", command: Resume, out: list[Event]) -> tuple[Answer, str]:
    was_halted, engine.gate.halt_reason = engine.gate.is_halted, ""
    for slot in engine.slots.values():
        engine.pursuit.announce(slot, engine.symbols[slot.config.symbol], command.ts, out)
    return "", "resumed" if was_halted else "it was not halted"


def _manual_signal(engine: "Engine", command: ManualSignal, out: list[Event]) -> tuple[Answer, str]:
    slot = engine.slots.get((command.strategy, command.symbol))
    if slot is None:
        return f"there is no slot of {_named(command.strategy, command.symbol)}", ""
    if command.target not in (-1, 0, 1):
        return f"target: −1, 0 or +1 was expected, found {command.target}", ""
    if command.target == slot.target:
        return "", "the slot holds that already"
    slot.refused = (0, -1)  # a person asks again and wants an answer
    wish = Wish(command.target, command.reason, priority=1_000_000)
    engine.pursuit.collect(slot, wish, command.ts, 0, slot.config.timeframe)
    engine.pursuit.decide(engine.symbols[command.symbol], command.ts, out)
    return engine.answers.given(slot, command, out)


_HANDLERS: dict[type[Command], Callable[[Any, Any, list[Event]], tuple[Answer, str]]] = {
    StartSlot: _start,
    StopSlot: _stop,
    Flatten: _flatten,
    Halt: _halt,
    Resume: _resume,
    ManualSignal: _manual_signal,
    ManualOrder: by_hand.order,
    ReplaceOrder: by_hand.replace,
    SetExits: by_hand.set_exits,
    CancelOrder: by_hand.cancel,
    AcceptDifferences: account_checks.accept,
}
