"""One step of a simulated run: the market meets the venue, then the engine; shared by every kind of simulated run."""

from collections.abc import Iterable, Sequence

from engine.core import Engine
from engine.core.inheritance import inherit
from engine.model.event import Event
from engine.model.orders import ApprovedOrder, CancelRequested, Order, OrderFilled
from engine.venue.matching import SimulatedVenue

NOTHING: tuple[Event, ...] = ()


def step(engine: Engine, venue: SimulatedVenue, event: Event) -> Sequence[Event]:
    """Orders already working meet the market before any strategy sees it.

    All that follows from `event`, in order: reports of the venue, what the engine makes of them, then what it makes of
    the event itself. Not to be changed by the caller.
    """
    kind = type(event)
    # `venue.match` and `engine.process` without their calls: this runs for every event, and most change nothing.
    matcher = venue.matchers.get(kind) if venue.is_timeless else venue.match
    reports = matcher(event) if matcher is not None else NOTHING
    outputs: Sequence[Event] = _deliver(engine, venue, reports, []) if reports else NOTHING
    handler = engine.handlers.get(kind)
    follows = handler(event) if handler is not None else NOTHING
    if not follows:
        return outputs
    return _carry_out(engine, venue, follows, list(outputs))


def begin(engine: Engine, venue: SimulatedVenue, history: Iterable[tuple[Order, OrderFilled]]) -> list[Event]:
    """Continue from the fills of earlier runs: the exits of what is still held wait at the venue afterwards."""
    return _carry_out(engine, venue, inherit(engine, history), [])


def _deliver(engine: Engine, venue: SimulatedVenue, reports: Iterable[Event], out: list[Event]) -> list[Event]:
    """Each report is handled before the venue goes on matching."""
    for report in reports:
        out.append(report)
        follows = engine.process(report)
        if follows:
            _carry_out(engine, venue, follows, out)
    return out


def _carry_out(engine: Engine, venue: SimulatedVenue, outputs: Sequence[Event], out: list[Event]) -> list[Event]:
    for output in outputs:
        out.append(output)
        if type(output) is ApprovedOrder:
            _deliver(engine, venue, venue.execute(output), out)
        elif type(output) is CancelRequested:
            _deliver(engine, venue, venue.cancel(output), out)
    return out
