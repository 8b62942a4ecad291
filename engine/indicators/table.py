"""Indicators over whole tables: the way research and the command line ask for them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from engine.errors import InvalidInput
from engine.indicators.frame import utc_date
from engine.indicators.graph import Node, Plan, plan_for
from engine.indicators.prices import DERIVED, TIMES
from engine.indicators.recurrence import INDICATORS
from engine.indicators.scan import Floats, NotInlinable, interpret, scan
from engine.indicators.spec import Spec, parse
from engine.indicators.wiring import wire


class ColumnCache:
    """Columns computed once however many ask: one per set of bars.

    `columns` needs what the indicators read: `open high low close volume vwap`; hl2 and its like are derived, and
    `session` and the fields of `TIMES` from `ts` (UTC ns of the close) unless they are given.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        *,
        session_of: Callable[[int], int] = utc_date,
        cache_dir: Path | None = None,
    ) -> None:
        self._given = columns
        self._session_of = session_of
        self._cache_dir = cache_dir
        self._prices: dict[str, Floats] = {}
        self._computed: dict[Spec, dict[str, Floats]] = {}
        self._wanted: dict[Spec, set[str]] = {}
        self.size = 0  # bytes of what was computed
        self.computations: dict[str, int] = {}
        self.hits = 0

    def column(self, spec: str | Spec) -> Floats:
        """The values of one column, nan until ready; the same array for every caller (do not write to it)."""
        parsed = parse(spec)
        if parsed.is_price:
            return self._price(parsed.name)
        return self._indicator(parsed, plan_for((parsed.whole,)))

    def want(self, specs: Iterable[Spec]) -> None:
        """Announce what will be asked for, so that several outputs of an indicator come from one scan."""
        for spec in specs:
            if not spec.is_price:
                self._wanted.setdefault(spec.whole, set()).add(spec.output or _first(spec))

    def _indicator(self, spec: Spec, plan: Plan) -> Floats:
        output = spec.output or _first(spec)
        computed = self._computed.setdefault(spec.whole, {})
        if output in computed:
            self.hits += 1
            return computed[output]
        self.want([spec])
        wanted = self._wanted[spec.whole] - computed.keys()
        node = plan.node(spec)
        self.computations[str(node.spec)] = self.computations.get(str(node.spec), 0) + 1
        made = self._scan(node, plan, wanted)
        computed |= made
        self.size += sum(values.nbytes for values in made.values())
        return computed[output]

    def _scan(self, node: Node, plan: Plan, wanted: set[str]) -> dict[str, Floats]:
        wired = wire(plan, node, self._given)
        try:
            columns = [self._input(source, plan) for source in wired.columns]
            return scan(wired, columns, wanted, cache_dir=self._cache_dir)
        except NotInlinable:
            inputs = [each if isinstance(each, float) else self._input(each, plan) for each in node.inputs]
            return interpret(node, inputs, len(next(iter(self._given.values()))))

    def _input(self, source: Spec, plan: Plan) -> Floats:
        if source.is_price:
            return self._price(source.name)
        return self._indicator(source, plan)

    def _price(self, name: str) -> Floats:
        if name not in self._prices:
            self._prices[name] = self._make_price(name)
        return self._prices[name]

    def _make_price(self, name: str) -> Floats:
        if name in self._given:
            return np.require(self._given[name], dtype=np.float64, requirements=["C", "W"])
        if name in DERIVED:
            parts = [self._price(part) for part in DERIVED[name]]
            return sum(parts[1:], start=parts[0]) / float(len(parts))
        of_ts = self._session_of if name == "session" else TIMES.get(name)
        if of_ts is not None and "ts" in self._given:
            return np.array([of_ts(ts) for ts in self._given["ts"].tolist()], dtype=np.float64)
        raise InvalidInput(f"The table has no column {name!r}; it has: {', '.join(self._given)}", field=name)


def _first(spec: Spec) -> str:
    return INDICATORS[spec.name].outputs[0]


def compute(
    columns: Mapping[str, np.ndarray],
    specs: Iterable[str],
    *,
    session_of: Callable[[int], int] = utc_date,
    cache_dir: Path | None = None,
) -> dict[str, Floats]:
    """The columns of `specs`, named by them: `ema(close,9)`, and `supertrend(10,3).line` where there are several."""
    cache = ColumnCache(columns, session_of=session_of, cache_dir=cache_dir)
    named = [pair for text in specs for pair in column_names(text)]
    cache.want(spec for _, spec in named)
    return {name: cache.column(spec) for name, spec in named}


def column_names(text: str) -> list[tuple[str, Spec]]:
    """The columns a requested spec stands for: one, or one for each of its outputs."""
    spec = parse(text)
    outputs = () if spec.is_price or spec.output else INDICATORS[spec.name].outputs
    if len(outputs) < 2:
        return [(text.strip(), spec)]
    return [(f"{text.strip()}.{output}", Spec(spec.name, spec.sources, spec.params, output)) for output in outputs]
