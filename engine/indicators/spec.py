"""Requests for an indicator: frozen, hashable, and written the way a trader writes them."""

import ast
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from engine.errors import InvalidInput
from engine.indicators.prices import PRICE_FIELDS
from engine.indicators.recurrence import INDICATORS, Indicator, Param, Value

MAX_SPEC_LENGTH = 1000
MAX_SPEC_DEPTH = 40


class SpecError(InvalidInput):
    """A request for an indicator cannot be understood, or asks for something out of bounds."""

    code = "invalid_spec"


class Spec(msgspec.Struct, frozen=True):
    """One column: an indicator over its sources with all its parameters, or a price field.

    Two texts that mean the same give equal specs. `output` is empty for the whole indicator, whose value is its first
    output. Build it with `parse`.
    """

    name: str
    sources: tuple["Spec | float", ...] = ()
    params: tuple[Value, ...] = ()
    output: str = ""

    @property
    def is_price(self) -> bool:
        return self.name in PRICE_FIELDS

    @property
    def whole(self) -> "Spec":
        """The indicator itself, whichever of its outputs is meant."""
        return Spec(self.name, self.sources, self.params) if self.output else self

    def __str__(self) -> str:
        if self.is_price:
            return self.name
        indicator = INDICATORS[self.name]
        arguments = [*_shown_sources(self, indicator), *_shown_params(self, indicator)]
        return f"{self.name}({','.join(arguments)})" + (f".{self.output}" if self.output else "")


def parse(text: "str | Spec") -> Spec:
    """The spec that `text` writes: `ema(close,9)`, `ema(close,period=9,seed=sma)`, `slope(ema(close,9),3)`,
    `supertrend(10,3).line`, `close`. Sources come first and may be left out; then parameters, by place or by name."""
    return text if isinstance(text, Spec) else _parse(text.strip())


def parse_all(texts: "Iterable[str | Spec]") -> tuple[Spec, ...]:
    return tuple(parse(text) for text in texts)


@lru_cache(maxsize=10_000)
def _parse(text: str) -> Spec:
    if len(text) > MAX_SPEC_LENGTH:
        raise SpecError(f"A spec has at most {MAX_SPEC_LENGTH} characters, this one has {len(text)}", field="spec")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"{text!r} is no spec: expected something like ema(close,9)", field="spec") from error
    return _spec(tree, text, depth=0)


def _spec(node: ast.expr, text: str, depth: int) -> Spec:
    if depth > MAX_SPEC_DEPTH:
        raise SpecError(f"{text!r} is nested deeper than {MAX_SPEC_DEPTH} levels", field="spec")
    match node:
        case ast.Name(id=name) if name in PRICE_FIELDS:
            return Spec(name)
        case ast.Name(id=name):
            return _build(INDICATORS[name], [], {}, text, depth)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            named = {keyword.arg: keyword.value for keyword in keywords if keyword.arg}
            return _build(INDICATORS[name], args, named, text, depth)
        case ast.Attribute(value=inner, attr=output):
            return _with_output(_spec(inner, text, depth), output)
    raise SpecError(f"{_shown(node, text)!r} in {text!r} is neither a price field nor an indicator", field="spec")


def _with_output(spec: Spec, output: str) -> Spec:
    outputs = () if spec.is_price or spec.output else INDICATORS[spec.name].outputs
    if output not in outputs:
        raise SpecError(f"{spec} has no output {output!r}; it has: {', '.join(outputs) or 'none'}", field="output")
    return Spec(spec.name, spec.sources, spec.params, output)


def _build(indicator: Indicator, args: list[ast.expr], named: dict[str, ast.expr], text: str, depth: int) -> Spec:
    sources: dict[str, Spec | float] = {}
    values: dict[str, Value] = {}
    slots, params = list(indicator.sources), list(indicator.params)
    for arg in args:
        if slots and _fills_source(arg, indicator, slots[0]):
            sources[slots.pop(0)] = _source(arg, text, depth)
        elif params:
            slots.clear()  # sources come first
            param = params.pop(0)
            values[param.name] = _constant(arg, param.name, indicator, text)
        else:
            raise SpecError(f"{text!r}: {indicator.name} takes no {_shown(arg, text)} here: {usage(indicator)}")
    for name, arg in named.items():
        if name in sources or name in values:
            raise SpecError(f"{text!r}: {name} is given twice", field=name)
        if name in indicator.sources:
            sources[name] = _source(arg, text, depth)
        else:
            values[name] = _constant(arg, name, indicator, text)
    return make_spec(indicator, sources, values)


