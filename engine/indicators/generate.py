"""Writes the one function a plan's appends run: every step inlined, state in local variables, nothing dispatched."""

import ast
import linecache
import math
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from engine.indicators.graph import Node, Plan
from engine.indicators.inline import Inlined, NotInlinable, inline
from engine.indicators.prices import DERIVED, TIMES, mean_of
from engine.indicators.recurrence import Value
from engine.indicators.spec import Spec

_numbers = count()
_TIMES_OF = {f"{field}_of": time_of for field, time_of in TIMES.items()}


class Appender(NamedTuple):
    """The functions generated for a plan. `warming` checks readiness at every step, `hot` no longer has to."""

    warming: Callable[[Any], None]
    hot: Callable[[Any], None]
    bars: Callable[[], int]
    snapshot: Callable[[], list[Any]]
    restore: Callable[[list[Any]], None]


def make_appender(
    plan: Plan, *, push: dict[Spec, Callable[[float], None]], session_of: Callable[[int], int], warm: Callable[[], None]
) -> Appender:
    """A fresh state of the plan. `push` takes each requested value; `warm` is called when everything is ready."""
    appender: Appender = Appender(*_builder(plan)([push[spec] for spec in plan.requested], session_of, warm))
    return appender


@lru_cache(maxsize=1000)
def _builder(plan: Plan) -> Callable[..., tuple[Any, ...]]:
    """The plan's code, compiled once for all symbols that use it."""
    writer = _Writer(plan)
    source = writer.source()
    name = f"<indicators {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for tracebacks
    scope: dict[str, Any] = {"math": math, "nan": math.nan, **_TIMES_OF, **writer.scope}
    exec(compile(source, name, "exec"), scope)  # noqa: S102 - our own text, made from registered functions
    build: Callable[..., tuple[Any, ...]] = scope["build"]
    return build


