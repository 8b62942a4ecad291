"""One run of a sweep by the engine and the simulated venue: what the compiled scan must equal, and its stand-in."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from backtest.simulation.driver import Outcome, drive, statistics
from backtest.simulation.options import check_options, parse_fees, parse_fill, parse_slippage
from backtest.simulation.sweep.job import BROKER, EVENT, RunConfig, RunOutcome, TradeList
from engine.bars.columns import BarColumns
from engine.core import Engine, EngineConfig
from engine.instruments.catalog import instrument_for
from engine.model.market import Bar
from engine.registry import Registry
from engine.strategy.base import Strategy
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue

STILL_BARS = 256


def run_events(
    data: BarColumns,
    strategy: str,
    params: Mapping[str, Any],
    fixed: RunConfig,
    *,
    registry: Registry[type[Strategy]],
    still: Callable[[], None] | None = None,
) -> Outcome:
    """Every bar through `step`. `InvalidInput` where the parameters are refused, or options would be bought. `still` is
    called now and then between bars; what it raises ends the run."""
    check_options(strategy, registry[strategy], params, None)
    instrument = instrument_for(data.symbol)
    instruments = {instrument.symbol: instrument}
    slot = SlotConfig(
        strategy=strategy,
        symbol=instrument.symbol,
        timeframe=data.timeframe,
        params=dict(params),
        quantities={BROKER: fixed.quantity},
        exits=fixed.exits,
        sizing=fixed.sizing,
    )
    capital = {} if fixed.capital is None else {BROKER: fixed.capital}
    config = EngineConfig(run=fixed.name, slots=(slot,), instruments=instruments, capital=capital)
    venue = SimulatedVenue(
        instruments=instruments,
        fill=parse_fill(fixed.fill),
        slippage=parse_slippage(fixed.slippage),
        fees=parse_fees(fixed.fees),
        participation=fixed.participation,
    )
    bars = data.bars() if still is None else _watched(data.bars(), still)
    return drive(Engine(config, strategies=registry), venue, bars, Outcome())


def _watched(bars: Iterable[Bar], still: Callable[[], None]) -> Iterator[Bar]:
    for number, bar in enumerate(bars):
        if number % STILL_BARS == 0:
            still()
        yield bar


def event_outcome(outcome: Outcome, *, number: int, params: dict[str, Any], why: str, keep_trades: bool) -> RunOutcome:
    """What the engine did, as the outcome of a run."""
    return RunOutcome(
        number=number,
        params=params,
        stats=statistics(outcome),
        how=EVENT,
        why=why,
        trades=TradeList(outcome.trades) if keep_trades else None,
    )
