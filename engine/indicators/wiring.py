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
    if len(nodes_inside(plan, node, outside)) > MAX_STEPS:
        outside = {source for source in node.inputs if isinstance(source, Spec)}
    loop = Loop(plan, outside, given)
    for each in nodes_inside(plan, node, outside):
        loop.add(each)
    return loop.wiring()


class Loop:
    """A loop in the making: steps in order, and the columns they read. `outside` are the specs that are columns."""

    def __init__(self, plan: Plan, outside: Collection[Spec], given: Collection[str] = ()) -> None:
        self._plan, self._outside, self._given = plan, outside, given
        self._steps: list[Step] = []
        self._nodes: list[Node] = []
        self._places: dict[Spec, int] = {}
        self._columns: dict[Spec, int] = {}

    def add(self, node: Node) -> None:
        """The next step; what it reads is a column or an earlier step."""
        wires = tuple(self._wire(source) for source in node.inputs)
        gated = any(isinstance(source, Spec) and not source.is_price for source in node.inputs)
        self._places[node.spec] = len(self._steps)
        self._steps.append(Step(node.indicator, choices(node.indicator, node.params), wires, gated))
        self._nodes.append(node)

    def wiring(self) -> Wiring:
        """The loop as it is run."""
        return Wiring(tuple(self._steps), tuple(self._columns) or (Spec("close"),), tuple(self._nodes))

    def _wire(self, source: Spec | float) -> Wire:
        if isinstance(source, float):
            return Constant()
        if source.name in DERIVED and source.name not in self._given:
            return Mean(tuple(self._place(Spec(part)) for part in DERIVED[source.name]))
        if source.is_price or source in self._outside:
            return Column(self._place(source))
        return Output(self._places[source.whole], self._plan.node(source).output(source))

    def _place(self, source: Spec) -> int:
        return self._columns.setdefault(source, len(self._columns))


def choices(indicator: Indicator, values: tuple[Value, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((p.name, str(v)) for p, v in zip(indicator.params, values, strict=True) if p.is_choice)


def nodes_inside(plan: Plan, node: Node, outside: set[Spec]) -> tuple[Node, ...]:
    """The node and what it is made of, down to what is `outside`; each after all that it reads."""
    found: dict[Spec, Node] = {}

    def visit(each: Node) -> None:
        for source in each.inputs:
            if isinstance(source, Spec) and not source.is_price and source not in outside:
                visit(plan.node(source))
        found.setdefault(each.spec, each)

    visit(node)
    return tuple(found.values())