def constant(value: Value) -> ast.expr:
    return ast.Constant(value)


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.scope: dict[str, Any] = {}
        self.variables: dict[Spec, dict[str, str]] = {}
        self.steps: list[tuple[Node, Inlined]] = []
        self.texts: dict[Spec, list[str]] = {}
        for i, node in enumerate(plan.nodes):
            step = self._step(node, f"n{i}")
            self.steps.append((node, step))
            self.variables[node.spec] = step.outputs
            self.texts[node.spec] = [line for each in step.statements for line in ast.unparse(each).split("\n")]

    def _step(self, node: Node, prefix: str) -> Inlined:
        inputs = [ast.parse(self._variable(source), mode="eval").body for source in node.inputs]
        names = {param.name: constant(value) for param, value in zip(node.indicator.params, node.params, strict=True)}
        by_name = dict(zip(node.indicator.input_names, inputs, strict=True))
        try:
            return inline(node.indicator, prefix=prefix, inputs=by_name, params=names)
        except NotInlinable:
            return self._call(node, prefix, inputs)

    def _call(self, node: Node, prefix: str, inputs: list[ast.expr]) -> Inlined:
        """The step is called as it is: slower, and it can do whatever Python can."""
        step = called_step(node, prefix, [ast.unparse(each) for each in inputs])
        self.scope |= {f"{prefix}_step": node.indicator.step, f"{prefix}_state": node.indicator.state_type}
        return step

    def _variable(self, source: Spec | float) -> str:
        if isinstance(source, float):
            return repr(source)
        if source.is_price:
            return source.name
        return self.variables[source.whole][self.plan.node(source).output(source)]

    def source(self) -> str:
        lines = ["def build(push, session_of, warm):", "    bars = 0"]
        lines += [f"    push{i} = push[{i}]" for i in range(len(self.plan.requested))]
        for i, (node, step) in enumerate(self.steps):
            if step.fields:
                self.scope[f"initial{i}"] = lambda node=node: node.indicator.initial_state(node.params)
                lines.append(f"    {', '.join(step.fields.values())}, = initial{i}()")
        lines += self._append("warming", warming=True) + self._append("hot", warming=False)
        lines += ["    def bars_seen():", "        return bars"]
        lines += self._snapshot() + self._restore()
        lines += ["    return warming, hot, bars_seen, snapshot, restore"]
        return "\n".join(lines) + "\n"

    @property
    def _state(self) -> str:
        names = [name for _, step in self.steps for name in step.fields.values()]
        return ", ".join(["bars", *names])

    def _append(self, name: str, *, warming: bool) -> list[str]:
        body = [f"nonlocal {self._state}", "bars += 1", *self._prices()]
        for node in self.plan.nodes:
            text = self.texts[node.spec]
            if warming and node.start:
                text = [f"if bars > {node.start}:", *(f"    {line}" for line in text)]
            body += [f"# {node.spec}", *text]
        for i, spec in enumerate(self.plan.requested):
            ready = self.plan.ready(spec)
            gate = f" if bars >= {ready} else nan" if warming and ready > 1 else ""
            body.append(f"push{i}({self._variable(spec)}{gate})")
        if warming:
            body += [f"if bars >= {self.plan.warmup}:", "    warm()"]
        return [f"    def {name}(bar):", *(f"        {line}" for line in body)]

    def _prices(self) -> list[str]:
        fields = self.plan.price_fields
        read = [
            f for f in ("open", "high", "low", "close") if f in fields or any(f in DERIVED[d] for d in self._derived)
        ]
        lines = [f"{field} = bar.{field}" for field in read]
        lines += [f"{field} = {mean_of(DERIVED[field])}" for field in self._derived]
        lines += [f"{field} = bar.{field}" for field in ("volume", "vwap") if field in fields]
        lines += ["trade_count = float(bar.trade_count)"] if "trade_count" in fields else []
        lines += [f"{field} = {field}_of(bar.ts)" for field in TIMES if field in fields]
        return lines + (["session = float(session_of(bar.ts))"] if "session" in fields else [])

    @property
    def _derived(self) -> list[str]:
        return [field for field in self.plan.price_fields if field in DERIVED]

    def _snapshot(self) -> list[str]:
        parts = []
        for node, step in self.steps:
            state = node.indicator.initial_state(node.params) if step.fields else ()
            fields = zip(step.fields.values(), state, strict=True)
            parts.append("[" + ", ".join(f"{n}[:]" if isinstance(v, list) else n for n, v in fields) + "]")
        return ["    def snapshot():", f"        return [bars, {', '.join(parts)}]"]

    def _restore(self) -> list[str]:
        body = [f"nonlocal {self._state}", "bars = state[0]"]
        for i, (node, step) in enumerate(self.steps):
            if not step.fields:
                continue
            body.append(f"{', '.join(step.fields.values())}, = state[{i + 1}]")
            initial = node.indicator.initial_state(node.params)
            windows = [n for n, v in zip(step.fields.values(), initial, strict=True) if isinstance(v, list)]
            body += [f"{name} = list({name})" for name in windows]
        return ["    def restore(state):", *(f"        {line}" for line in body)]


def called_step(node: Node, prefix: str, inputs: list[str]) -> Inlined:
    """Statements that call the step function `prefix_step` with its state gathered and spread again."""
    indicator = node.indicator
    arguments = [*inputs, *(repr(value) for value in node.params)]
    targets = indicator.state_type._fields if indicator.is_recurrence else indicator.outputs
    names = {field: f"{prefix}_{field}" for field in targets}
    left = ", ".join(names.values())
    if indicator.is_recurrence:
        arguments.insert(0, f"{prefix}_state({left})")
    if indicator.is_recurrence or len(names) > 1:
        left += ","
    statements = ast.parse(f"{left} = {prefix}_step({', '.join(arguments)})").body
    return Inlined(statements, names if indicator.is_recurrence else {}, {o: names[o] for o in indicator.outputs})
