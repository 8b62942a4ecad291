"""Decides what one compiled loop computes: an indicator together with the parts its own declaration is made of."""

from collections.abc import Collection
from typing import NamedTuple

from engine.indicators.graph import Node, Plan
from engine.indicators.prices import DERIVED
from engine.indicators.recurrence import Indicator, Value
from engine.indicators.spec import Spec

# One loop saves memory traffic; many small ones are compiled once and used by all. An ATR is three steps.
MAX_STEPS = 4


class Column(NamedTuple):
    """A step's input that is read from the n-th column."""

    place: int


class Mean(NamedTuple):
    """A step's input that is a derived price: the mean of some columns."""

    places: tuple[int, ...]


class Constant(NamedTuple):
    """A step's input that is a number."""


class Output(NamedTuple):
    """A step's input that an earlier step of the same loop has just computed."""

    step: int
    name: str


Wire = Column | Mean | Constant | Output


class Step(NamedTuple):
    """One step of the loop. `gated` steps begin later than the first bar."""

    indicator: Indicator
    choices: tuple[tuple[str, str], ...]
    wires: tuple[Wire, ...]
    gated: bool


class Wiring(NamedTuple):
    """A loop (`steps`, the last one is the indicator asked for) and what it is run with."""

    steps: tuple[Step, ...]
    columns: tuple[Spec, ...]
    nodes: tuple[Node, ...]


def wire(plan: Plan, node: Node, given: Collection[str] = ()) -> Wiring:
    """The loop of `node`: sources that the caller chose are columns, and what it is made of is computed inside,
    unless that is more than `MAX_STEPS` steps: then all its inputs are columns. Derived prices are made in the loop,
    but for those that are `given` as columns."""
    outside = {source for source in node.spec.sources if isinstance(source, Spec)}
    if len(_inside(plan, node, outside)) > MAX_STEPS:
        outside = {source for source in node.inputs if isinstance(source, Spec)}
    steps: dict[Spec, int] = {}
    columns: dict[Spec, int] = {}
    wired: list[Step] = []
    nodes = _inside(plan, node, outside)
    for each in nodes:
        wires = tuple(_wire(source, plan, outside, steps, columns, given) for source in each.inputs)
        gated = any(isinstance(source, Spec) and not source.is_price for source in each.inputs)
        wired.append(Step(each.indicator, choices(each.indicator, each.params), wires, gated))
        steps[each.spec] = len(steps)
    return Wiring(tuple(wired), tuple(columns) or (Spec("close"),), nodes)


def choices(indicator: Indicator, values: tuple[Value, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((p.name, str(v)) for p, v in zip(indicator.params, values, strict=True) if p.is_choice)


def _inside(plan: Plan, node: Node, outside: set[Spec]) -> tuple[Node, ...]:
    found: dict[Spec, Node] = {}

    def visit(each: Node) -> None:
        for source in each.inputs:
            if isinstance(source, Spec) and not source.is_price and source not in outside:
                visit(plan.node(source))
        found.setdefault(each.spec, each)

    visit(node)
    return tuple(found.values())


def _wire(
    source: Spec | float,
    plan: Plan,
    outside: set[Spec],
    steps: dict[Spec, int],
    columns: dict[Spec, int],
    given: Collection[str],
) -> Wire:
    if isinstance(source, float):
        return Constant()
    if source.name in DERIVED and source.name not in given:
        return Mean(tuple(columns.setdefault(Spec(part), len(columns)) for part in DERIVED[source.name]))
    if source.is_price or source in outside:
        return Column(columns.setdefault(source, len(columns)))
    return Output(steps[source.whole], plan.node(source).output(source))
