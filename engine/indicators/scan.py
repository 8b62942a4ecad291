"""The same step functions, compiled into scans over whole columns."""

import ast
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.indicators import wiring
from engine.indicators.compiled import load_compiled
from engine.indicators.generate import called_step
from engine.indicators.graph import Node
from engine.indicators.inline import Inlined, NotInlinable, inline
from engine.indicators.prices import mean_of
from engine.indicators.recurrence import Indicator
from engine.indicators.wiring import Step, Wiring

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]


def scan(
    wired: Wiring, columns: Sequence[Floats], wanted: Collection[str], *, cache_dir: Path | None = None
) -> dict[str, Floats]:
    """The `wanted` outputs of the last step, over whole columns (those `wired.columns` name); nan until it is ready.

    Bit for bit what appending the same rows gives. The first scan of an indicator compiles it (about half a second)
    and keeps the machine code under `cache_dir`. Raises `NotInlinable` where a step cannot be compiled.
    """
    run = scanner(wired.steps, cache_dir)
    node = wired.nodes[-1]
    # What is not wanted is not written: fresh memory costs more than the arithmetic.
    outputs = [np.empty(len(columns[0]) if name in wanted else 0) for name in node.indicator.outputs]
    run(*columns, *arguments(wired), *outputs, min(each.start for each in wired.nodes))
    return {name: values for name, values in _until_ready(node, outputs).items() if name in wanted}


def interpret(node: Node, inputs: Sequence[Floats | float], length: int) -> dict[str, Floats]:
    """The same for one step that cannot be compiled: called bar by bar."""
    rows = [[column] * length if isinstance(column, float) else column.tolist() for column in inputs]
    outputs = [np.empty(length) for _ in node.indicator.outputs]
    _interpreter(node, len(rows))(rows, outputs, node)
    return _until_ready(node, outputs)


def _until_ready(node: Node, outputs: list[Floats]) -> dict[str, Floats]:
    for output in outputs:
        output[: node.ready - 1] = np.nan
    return dict(zip(node.indicator.outputs, outputs, strict=True))


def arguments(wired: Wiring) -> list[Any]:
    """What `_signature` names between columns and outputs, in its order."""
    values: list[Any] = []
    for step, node in zip(wired.steps, wired.nodes, strict=True):
        values += [source for source in node.inputs if isinstance(source, float)]
        values += [v for p, v in zip(step.indicator.params, node.params, strict=True) if not p.is_choice]
        state = step.indicator.initial_state(node.params) if step.indicator.is_recurrence else ()
        values += [np.array(field, dtype=np.float64) if isinstance(field, list) else field for field in state]
        values += [node.start] if step.gated else []
    return values


@cache
def scanner(steps: tuple[Step, ...], cache_dir: Path | None) -> Callable[..., Any]:
    """The compiled loop over these steps; their numeric parameters stay arguments, so a sweep compiles once."""
    source = scan_source(steps)
    name = f"{steps[-1].indicator.name}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    return load_compiled(name, source, cache_dir)


def scan_source(steps: tuple[Step, ...]) -> str:
    """The text of the compiled module: one loop over the columns around the steps' own statements."""
    inlined = [_inline(i, step) for i, step in enumerate(steps)]
    width = 1 + max(0, *(_last_place(wire) for step in steps for wire in step.wires))
    columns = [(f"x{i}", "float64[::1]") for i in range(width)]
    arguments = [pair for i, step in enumerate(steps) for pair in _signature(i, step, inlined[i])]
    outputs = inlined[-1].outputs
    arguments = [*columns, *arguments, *((f"out_{name}", "float64[::1]") for name in outputs), ("first", "int64")]
    body = [f"v{i} = x{i}[i]" for i in range(width)]
    for i, (step, text) in enumerate(zip(steps, inlined, strict=True)):
        lines = [line for statement in text.statements for line in ast.unparse(statement).split("\n")]
        if i == len(steps) - 1:
            lines += _writes(outputs)
        body += [f"if i >= start{i}:", *(f"    {line}" for line in lines)] if step.gated else lines
    formulas = [text for text in inlined if not text.fields]
    return "\n".join(
        [
            f'"""Generated from the steps of the indicator {steps[-1].indicator.name!r}: do not edit."""',
            "import math",
            "import numba",
            f"@numba.njit('void({', '.join(kind for _, kind in arguments)})',",
            "            cache=True, nogil=True, error_model='numpy')",
            f"def scan({', '.join(name for name, _ in arguments)}):",
            *(f"    {variable} = 0.0" for text in formulas for variable in text.outputs.values()),
            "    for i in range(first, len(x0)):",
            *(f"        {line}" for line in body),
            "",
        ]
    )


