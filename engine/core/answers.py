"""What persons are told about a signal of theirs: at once whether it is followed, later what became of it."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from engine.core.slots import Slot
from engine.model.commands import CommandSettled, ManualSignal, Outcome
from engine.model.event import Event
from engine.model.orders import OrderCancelled, OrderDenied, OrderExpired, OrderFilled, OrderRejected
from engine.model.signals import SignalSuppressed
from engine.options.events import ContractRefused

SlotKey = tuple[str, str]


class Asked(msgspec.Struct):
    """A signal of a person that has not come to an end. `problem` is what went wrong last, `fill` what was traded."""

    command_id: str
    target: int
    problem: str = ""
    fill: str = ""


class Answers:
    """The signals of persons that are being followed, one for a slot: a later one ends an earlier one."""

    def __init__(self, slots: Callable[[], Iterable[Slot]]) -> None:
        self.open: dict[SlotKey, Asked] = {}
        self._slots = slots

    def given(self, slot: Slot, command: ManualSignal, outputs: list[Event]) -> tuple[str, str]:
        """Why the signal was not followed (empty where it was), and what comes next."""
        before = self.open.pop(slot.config.key, None)
        if before is not None:
            outputs.append(_settled(before, command.ts, Outcome.REPLACED, "another signal came before it was done"))
        problem = next((found for event in outputs if (found := _problem(event))), "")
        if problem:
            return problem, ""
        self.open[slot.config.key] = Asked(command.command_id, command.target)
        return "", "an option is being chosen, the order follows" if slot.wanted else "the order is on its way"

    def follow(self, cause: Event, outputs: list[Event], of: Slot | None = None) -> None:
        """After an event (of one slot, where it is of its orders): tell of each signal that has come to an end, with
        what was bought, sold or refused."""
        for slot in self._slots() if of is None else (of,):
            asked = self.open.get(slot.config.key)
            if asked is not None:
                _note(slot, asked, [cause, *outputs])
                if not _is_moving(slot):
                    del self.open[slot.config.key]
                    outputs.append(_ended(slot, asked, cause.ts))


def _note(slot: Slot, asked: Asked, events: Sequence[Event]) -> None:
    mine = {(holding.strategy, holding.symbol) for holding in slot.holdings}
    for event in events:
        if isinstance(event, OrderFilled) and (event.strategy, event.symbol) in mine:
            done = "bought" if event.side.sign > 0 else "sold"
            asked.fill = f"{done} {event.quantity.normalize():f} {event.symbol} at {event.price.normalize():f}"
            asked.problem = ""
        else:
            asked.problem = _problem(event, slot.config.key) or asked.problem


def _problem(event: Event, key: SlotKey | None = None) -> str:
    """Why something was not done, where that is what `event` tells; with `key` only for that slot."""
    match event:
        case ContractRefused() if key in (None, (event.strategy, event.symbol)):
            return "" if event.rule == "replaced" else event.reason  # an earlier wish gave way to this one
        case OrderDenied() if key is None or event.order.strategy == key[0]:
            return event.reason
        case SignalSuppressed() if key in (None, (event.signal.strategy, event.signal.symbol)):
            return event.reason
        case OrderRejected() | OrderCancelled() if key is not None:
            return event.reason
        case OrderExpired() if key is not None:
            return "the order expired"
    return ""


def _is_moving(slot: Slot) -> bool:
    """Whether something of the slot is still on its way."""
    return slot.wanted is not None or any(holding.plan or holding.working for holding in slot.holdings)


def _ended(slot: Slot, asked: Asked, ts: int) -> CommandSettled:
    """What it came to, by what is held now."""
    if slot.target != asked.target:
        return _settled(asked, ts, Outcome.REFUSED, asked.problem or "what is held was decided otherwise meanwhile")
    return _settled(asked, ts, Outcome.FILLED, asked.fill or "it was so already")


def _settled(asked: Asked, ts: int, outcome: Outcome, detail: str) -> CommandSettled:
    return CommandSettled(ts, asked.command_id, outcome, detail)
