"""The rules of a bar strategy as one plain step over indicator values: called while trading, compiled for research."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from engine.detection.movers import MoverGate
from engine.errors import FortifiedError
from engine.indicators.recurrence import Indicator, Value
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context

NO_OPINION = float("nan")
OUTPUTS = ("wish", "rule")


class DecisionDefinitionError(FortifiedError):
    """A strategy's step does not fit its indicators or its parameters; found when the strategy is made."""

    code = "decision_definition"


class _Rules(Indicator):
    """A decision's outputs are a wish and the number of a rule, which is no float."""

    def _validate(self) -> None:
        if self.inputs != self.input_names:
            raise DecisionDefinitionError(f"{self.name}: arguments without a default were expected after the state")
        if self.is_recurrence and type(getattr(self.init, "wish", None)) is not float:
            raise DecisionDefinitionError(f"{self.name}: a state with a field wish was expected, a float")


class Decision:
    """A step function that decides, and the state it starts from.

    A *recurrence* takes its state first and returns the next one, a NamedTuple with a field `wish`; a *formula* has no
    state and returns the wish. A wish is −1, 0 or 1, and `NO_OPINION` (nan) where what is held may stay. Arguments
    without a default are the values of one bar, in the order of `StepStrategy.values`; those with one are parameters.
    The step keeps to what an indicator's may do, so that the same function compiles.
    """

    def __init__(self, step: Callable[..., Any], init: Any = None) -> None:
        arguments = list(inspect.signature(step).parameters.values())[1 if init is not None else 0 :]
        names = tuple(a.name for a in arguments if a.default is a.empty)
        self.step = step
        self.recurrence = _Rules(
            f"decide_{step.__name__}",
            step,
            inputs=names,
            sources={},
            init=init,
            warmup=1,
            outputs=tuple(name for name in OUTPUTS if hasattr(init, name)),
            check=None,
            sparse=OUTPUTS,
        )
        self.value_names = names

    @property
    def is_recurrence(self) -> bool:
        return self.recurrence.is_recurrence

    def constants_from(self, params: Any) -> tuple[Value, ...]:
        """The step's parameters, from the strategy's parameters of the same names."""
        missing = [p.name for p in self.recurrence.params if not hasattr(params, p.name)]
        if missing:
            raise DecisionDefinitionError(
                f"{self.step.__name__} takes {', '.join(missing)}, which {type(params).__qualname__} does not have"
            )
        return tuple(getattr(params, p.name) for p in self.recurrence.params)

    def initial(self) -> Any:
        """A fresh state; None for a formula."""
        return self.recurrence.initial_state(self.recurrence.defaults) if self.is_recurrence else None


class StepStrategy(Strategy, ABC):
    """A strategy on closed bars whose rules are one `Decision`.

    A subclass says which values the step reads (`values`, specs or price fields in the order of its arguments) and the
    words for its wishes (`reasons`, by wish or by the state's `rule` where it has one). A `Params` with a field
    `movers` lets entries pass only while the symbol is a mover of that kind (`engine.detection.movers`); what was not
    let through is lost, not postponed.
    """

    decision: ClassVar[Decision]
    reasons: ClassVar[Mapping[int, str]] = {1: "long", -1: "short", 0: "flat"}

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._specs = self.values()
        if len(self._specs) != len(self.decision.value_names):
            raise DecisionDefinitionError(
                f"{type(self).__name__}: {len(self.decision.value_names)} values were expected "
                f"({', '.join(self.decision.value_names)}), found {len(self._specs)}"
            )
        self._constants = self.decision.constants_from(params)
        self._step = self.decision.step
        self._state = self.decision.initial()
        needs_movers = getattr(params, "movers", "any")
        self._gate = MoverGate(needs_movers) if needs_movers != "any" else None
        is_plain = self._state is None and self._gate is None and len(self._specs) == 1
        self._only = self._specs[0] if is_plain else ""

    @abstractmethod
    def values(self) -> tuple[str, ...]:
        """What the step reads of each bar, in the order of its arguments."""

    def indicators(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._specs))

    @property
    def constants(self) -> tuple[Value, ...]:
        """What the step's parameters are."""
        return self._constants

    @property
    def needs_movers(self) -> str:
        """any, or the kind of mover that entries wait for."""
        return "any" if self._gate is None else self._gate.kind

    def on_bar(self, ctx: Context) -> Wish | None:
        value, only = ctx.value, self._only
        if only:
            # One value, no state, no gate: nothing to gather before the step has spoken.
            seen = value(only)
            wish = self._step(seen, *self._constants) if self._constants else self._step(seen)
            if wish != wish:
                return None
            return self.make_wish(int(wish), ctx, {self.decision.value_names[0]: seen})
        values = [value(spec) for spec in self._specs]
        if self._state is None:
            wish = self._step(*values, *self._constants)
        else:
            self._state = self._step(self._state, *values, *self._constants)
            wish = self._state.wish
        is_open = self._gate is None or self._gate.see_bar(ctx.bar)
        if wish != wish or (wish and not is_open):
            return None
        return self.make_wish(int(wish), ctx, dict(zip(self.decision.value_names, values, strict=True)))

    def make_wish(self, target: int, ctx: Context, values: dict[str, float]) -> Wish:
        """The wish with its reason, confidence and the values that decided it; what is not known (nan) is left out."""
        evidence = {name: v for name, v in self.evidence(ctx, values).items() if v == v}
        return Wish(target, self.reason(target), confidence=self.confidence(target, values), evidence=evidence)

    def reason(self, target: int) -> str:
        """The word for the rule that spoke."""
        return self.reasons[int(getattr(self._state, "rule", target))]

    def confidence(self, target: int, values: Mapping[str, float]) -> float:
        """0…1."""
        return 1.0

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """What is told with the wish: the values that the step has read."""
        return values

    def snapshot(self) -> dict[str, Any]:
        state: dict[str, Any] = {} if self._state is None else {"state": _plain(self._state)}
        return state if self._gate is None else state | {"gate": self._gate.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        if "state" in state:
            self._state = self.decision.recurrence.state_type(*_plain(state["state"]))
        if self._gate is not None and "gate" in state:
            self._gate.restore(state["gate"])


def _plain(fields: Iterable[Any]) -> list[Any]:
    """Values of a state; windows are copied, because steps write into them."""
    return [list(field) if isinstance(field, list) else field for field in fields]
