"""One step of a simulated run: the market meets the venue, then the engine; shared by every kind of simulated run."""

from collections.abc import Iterable, Sequence

from engine.core import Engine
from engine.core.inheritance import inherit
from engine.model.event import Event
from engine.model.market import Bar, PartialBar, Tick
from engine.model.orders import ApprovedOrder, CancelRequested, Order, OrderFilled, StopMoveRequested
from engine.options.atm import NoContract
from engine.options.events import ChainReceived, ContractWanted
from engine.options.synthetic import SyntheticChains
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


def step_with_options(engine: Engine, venue: SimulatedVenue, event: Event, chains: SyntheticChains) -> Sequence[Event]:
    """`step` where the options that slots trade are priced by a model, from the prices of what they are on.

    Orders in options meet the first price of the event (of a bar its open), like any other; a chain that is wanted
    comes at once. Within a bar only its open and its close are known to an option.
    """
    out: list[Event] = []
    for ts, spot in _moments(event):
        _quote(engine, venue, chains, event, ts, spot, out)
    out += step(engine, venue, event)
    for wanted in engine.contracts.wanted:
        out += step(engine, venue, _chain_for(wanted, chains, engine.price_of(wanted.symbol), event.ts))
    return out


def _moments(event: Event) -> list[tuple[int, float]]:
    """Times and prices of the event, in their order."""
    match event:
        case Bar():
            return [(event.ts_open, event.open), (event.ts, event.close)]
        case Tick():
            return [(event.ts, event.price)]
        case PartialBar():
            return [(event.ts, event.close)]
    return []


def _quote(
    engine: Engine, venue: SimulatedVenue, chains: SyntheticChains, event: Event, ts: int, spot: float, out: list[Event]
) -> None:
    """Quotes of the contracts on the event's symbol; where a sale lets another one be bought, at the same price."""
    symbol: str = event.symbol  # type: ignore[attr-defined]
    while True:
        for quote in chains.quotes(engine.contracts.held_on(symbol), spot=spot, ts=ts):
            out += step(engine, venue, quote)
        wants = [wanted for wanted in engine.contracts.wanted if wanted.symbol == symbol]
        if not wants:
            return
        for wanted in wants:
            out += step(engine, venue, _chain_for(wanted, chains, spot, ts))


def _chain_for(wanted: ContractWanted, chains: SyntheticChains, spot: float, ts: int) -> ChainReceived:
    try:
        return ChainReceived(ts, wanted.wanted_id, chains.chain(wanted.symbol, spot=spot, ts=ts))
    except NoContract as error:
        return ChainReceived(ts, wanted.wanted_id, reason=error.detail)


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
        elif type(output) is StopMoveRequested:
            _deliver(engine, venue, venue.move(output), out)
    return out
