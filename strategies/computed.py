"""What a strategy computes before it decides: prices, indicators and what each is made of, as a graph to be shown."""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.indicators.graph import Node, Plan, plan
from engine.indicators.spec import Spec
from engine.strategy.params import parse_params
from strategies.registry import STRATEGIES


class Box(msgspec.Struct, frozen=True):
    """A price, an indicator or the decision. `reads` names boxes before it, with the output where one was chosen;
    `ready` counts the bars until its first value."""

    name: str
    kind: str  # price | indicator | decision
    depth: int
    ready: int
    reads: tuple[tuple[str, str], ...] = ()


class Graph(msgspec.Struct, frozen=True):
    """Everything that is computed on one timeframe, in that order; nothing where no indicator is read."""

    timeframe: str  # empty: the ticker's own
    boxes: tuple[Box, ...]


def computed(strategy: str, params: Mapping[str, Any]) -> tuple[Graph, ...]:
    """The graphs of a strategy with these parameters, its own timeframe first. Wrong parameters, and indicators that
    need each other in a circle, are refused as they are at a start."""
    kind = STRATEGIES[strategy]
    made = kind(parse_params(kind, dict(params)))
    own = {"": made.indicators(), **made.other_indicators()}
    return tuple(Graph(timeframe, _boxes(plan(specs), strategy)) for timeframe, specs in own.items())


def _boxes(planned: Plan, strategy: str) -> tuple[Box, ...]:
    if not planned.requested:
        return ()
    found = {name: Box(name, "price", 0, 1) for name in planned.price_fields}
    for node in planned.nodes:
        found[str(node.spec)] = _indicator(node, found)
    reads = tuple(_read(spec) for spec in planned.requested)
    last = 1 + max(found[name].depth for name, _ in reads)
    return (*found.values(), Box(strategy, "decision", last, max(planned.warmup, 1), reads))


def _indicator(node: Node, found: Mapping[str, Box]) -> Box:
    reads = tuple(_read(source) for source in node.inputs if isinstance(source, Spec))
    depth = 1 + max((found[name].depth for name, _ in reads), default=0)
    return Box(str(node.spec), "indicator", depth, node.ready, reads)


def _read(spec: Spec) -> tuple[str, str]:
    return (spec.name, "") if spec.is_price else (str(spec.whole), spec.output)
