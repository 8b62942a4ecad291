"""Indicators over whole tables: the way research and the command line ask for them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from engine.errors import InvalidInput
from engine.indicators.frame import utc_date
from engine.indicators.graph import Plan, plan_for
from engine.indicators.recurrence import INDICATORS
from engine.indicators.scan import Column, scan_node
from engine.indicators.spec import Spec, parse


class ColumnCache:
    """Columns computed once however many ask: one per set of bars.

    `columns` needs what the indicators read: `open high low close volume vwap`; hl2 and its like are derived, and
    `session` from `ts` (UTC ns of the close) unless it is given.
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
        self._prices: dict[str, Column] = {}
        self._computed: dict[Spec, dict[str, Column]] = {}
        self.computations: dict[str, int] = {}
        self.hits = 0

    def column(self, spec: str | Spec) -> Column:
        """The values of one column, nan until ready; the same array for every caller (do not write to it)."""
        parsed = parse(spec)
        if parsed.is_price:
            return self._price(parsed.name)
        return self._outputs(parsed, plan_for((parsed.whole,)))[parsed.output or _first(parsed)]

    def _outputs(self, spec: Spec, plan: Plan) -> dict[str, Column]:
        found = self._computed.get(spec.whole)
        if found is not None:
            self.hits += 1
            return found
        node = plan.node(spec)
        inputs = [self._input(source, plan) for source in node.inputs]
        self.computations[str(node.spec)] = self.computations.get(str(node.spec), 0) + 1
        outputs = scan_node(node, inputs, cache_dir=self._cache_dir)
        self._computed[spec.whole] = outputs
        return outputs

    def _input(self, source: Spec | float, plan: Plan) -> Column | float:
        if isinstance(source, float):
            return source
        if source.is_price:
            return self._price(source.name)
        return self._outputs(source, plan)[source.output or _first(source)]

    def _price(self, name: str) -> Column:
        if name not in self._prices:
            self._prices[name] = self._make_price(name)
        return self._prices[name]

    def _make_price(self, name: str) -> Column:
        if name in self._given:
            return np.require(self._given[name], dtype=np.float64, requirements=["C", "W"])
        # The same operations in the same order as when a bar is appended.
        if name == "hl2":
            return (self._price("high") + self._price("low")) / 2.0
        if name == "hlc3":
            return (self._price("high") + self._price("low") + self._price("close")) / 3.0
        if name == "ohlc4":
            return (self._price("open") + self._price("high") + self._price("low") + self._price("close")) / 4.0
        if name == "session" and "ts" in self._given:
            return np.array([self._session_of(int(ts)) for ts in self._given["ts"]], dtype=np.float64)
        raise InvalidInput(f"The table has no column {name!r}; it has: {', '.join(self._given)}", field=name)


def _first(spec: Spec) -> str:
    return INDICATORS[spec.name].outputs[0]


def compute(
    columns: Mapping[str, np.ndarray],
    specs: Iterable[str],
    *,
    session_of: Callable[[int], int] = utc_date,
    cache_dir: Path | None = None,
) -> dict[str, Column]:
    """The columns of `specs`, named by them: `ema(close,9)`, and `supertrend(10,3).line` where there are several."""
    cache = ColumnCache(columns, session_of=session_of, cache_dir=cache_dir)
    table: dict[str, Column] = {}
    for text in specs:
        for name, spec in column_names(text):
            table[name] = cache.column(spec)
    return table


def column_names(text: str) -> list[tuple[str, Spec]]:
    """The columns a requested spec stands for: one, or one for each of its outputs."""
    spec = parse(text)
    outputs = () if spec.is_price or spec.output else INDICATORS[spec.name].outputs
    if len(outputs) < 2:
        return [(text.strip(), spec)]
    return [(f"{text.strip()}.{output}", Spec(spec.name, spec.sources, spec.params, output)) for output in outputs]
