"""Plans what must be computed for a set of specs: each equal node once, in order, with derived warm-up."""

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from engine.errors import FortifiedError
from engine.indicators.recurrence import INDICATORS, Indicator, Value
from engine.indicators.spec import Spec, parse, parse_all

MAX_DEPTH = 60


class CycleError(FortifiedError):
    """Indicators need each other in a circle."""

    code = "indicator_cycle"


class Node(msgspec.Struct, frozen=True, eq=False):
    """One indicator to compute. `start` is the 0-based bar of its first step, `ready` the bars until its value."""

    spec: Spec  # without an output
    indicator: Indicator
    inputs: tuple[Spec | float, ...]
    start: int
    ready: int

    @property
    def params(self) -> tuple[Value, ...]:
        return self.spec.params

    def output(self, spec: Spec) -> str:
        return spec.output or self.indicator.outputs[0]

    def steps(self, bars: int) -> int:
        """How often it was computed over that many bars."""
        return max(0, bars - self.start)


class Plan:
    """The dependency graph of the requested specs, in topological order. Only what is needed is in it.

    `hits` counts the requests that met a node already there: what sharing saved.
    """

    def __init__(self, specs: Iterable[Spec], registry: Mapping[str, Indicator] | None = None) -> None:
        self.requested = tuple(dict.fromkeys(specs))
        self.hits: dict[Spec, int] = {}
        self._registry: Any = INDICATORS if registry is None else registry
        self._nodes: dict[Spec, Node] = {}
        for spec in self.requested:
            self._add(spec, ())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node after all that it depends on."""
        return tuple(self._nodes.values())

    @cached_property
    def warmup(self) -> int:
        """Bars until everything requested is ready."""
        return max((self.ready(spec) for spec in self.requested), default=0)

    def ready(self, spec: Spec | float) -> int:
        """Bars until `spec` has its first value."""
        return 1 if isinstance(spec, float) or spec.is_price else self._nodes[spec.whole].ready

    def node(self, spec: Spec) -> Node:
        return self._nodes[spec.whole]

    def find(self, spec: Spec) -> Spec | None:
        """The requested spec that names the same column: `macd(12,26,9)` and `macd(12,26,9).value` do."""
        if spec in self.requested:
            return spec
        if spec.is_price or spec.whole not in self._nodes:
            return None
        meant = self.node(spec).output(spec)
        same = (each for each in self.requested if not each.is_price and each.whole == spec.whole)
        return next((each for each in same if self.node(each).output(each) == meant), None)

    @cached_property
    def price_fields(self) -> tuple[str, ...]:
        """The fields of a bar that are read."""
        inputs = [source for node in self.nodes for source in node.inputs] + list(self.requested)
        return tuple(dict.fromkeys(s.name for s in inputs if isinstance(s, Spec) and s.is_price))

    @cached_property
    def fingerprint(self) -> str:
        """What a snapshot must have been made with: the nodes with their state fields, and the requested columns."""
        nodes = [f"{n.spec}:{getattr(n.indicator.state_type, '_fields', ())}" for n in self.nodes]
        return "; ".join([*nodes, "|", *map(str, self.requested)])

    def _add(self, spec: Spec, path: tuple[Spec, ...]) -> None:
        if spec.is_price:
            return
        key = spec.whole
        if key in path or len(path) > MAX_DEPTH:
            raise CycleError("Indicators depend on each other: " + " → ".join(map(str, [*path, key])))
        if key in self._nodes:
            self.hits[key] = self.hits.get(key, 0) + 1
            return
        indicator = self._registry[key.name]
        inputs = resolve_inputs(indicator, key)
        for source in inputs:
            if isinstance(source, Spec):
                self._add(source, (*path, key))
        start = max((self.ready(source) for source in inputs), default=1) - 1
        self._nodes[key] = Node(key, indicator, inputs, start, start + indicator.own_warmup(key.params))


@lru_cache(maxsize=1000)
def plan_for(specs: tuple[Spec, ...]) -> Plan:
    """The one plan of these specs: strategies and mining that ask for the same share it."""
    return Plan(specs)


def plan(texts: Iterable[str | Spec]) -> Plan:
    return plan_for(parse_all(texts))


def resolve_inputs(indicator: Indicator, spec: Spec) -> tuple[Spec | float, ...]:
    """What the step's arguments are for this spec: the templates filled with its sources and parameters."""
    sources = dict(zip(indicator.sources, spec.sources, strict=True))
    words = {name: str(source) for name, source in sources.items()}
    words |= {param.name: str(value) for param, value in zip(indicator.params, spec.params, strict=True)}
    inputs = indicator.inputs
    templates = inputs if isinstance(inputs, tuple) else indicator.call(inputs, spec.params)
    return tuple(_resolve(template, sources, words) for template in templates)


def _resolve(template: str, sources: dict[str, Spec | float], words: dict[str, str]) -> Spec | float:
    name = template.strip("{}")
    if name in sources:
        return sources[name]
    text = template.format(**words)
    try:
        return float(text)
    except ValueError:
        return parse(text)
