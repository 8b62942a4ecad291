"""Declares indicators: one plain step function each, with its inputs, state, parameters and warm-up."""

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from engine.errors import FortifiedError
from engine.indicators.prices import PRICE_FIELDS
from engine.registry import Registry

Step = TypeVar("Step", bound=Callable[..., Any])
Value = int | float | str
Rule = int | Callable[..., int]
Inputs = tuple[str, ...] | Callable[..., tuple[str, ...]]


class IndicatorDefinitionError(FortifiedError):
    """An indicator is declared wrongly; found when its module is imported."""

    code = "indicator_definition"


def window(size: int) -> list[float]:
    """A fixed-size memory for a step function's state: a list when appended to, an array when scanned."""
    return [0.0] * size


class Param(msgspec.Struct, frozen=True):
    """One parameter of an indicator. `kind` is an annotation msgspec checks values against."""

    name: str
    kind: Any
    default: Value

    @property
    def is_choice(self) -> bool:
        return get_origin(self.kind) is Literal

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.is_choice:
            return "one of " + ", ".join(get_args(self.kind))
        base, *notes = get_args(self.kind) or (self.kind,)
        bounds = [
            f"{sign} {getattr(note, name):g}"
            for note in notes
            for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
            if getattr(note, name, None) is not None
        ]
        return " ".join([{"int": "a whole number", "float": "a number"}[base.__name__], " and ".join(bounds)]).strip()


class Indicator:
    """A registered step function and everything a plan needs to know about it.

    A *recurrence* takes its state first and returns the next state; `outputs` name the state's fields that are its
    values. A *formula* has no state and returns a float, or a NamedTuple of floats whose fields are the outputs.
    A step is first called when all its inputs are ready, so it never meets the nan of an input that is still warming
    up. Its value is nan until it was called `warmup` times.
    """

    def __init__(
        self,
        name: str,
        step: Callable[..., Any],
        *,
        inputs: Inputs,
        sources: dict[str, str],
        init: Any,
        warmup: Rule,
        outputs: tuple[str, ...],
        check: Callable[..., str | None] | None,
        sparse: tuple[str, ...],
    ) -> None:
        self.name = name
        self.step = step
        self.inputs = inputs
        self.sources = sources  # replaceable inputs: name → default; an empty default must be given
        self.init = init
        self.warmup = warmup
        self.check = check
        self.sparse = sparse  # outputs that may be nan even when warm: nothing to report yet
        hints = get_type_hints(step, include_extras=True)
        arguments = list(inspect.signature(step).parameters.values())
        self.is_recurrence = init is not None
        self.state_type: Any = hints[arguments[0].name] if self.is_recurrence else None
        self.input_names = tuple(a.name for a in arguments[self.is_recurrence :] if a.default is a.empty)
        self.params = tuple(Param(a.name, hints[a.name], a.default) for a in arguments if a.default is not a.empty)
        self.outputs = outputs or self._outputs_of(hints.get("return"))
        self._validate()

    def _outputs_of(self, returned: Any) -> tuple[str, ...]:
        if not self.is_recurrence and hasattr(returned, "_fields"):
            return tuple(returned._fields)
        return ("value",)

    def _validate(self) -> None:
        if isinstance(self.inputs, tuple) and len(self.inputs) != len(self.input_names):
            raise IndicatorDefinitionError(
                f"Indicator {self.name!r} declares {len(self.inputs)} inputs, but its step takes {self.input_names}"
            )
        if not self.is_recurrence:
            return
        fields = self.state_type._fields
        state = self.initial_state(self.defaults)
        for output in self.outputs:
            if output not in fields or type(getattr(state, output)) is not float:
                raise IndicatorDefinitionError(
                    f"Output {output!r} of indicator {self.name!r} must be a float field of its state {fields}"
                )

    @cached_property
    def defaults(self) -> tuple[Value, ...]:
        return tuple(param.default for param in self.params)

    @property
    def formula(self) -> str:
        """The docstring: what it computes and how it is seeded."""
        return inspect.cleandoc(self.step.__doc__ or "")

    def call(self, rule: Callable[..., Any], values: Sequence[Value], **extra: Any) -> Any:
        """`rule` with those parameters (and `extra`) that it names."""
        given = {param.name: value for param, value in zip(self.params, values, strict=True)} | extra
        return rule(**{name: given[name] for name in inspect.signature(rule).parameters})

    def initial_state(self, values: Sequence[Value]) -> Any:
        """A fresh state for these parameter values; its windows are its own."""
        state = self.call(self.init, values) if inspect.isfunction(self.init) else self.init
        return self.state_type(*(list(field) if isinstance(field, list) else field for field in state))

    def own_warmup(self, values: Sequence[Value]) -> int:
        """Steps until the first value, once the inputs are ready."""
        return max(1, self.call(self.warmup, values) if callable(self.warmup) else self.warmup)


INDICATORS: Registry[Indicator] = Registry("indicator")


def indicator(
    name: str,
    *,
    inputs: Inputs,
    init: Any = None,
    warmup: Rule = 1,
    outputs: tuple[str, ...] = (),
    sources: tuple[str, ...] | dict[str, str] | None = None,
    aliases: tuple[str, ...] = (),
    check: Callable[..., str | None] | None = None,
    sparse: tuple[str, ...] = (),
) -> Callable[[Step], Step]:
    """Register a step function under `name`.

    `inputs` are price fields or specs of other indicators, in the order of the step's arguments; in a spec, `{close}`
    stands for the source the caller chose and `{period}` for a parameter. A callable returns them from the parameters.
    `sources` are the inputs a caller may replace (the price fields among `inputs` where it is not given).
    Arguments of the step that have a default are its parameters; the annotation holds the bounds.
    `check` gets the parameters it names and answers what is wrong with them together, or None.
    """

    def register(step: Step) -> Step:
        INDICATORS.add(name, make_indicator(step), aliases=aliases)
        return step

    def make_indicator(step: Callable[..., Any]) -> Indicator:
        return Indicator(
            name,
            step,
            inputs=inputs,
            sources=_sources(inputs, sources),
            init=init,
            warmup=warmup,
            outputs=outputs,
            check=check,
            sparse=sparse,
        )

    return register


def _sources(inputs: Inputs, sources: tuple[str, ...] | dict[str, str] | None) -> dict[str, str]:
    if isinstance(sources, dict):
        return sources
    if sources is None:
        sources = tuple(each for each in inputs if each in PRICE_FIELDS) if isinstance(inputs, tuple) else ()
    return {source: source if source in PRICE_FIELDS else "" for source in sources}
