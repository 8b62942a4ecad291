"""The wishes of a bar strategy over whole columns: the step of its decision, compiled, without an engine around it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.detection.movers import MoverGate
from engine.errors import InvalidInput
from engine.indicators.graph import plan
from engine.indicators.inline import NotInlinable
from engine.indicators.scan import Floats, scanner
from engine.indicators.spec import parse
from engine.indicators.table import ColumnCache
from engine.indicators.wiring import Column, Step, choices
from engine.strategy.decision import NO_OPINION, StepStrategy


def bars_needed(strategy: StepStrategy) -> int:
    """Bars until the first decision, as a running slot counts them."""
    return max(plan(strategy.indicators()).warmup, 1) + strategy.lookback


def scan_wishes(
    strategy: StepStrategy,
    cache: ColumnCache,
    *,
    first: int | None = None,
    ts: Sequence[int] | None = None,
    cache_dir: Path | None = None,
) -> Floats:
    """The wish at the close of every bar, nan where there is none: what the running strategy answers, bar by bar.

    `first` is the number of bars before the first decision plus one (default: `bars_needed`); a slot whose exits warm
    up longer decides later. `ts` (closes, UTC ns) is needed only where entries wait for movers. The step is compiled
    once per kind of choice and kept on disk; one that cannot be compiled is called bar by bar.
    """
    if type(strategy).on_bar is not StepStrategy.on_bar:
        raise InvalidInput(
            f"strategy: a step alone was expected to decide, {type(strategy).__name__} adds to it in on_bar",
            field="strategy",
        )
    columns = _columns(strategy, cache)
    start = (bars_needed(strategy) if first is None else first) - 1
    wishes = np.full(len(columns[0]), NO_OPINION)
    try:
        run = scanner((_as_step(strategy),), cache_dir)
    except NotInlinable:
        wishes = walk_wishes(strategy, columns, start)
    else:
        run(*columns, *_arguments(strategy), wishes, start)
    return _gated(strategy, wishes, cache, ts, start)


def walk_wishes(strategy: StepStrategy, columns: Sequence[Floats], start: int) -> Floats:
    """The same by calling the step in Python."""
    decision, constants = strategy.decision, strategy.constants
    state = decision.initial()
    wishes = np.full(len(columns[0]), NO_OPINION)
    rows = zip(*(column[start:].tolist() for column in columns), strict=True)
    for i, row in enumerate(rows, start=start):
        if state is None:
            wishes[i] = decision.step(*row, *constants)
        else:
            state = decision.step(state, *row, *constants)
            wishes[i] = state.wish
    return wishes


def _columns(strategy: StepStrategy, cache: ColumnCache) -> list[Floats]:
    cache.want([parse(spec) for spec in strategy.values()])
    return [cache.column(spec) for spec in strategy.values()]


def _as_step(strategy: StepStrategy) -> Step:
    """The decision as the loop compiler knows steps; numbers stay arguments, so a sweep compiles once."""
    decision = strategy.decision.recurrence
    wires = tuple(Column(place) for place in range(len(decision.input_names)))
    return Step(decision, choices(decision, strategy.constants), wires, gated=False)


def _arguments(strategy: StepStrategy) -> list[Any]:
    """Numbers, then state: in the order of the compiled function's arguments."""
    decision = strategy.decision.recurrence
    numbers = [v for p, v in zip(decision.params, strategy.constants, strict=True) if not p.is_choice]
    state = strategy.decision.initial() or ()
    return [*numbers, *(np.array(field, dtype=np.float64) if isinstance(field, list) else field for field in state)]


def _gated(strategy: StepStrategy, wishes: Floats, cache: ColumnCache, ts: Sequence[int] | None, start: int) -> Floats:
    """Without the entries for which no mover of the right kind was there."""
    if strategy.needs_movers == "any":
        return wishes
    if ts is None:
        raise InvalidInput("ts: the closes of the bars are needed, because entries wait for movers", field="ts")
    gate = MoverGate(strategy.needs_movers)
    names = ("high", "low", "close", "volume")
    columns = (cache.column(name)[start:].tolist() for name in names)
    for i, (at, *bar) in enumerate(zip(list(ts)[start:], *columns, strict=True), start=start):
        if not gate.see(int(at), *bar) and wishes[i] in (-1.0, 1.0):
            wishes[i] = NO_OPINION
    return wishes
