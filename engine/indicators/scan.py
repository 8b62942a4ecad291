"""The same step functions, compiled into scans over whole columns."""

import ast
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.indicators.compiled import load_compiled
from engine.indicators.generate import called_step
from engine.indicators.graph import Node
from engine.indicators.inline import Inlined, NotInlinable, inline
from engine.indicators.recurrence import Indicator, Value

Column = NDArray[np.float64]
Columns = Mapping[str, Column]


def scan_node(node: Node, inputs: list[Column | float], *, cache_dir: Path | None = None) -> dict[str, Column]:
    """Every output of `node` over the whole columns; nan until it is ready.

    Bit for bit what appending the same rows gives. The first scan of an indicator compiles it (about half a second)
    and keeps the machine code under `cache_dir`.
    """
    indicator = node.indicator
    length = next(len(column) for column in inputs if not isinstance(column, float))
    outputs = [np.empty(length) for _ in indicator.outputs]
    state = indicator.initial_state(node.params) if indicator.is_recurrence else ()
    constants = tuple(name for name, x in zip(indicator.input_names, inputs, strict=True) if isinstance(x, float))
    run, is_compiled = scanner(indicator, _choices(indicator, node.params), constants, cache_dir)
    if is_compiled:
        fields = [_array(field) if isinstance(field, list) else field for field in state]
        numbers = [v for p, v in zip(indicator.params, node.params, strict=True) if not p.is_choice]
        run(*inputs, *numbers, *fields, *outputs, node.start)
    else:
        run([_values(column, length) for column in inputs], outputs, node, [*state])
    for output in outputs:
        output[: node.ready - 1] = np.nan
    return dict(zip(indicator.outputs, outputs, strict=True))


def _values(column: Column | float, length: int) -> list[float]:
    return [column] * length if isinstance(column, float) else column.tolist()


def _array(field: list[Any]) -> NDArray[Any]:
    return np.array(field, dtype=np.float64)


def _choices(indicator: Indicator, values: tuple[Value, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((p.name, str(v)) for p, v in zip(indicator.params, values, strict=True) if p.is_choice)


@cache
def scanner(
    indicator: Indicator, choices: tuple[tuple[str, str], ...], constants: tuple[str, ...], cache_dir: Path | None
) -> tuple[Callable[..., Any], bool]:
    """The scan of an indicator and whether it is compiled (a step that cannot be is interpreted)."""
    try:
        source = scan_source(indicator, dict(choices), constants)
    except NotInlinable:
        return _interpreted, False
    name = f"{indicator.name}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    return load_compiled(name, source, cache_dir), True


def scan_source(indicator: Indicator, choices: dict[str, str], constants: tuple[str, ...] = ()) -> str:
    """The text of the compiled module: a loop over the columns around the step's own statements."""
    numbers = [param.name for param in indicator.params if not param.is_choice]
    params: dict[str, ast.expr] = {name: ast.Constant(value) for name, value in choices.items()}
    params |= {name: ast.Name(f"p_{name}", ast.Load()) for name in numbers}
    inputs: dict[str, ast.expr] = {name: ast.Name(f"v_{name}", ast.Load()) for name in indicator.input_names}
    step = inline(indicator, prefix="s", inputs=inputs, params=params)
    return "\n".join(_loop(indicator, step, numbers, constants)) + "\n"


def _loop(indicator: Indicator, step: Inlined, numbers: list[str], constants: tuple[str, ...]) -> list[str]:
    names = indicator.input_names
    columns = [name for name in names if name not in constants]
    arguments = [f"{'v' if name in constants else 'x'}_{name}" for name in names] + [f"p_{name}" for name in numbers]
    arguments += [*step.fields.values(), *(f"out_{output}" for output in indicator.outputs), "start"]
    kinds = ["float64" if name in constants else "float64[::1]" for name in names]
    kinds += [_kind(p.default) for p in indicator.params if not p.is_choice]
    kinds += [_kind(v) for v in (indicator.initial_state(indicator.defaults) if step.fields else ())]
    kinds += ["float64[::1]"] * len(indicator.outputs) + ["int64"]
    body = [f"v_{name} = x_{name}[i]" for name in columns]
    body += [line for statement in step.statements for line in ast.unparse(statement).split("\n")]
    body += [f"out_{output}[i] = {variable}" for output, variable in step.outputs.items()]
    return [
        f'"""Generated from the step of the indicator {indicator.name!r}: do not edit."""',
        "import math",
        "import numba",
        f"@numba.njit('void({', '.join(kinds)})', cache=True, nogil=True, error_model='numpy')",
        f"def scan({', '.join(arguments)}):",
        f"    for i in range(start, len(x_{columns[0]})):",
        *(f"        {line}" for line in body),
    ]


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "float64[::1]"
    return "float64" if isinstance(value, float) else "int64"


def _interpreted(inputs: list[list[float]], outputs: list[Column], node: Node, state: list[Any]) -> None:
    indicator = node.indicator
    names = [f"v[{k}][i]" for k in range(len(inputs))]
    step = called_step(node, "s", names)
    lines = [
        "def scan(v, out, state, s_step, s_state, start):",
        f"    {', '.join(step.fields.values())}, = state" if step.fields else "    pass",
        "    for i in range(start, len(v[0])):",
        *(f"        {ast.unparse(statement)}" for statement in step.statements),
        *(f"        out[{k}][i] = {step.outputs[name]}" for k, name in enumerate(indicator.outputs)),
    ]
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)  # noqa: S102 - our own text
    scope["scan"](inputs, outputs, state, indicator.step, indicator.state_type, node.start)