def _last_place(wire: wiring.Wire) -> int:
    match wire:
        case wiring.Column(place):
            return place
        case wiring.Mean(places):
            return max(places)
    return -1


def _writes(outputs: dict[str, str]) -> list[str]:
    if len(outputs) == 1:
        return [f"out_{name}[i] = {variable}" for name, variable in outputs.items()]
    return [line for n, v in outputs.items() for line in (f"if i < len(out_{n}):", f"    out_{n}[i] = {v}")]


def _inline(i: int, step: Step) -> Inlined:
    params: dict[str, ast.expr] = {p.name: ast.Name(f"p{i}_{p.name}", ast.Load()) for p in step.indicator.params}
    params |= {name: ast.Constant(value) for name, value in step.choices}
    texts = [_expression(i, k, wire) for k, wire in enumerate(step.wires)]
    parsed = [ast.parse(text, mode="eval").body for text in texts]
    inputs = dict(zip(step.indicator.input_names, parsed, strict=True))
    return inline(step.indicator, prefix=f"n{i}", inputs=inputs, params=params)


def _expression(i: int, k: int, wire: wiring.Wire) -> str:
    match wire:
        case wiring.Column(place):
            return f"v{place}"
        case wiring.Mean(places):
            return mean_of(f"v{place}" for place in places)
        case wiring.Output(step, name):
            return f"n{step}_{name}"
    return f"c{i}_{k}"


def _signature(i: int, step: Step, text: Inlined) -> list[tuple[str, str]]:
    """Arguments of one step with their types: constants, numeric parameters, initial state, first bar."""
    indicator = step.indicator
    pairs = [(f"c{i}_{k}", "float64") for k, wire in enumerate(step.wires) if isinstance(wire, wiring.Constant)]
    pairs += [(f"p{i}_{p.name}", _kind(p.default)) for p in indicator.params if not p.is_choice]
    state = indicator.initial_state(indicator.defaults) if text.fields else ()
    pairs += [(name, _kind(value)) for name, value in zip(text.fields.values(), state, strict=True)]
    return pairs + ([(f"start{i}", "int64")] if step.gated else [])


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "float64[::1]"
    return "float64" if isinstance(value, float) else "int64"


def _interpreter(node: Node, width: int) -> Callable[..., None]:
    indicator: Indicator = node.indicator
    step = called_step(node, "s", [f"v[{k}][i]" for k in range(width)])
    lines = [
        "def run(v, out, node):",
        f"    {', '.join(step.fields.values())}, = node.indicator.initial_state(node.params)" if step.fields else "",
        "    for i in range(node.start, len(v[0])):",
        *(f"        {ast.unparse(statement)}" for statement in step.statements),
        *(f"        out[{k}][i] = {step.outputs[name]}" for k, name in enumerate(indicator.outputs)),
    ]
    scope: dict[str, Any] = {"s_step": indicator.step, "s_state": indicator.state_type}
    exec("\n".join(lines), scope)  # noqa: S102 - our own text
    run: Callable[..., None] = scope["run"]
    return run


__all__ = ["Columns", "Floats", "NotInlinable", "arguments", "interpret", "scan", "scan_source", "scanner"]
