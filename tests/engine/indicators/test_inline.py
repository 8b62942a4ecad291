"""What a step function may contain, and that its inlined form does the same."""

import ast
import math
from typing import Literal, NamedTuple

import pytest

from engine.indicators.inline import NotInlinable, inline, problem
from engine.indicators.recurrence import Indicator, IndicatorDefinitionError

LIMIT = 3.0
NOTHING = float("nan")


class Pair(NamedTuple):
    a: float
    b: float


def make(step, *, init: object = Pair(0.0, 1.0), outputs: tuple[str, ...] = ("a",)) -> Indicator:
    return Indicator(
        "made", step, inputs=("close",), sources={}, init=init, warmup=1, outputs=outputs, check=None, sparse=()
    )


def text_of(indicator: Indicator, **params: str | int) -> str:
    given: dict[str, ast.expr] = {name: ast.Constant(value) for name, value in params.items()}
    statements = inline(indicator, prefix="n", inputs={"close": ast.Name("x")}, params=given).statements
    return "\n".join(ast.unparse(statement) for statement in statements)


def test_fields_that_read_each_other_are_assigned_at_once():
    def swap(s: Pair, close: float) -> Pair:
        """Fibonacci-like."""
        return Pair(s.b, s.a + close)

    assert text_of(make(swap)) == "n_a, n_b = (n_b, n_a + x)"


def test_fields_are_assigned_after_all_that_read_them():
    def shift(s: Pair, close: float) -> Pair:
        """b is the a before."""
        return Pair(a=close, b=s.a)

    assert text_of(make(shift)) == "n_b = n_a\nn_a = x"


def test_fields_that_stay_are_not_touched():
    def keep(s: Pair, close: float) -> Pair:
        """Keeps b."""
        return s._replace(a=close)

    assert text_of(make(keep)) == "n_a = x"


def test_what_follows_a_return_moves_into_its_else():
    def early(s: Pair, close: float) -> Pair:
        """Returns early."""
        if close > LIMIT:
            return s
        b = math.sqrt(close)
        return Pair(b, s.b)

    assert text_of(make(early)) == "if x > 3.0:\n    pass\nelse:\n    n__b = math.sqrt(x)\n    n_a = n__b"


def test_a_choice_is_decided_when_the_plan_is_made():
    def choose(s: Pair, close: float, mode: Literal["up", "down"] = "up", n: int = 2) -> Pair:
        """Chooses."""
        if (mode == "up" or n == 0) and mode != "down":
            return Pair(close * n, s.b)
        return Pair(-close, s.b)

    assert text_of(make(choose), mode="up", n=2) == "n_a = x * 2"
    assert text_of(make(choose), mode="down", n=2) == "n_a = -x"


def test_not_a_number_can_be_returned():
    def nothing(s: Pair, close: float) -> Pair:
        """nan."""
        return Pair(NOTHING, s.b)

    assert text_of(make(nothing)) == "n_a = math.nan"


def closing_over() -> Indicator:
    seen = [0.0]

    def step(s: Pair, close: float) -> Pair:
        """Peeks."""
        return Pair(seen[0], s.b)

    return make(step)


def calling() -> Indicator:
    def step(s: Pair, close: float) -> Pair:
        """Calls."""
        return Pair(float(str(close)), s.b)

    return make(step)


def looping() -> Indicator:
    def step(s: Pair, close: float) -> Pair:
        """Returns from a loop."""
        for i in range(3):
            if close > i:
                return Pair(close, s.b)
        return s

    return make(step)


def listing() -> Indicator:
    def step(s: Pair, close: float) -> Pair:
        """Makes a list."""
        return Pair(max([close for _ in range(3)]), s.b)

    return make(step)


def falling_off() -> Indicator:
    def step(s: Pair, close: float) -> Pair | None:  # type: ignore[return]  # noqa: RET503
        """Forgets to return."""
        if close > 1.0:
            return s

    return make(step)


def overwriting() -> Indicator:
    def step(s: Pair, close: float) -> Pair:
        """Assigns to its argument."""
        close = close * 2.0
        return Pair(close, s.b)

    return make(step)


@pytest.mark.parametrize(
    ("indicator", "reason"),
    [
        (closing_over(), "closes over seen"),
        (calling(), "calls str"),
        (looping(), "returns inside a loop"),
        (listing(), "has a ListComp"),
        (falling_off(), "ends without a return"),
        (overwriting(), "assigns to its argument 'close'"),
    ],
)
def test_what_cannot_be_inlined_is_said_with_the_reason(indicator, reason):
    assert reason in str(problem(indicator))
    with pytest.raises(NotInlinable, match=reason):
        text_of(indicator)


def test_an_output_must_be_a_float_of_the_state():
    def step(s: Pair, close: float) -> Pair:
        """Whole numbers would differ from the compiled ones."""
        return s

    with pytest.raises(IndicatorDefinitionError, match="'a' of indicator 'made' must be a float field"):
        make(step, init=Pair(0, 1.0))
    with pytest.raises(IndicatorDefinitionError, match="'c'"):
        make(step, outputs=("c",))


def test_inputs_must_match_the_step():
    def step(close: float, high: float) -> float:
        """Takes two."""
        return close + high

    with pytest.raises(IndicatorDefinitionError, match="declares 1 inputs"):
        make(step, init=None, outputs=())