def make_spec(indicator: Indicator, sources: dict[str, Spec | float], values: dict[str, Any]) -> Spec:
    """The spec of `indicator` with defaults for what is not given; `SpecError` names what is wrong."""
    known = {param.name: param for param in indicator.params}
    for name in values.keys() - known.keys():
        raise SpecError(f"{indicator.name} has no parameter {name!r}: {usage(indicator)}", field=name)
    params = tuple(_checked(indicator, param, values.get(param.name, param.default)) for param in indicator.params)
    problem = indicator.call(indicator.check, params) if indicator.check else None
    if problem:
        raise SpecError(f"{indicator.name}: {problem}")
    return Spec(indicator.name, tuple(_slot(indicator, name, sources) for name in indicator.sources), params)


def usage(indicator: Indicator) -> str:
    """How the indicator is written, with its defaults."""
    return f"{indicator.name}({', '.join([*indicator.sources, *(f'{p.name}={p.default}' for p in indicator.params)])})"


def _slot(indicator: Indicator, name: str, sources: dict[str, Spec | float]) -> Spec | float:
    if name in sources:
        return sources[name]
    if not indicator.sources[name]:
        raise SpecError(f"{indicator.name} needs its source {name!r}: {usage(indicator)}", field=name)
    return parse(indicator.sources[name])


def _fills_source(arg: ast.expr, indicator: Indicator, slot: str) -> bool:
    """Whether a positional argument is a source: a column, or a number where a source must be given."""
    match arg:
        case ast.Call() | ast.Attribute():
            return True
        case ast.Name(id=name):
            return name in PRICE_FIELDS or (name in INDICATORS and not _takes_word(indicator, name))
    return not indicator.sources[slot]


def _takes_word(indicator: Indicator, word: str) -> bool:
    return any(param.is_choice and word in param.kind.__args__ for param in indicator.params)


def _source(arg: ast.expr, text: str, depth: int) -> Spec | float:
    number = _number(arg)
    return float(number) if number is not None else _spec(arg, text, depth + 1)


def _constant(arg: ast.expr, name: str, indicator: Indicator, text: str) -> Value:
    number = _number(arg)
    if number is not None:
        return number
    match arg:
        case ast.Name(id=word) | ast.Constant(value=str(word)):
            return word
    raise SpecError(
        f"{text!r}: {indicator.name} expects a value for {name}, found {_shown(arg, text)}: {usage(indicator)}",
        field=name,
    )


def _shown(node: ast.expr, text: str) -> str:
    return (ast.get_source_segment(text, node) or "")[:80]


def _number(arg: ast.expr) -> int | float | None:
    match arg:
        case ast.Constant(value=int(number) | float(number)) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number) | float(number))):
            return -number
    return None


def _checked(indicator: Indicator, param: Param, value: Any) -> Value:
    try:
        checked: Value = msgspec.convert(value, param.kind)
    except msgspec.ValidationError as error:
        raise SpecError(
            f"{indicator.name}: {param.name} must be {param.expected}, found {value}", field=param.name
        ) from error
    return checked


def _shown_sources(spec: Spec, indicator: Indicator) -> list[str]:
    """The sources, where there is one or where they are not the usual ones."""
    usual = tuple(default and parse(default) for default in indicator.sources.values())
    if len(usual) > 1 and spec.sources == usual:
        return []
    return [str(source) if isinstance(source, Spec) else _written(source) for source in spec.sources]


def _shown_params(spec: Spec, indicator: Indicator) -> list[str]:
    """Numbers by place up to the last that matters; choices by name, and only where they are not the default."""
    pairs = list(zip(indicator.params, spec.params, strict=True))
    shown: list[str] = []
    by_place = True
    for param, value in pairs:
        by_place = by_place and not param.is_choice
        if by_place:
            shown.append(_written(value))
        elif value != param.default:
            shown.append(f"{param.name}={_written(value)}")
    return shown


def _written(value: Value) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
