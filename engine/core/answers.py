"""What a person is told at once about a signal of theirs."""

from collections.abc import Iterable

from engine.core.slots import Slot
from engine.model.event import Event
from engine.model.orders import OrderDenied
from engine.model.signals import SignalSuppressed
from engine.options.events import ContractRefused


def answer(slot: Slot, outputs: Iterable[Event]) -> tuple[str, str]:
    """Why the signal was not followed (empty where it was), and what comes of it."""
    problem = next((found for event in outputs if (found := _problem(event))), "")
    return problem, "an option is being chosen, the order follows" if slot.wanted else "the signal was followed"


def _problem(event: Event) -> str:
    if isinstance(event, ContractRefused):
        return "" if event.rule == "replaced" else event.reason  # an earlier wish gave way to this one
    return event.reason if isinstance(event, SignalSuppressed | OrderDenied) else ""
