"""The wishes of a bar strategy over whole columns: the step of its decision, compiled, without an engine around it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.detection.movers import MoverGate
from engine.errors import InvalidInput
from engine.indicators.graph import Node, plan
from engine.indicators.inline import NotInlinable
from engine.indicators.prices import DERIVED
from engine.indicators.scan import Floats, arguments, scanner
from engine.indicators.spec import Spec, parse
from engine.indicators.table import ColumnCache
from engine.indicators.wiring import Loop, Wiring, nodes_inside
from engine.strategy.base import Strategy
from engine.strategy.decision import NO_OPINION, StepStrategy

MAX_STEPS = 8  # beside the decision in one loop


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
    return scan_rules(strategy, cache, first=first, ts=ts, cache_dir=cache_dir)[0]


def scan_rules(
    strategy: StepStrategy,
    cache: ColumnCache,
    *,
    first: int | None = None,
    ts: Sequence[int] | None = None,
    cache_dir: Path | None = None,
    wishes: Floats | None = None,
    loop: Wiring | None = None,
) -> tuple[Floats, Floats]:
    """The wishes, and the number of the rule behind each where the step tells one (else empty: the wish itself is it).

    `wishes` is written to where it is given, which saves new memory for every run of a sweep; `loop` is what
    `wire_decision` has made for the same first decision.
    """
    if (problem := why_not(type(strategy))) is not None:
        raise InvalidInput(f"strategy: {problem}", field="strategy")
    start = (bars_needed(strategy) if first is None else first) - 1
    length = len(cache.column("close"))
    if wishes is None:
        wishes = np.empty(length)
    wishes[:start] = NO_OPINION
    rules = np.zeros(length if "rule" in strategy.decision.recurrence.outputs else 0)
    try:
        loop = loop or wire_decision(strategy, start)
        run = scanner(loop.steps, cache_dir)
    except NotInlinable:
        _walk(strategy, _columns(strategy, cache), start, wishes, rules)
    else:
        outputs = (wishes, rules) if len(rules) else (wishes,)
        run(*map(cache.column, loop.columns), *arguments(loop), *outputs, min(node.start for node in loop.nodes))
    return _gated(strategy, wishes, cache, ts, start), rules


def why_not(kind: type[Strategy]) -> str | None:
    """Why wishes of such a strategy cannot be scanned; None when they can."""
    name = kind.__name__
    if not issubclass(kind, StepStrategy):
        return f"a step was expected to decide, {name} decides by code of its own"
    if kind.on_bar is not StepStrategy.on_bar:
        return f"a step alone was expected to decide, {name} adds to it in on_bar"
    if kind.reason is not StepStrategy.reason:
        return f"reasons were expected by their numbers, {name} makes them by code of its own"
    if kind.on_tick is not Strategy.on_tick or kind.other_indicators is not Strategy.other_indicators:
        return f"bars of one timeframe were expected to decide, {name} looks at more"
    return None


def wire_decision(strategy: StepStrategy, start: int) -> Wiring:
    """The decision as the loop compiler knows steps; numbers stay arguments, so a sweep compiles once.

    An indicator of indicators (a cross of two averages) is computed in the same loop: it belongs to one run, while what
    it is made of is a column that runs share.
    """
    made = plan(strategy.values())
    specs = [parse(text) for text in strategy.values()]
    inside = [spec for spec in specs if any(isinstance(s, Spec) and not s.is_price for s in spec.sources)]
    outside = {s for spec in inside for s in spec.sources if isinstance(s, Spec)}
    outside |= {spec for spec in specs if spec not in inside}
    nodes = {node.spec: node for spec in inside for node in nodes_inside(made, made.node(spec), outside)}
    if len(nodes) > MAX_STEPS or any(spec.whole in nodes for spec in outside):
        nodes, outside = {}, set(specs)
    loop = Loop(made, outside, given=DERIVED)
    for node in nodes.values():
        loop.add(node)
    loop.add(_node(strategy, tuple(specs), start))
    return loop.wiring()


def _node(strategy: StepStrategy, specs: tuple[Spec, ...], start: int) -> Node:
    decision = strategy.decision.recurrence
    return Node(Spec(decision.name, (), strategy.constants, ""), decision, specs, start, start + 1)


def walk_wishes(strategy: StepStrategy, columns: Sequence[Floats], start: int) -> Floats:
    """The same by calling the step in Python."""
    wishes = np.full(len(columns[0]), NO_OPINION)
    _walk(strategy, columns, start, wishes, np.empty(0))
    return wishes


def _walk(strategy: StepStrategy, columns: Sequence[Floats], start: int, wishes: Floats, rules: Floats) -> None:
    decision, constants = strategy.decision, strategy.constants
    state = decision.initial()
    rows = zip(*(column[start:].tolist() for column in columns), strict=True)
    for i, row in enumerate(rows, start=start):
        if state is None:
            wishes[i] = decision.step(*row, *constants)
            continue
        state = decision.step(state, *row, *constants)
        wishes[i] = state.wish
        if len(rules):
            rules[i] = state.rule


def _columns(strategy: StepStrategy, cache: ColumnCache) -> list[Floats]:
    cache.want([parse(spec) for spec in strategy.values()])
    return [cache.column(spec) for spec in strategy.values()]


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
