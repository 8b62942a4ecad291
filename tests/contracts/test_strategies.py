"""Every registered strategy keeps the same promises; a new one is tried without a line of test code."""

import random
from typing import Any

import numpy as np
import pytest
from msgspec import inspect

from engine.errors import InvalidInput
from engine.indicators.inline import problem
from engine.indicators.table import ColumnCache
from engine.model.market import Bar
from engine.model.signals import StrategyFaulted
from engine.strategy.base import Strategy, Wish
from engine.strategy.decision import StepStrategy
from engine.strategy.params import parse_params
from engine.strategy.scan import scan_wishes, walk_wishes
from strategies.registry import STRATEGIES, deciding
from tests.contracts import strategy_checks as checks

BARS = checks.sample_bars()
EVENTS = checks.with_ticks(BARS)
NAMES = deciding()
BY_STEP = [
    name
    for name in NAMES
    if issubclass(STRATEGIES[name], StepStrategy) and STRATEGIES[name].on_bar is StepStrategy.on_bar
]


def tuned(name: str) -> dict[str, Any]:
    return checks.TUNED.get(name, {})


def parameters(strategy: type[Strategy]) -> list[inspect.Field]:
    described = inspect.type_info(strategy.Params)
    assert isinstance(described, inspect.StructType)
    return list(described.fields)


def variants(name: str) -> list[dict[str, Any]]:
    """The tuned parameters, and each other choice that the strategy offers."""
    found = [tuned(name)]
    for field in parameters(STRATEGIES[name]):
        kind = field.type
        while isinstance(kind, inspect.Metadata):
            kind = kind.type
        if isinstance(kind, inspect.LiteralType):
            choices: tuple[Any, ...] = kind.values
        else:
            choices = (False, True) if isinstance(kind, inspect.BoolType) else ()
        now = tuned(name).get(field.name, field.default)
        found += [tuned(name) | {field.name: choice} for choice in choices if choice != now]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_same_events_give_the_same_answers_and_there_are_some(name):
    whole = checks.check_deterministic(STRATEGIES[name], tuned(name), EVENTS)
    targets = {answer.wish.target for answer in checks.wishes_of(whole.answers) if answer.wish}
    assert {1, -1} <= targets, "the sample bars leave it idle: add parameters to TUNED"


@pytest.mark.parametrize("name", NAMES)
def test_the_future_changes_nothing_past(name):
    checks.check_the_future_changes_nothing_past(STRATEGIES[name], tuned(name), EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_longer_history_changes_nothing_past(name):
    checks.check_a_longer_history_changes_nothing_past(STRATEGIES[name], tuned(name), EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_restart_at_any_bar_changes_nothing(name):
    checks.check_a_restart_at_any_bar_changes_nothing(STRATEGIES[name], tuned(name), EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_asked_from_the_end_of_the_warmup_on(name):
    checks.check_warmup_is_exact(STRATEGIES[name], tuned(name), EVENTS)
    checks.check_warmup_is_exact(STRATEGIES[name], {}, EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_wishes_are_complete(name):
    answers = checks.run(STRATEGIES[name], tuned(name), EVENTS).answers
    for answer in checks.wishes_of(answers):
        wish = answer.wish
        assert wish is not None
        assert wish.target in (-1, 0, 1)
        assert wish.reason
        assert 0.0 <= wish.confidence <= 1.0
        assert wish.evidence
        assert all(value == value for value in wish.evidence.values())


@pytest.mark.parametrize("name", NAMES)
def test_real_minutes_keep_the_promises_too(name):
    events = checks.with_ticks(checks.real_bars())
    whole = checks.check_deterministic(STRATEGIES[name], tuned(name), events)
    assert checks.wishes_of(whole.answers)
    checks.check_the_future_changes_nothing_past(STRATEGIES[name], tuned(name), events, cuts=(150, 300))


# ---- the step, compiled ------------------------------------------------------------------------------------------


def walked(strategy: StepStrategy, cache: ColumnCache, first: int) -> np.ndarray:
    return walk_wishes(strategy, [cache.column(spec) for spec in strategy.values()], first - 1)


def made(name: str, params: dict[str, Any]) -> StepStrategy:
    kind = STRATEGIES[name]
    strategy = kind(parse_params(kind, params))
    assert isinstance(strategy, StepStrategy)
    return strategy


def test_the_bar_strategies_decide_by_a_step_that_compiles():
    assert {"ema", "triple_ema", "supertrend", "momentum", "pullback"} <= set(BY_STEP)
    for name in BY_STEP:
        kind = STRATEGIES[name]
        assert issubclass(kind, StepStrategy)
        assert problem(kind.decision.recurrence) is None


@pytest.mark.parametrize(("name", "params"), [(name, params) for name in BY_STEP for params in variants(name)])
def test_the_step_over_columns_compiled_or_not_gives_the_wishes_of_the_running_strategy(name, params):
    running = {a.ts: a.wish for a in checks.run(STRATEGIES[name], params, BARS).answers}
    expected = [float(w.target) if (w := running.get(bar.ts)) is not None else float("nan") for bar in BARS]
    columns = checks.columns_of(BARS)
    first = checks.make_engine(STRATEGIES[name], params).slots["tried", "SPY"].need["1"]
    compiled = scan_wishes(made(name, params), ColumnCache(columns), ts=columns["ts"].tolist())
    np.testing.assert_array_equal(compiled, expected)
    if params.get("movers", "any") == "any":
        np.testing.assert_array_equal(walked(made(name, params), ColumnCache(columns), first), expected)


# ---- parameters --------------------------------------------------------------------------------------------------


def out_of_bounds(strategy: type[Strategy]) -> list[tuple[str, Any]]:
    """A value just outside each bound of each parameter, and a word no choice knows."""
    found: list[tuple[str, Any]] = []
    for field in parameters(strategy):
        kind = field.type
        while isinstance(kind, inspect.Metadata):
            kind = kind.type
        if isinstance(kind, inspect.IntType | inspect.FloatType):
            below = [kind.ge - 1] if kind.ge is not None else [kind.gt] if kind.gt is not None else []
            above = [kind.le + 1] if kind.le is not None else [kind.lt] if kind.lt is not None else []
            assert below, f"{field.name} has no lower bound"
            assert above, f"{field.name} has no upper bound"
            found += [(field.name, value) for value in (*below, *above, "many")]
        else:
            found.append((field.name, "no such word"))
    return found


@pytest.mark.parametrize(
    ("name", "field", "value"), [(n, *case) for n in NAMES for case in out_of_bounds(STRATEGIES[n])]
)
def test_a_value_out_of_bounds_is_refused_by_name(name, field, value):
    with pytest.raises(InvalidInput) as caught:
        parse_params(STRATEGIES[name], {field: value})
    assert caught.value.field == field
    assert field in caught.value.detail


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_says_what_it_is_and_every_strategy_what_it_does(name):
    strategy = STRATEGIES[name]
    summary, _, rules = (strategy.__doc__ or "").partition("\n\n")
    assert summary.endswith("."), "the first line is shown in lists: it must be a whole sentence"
    assert "\n" not in summary
    assert len(rules.split()) > 15
    for field in parameters(strategy):
        kind = field.type
        assert isinstance(kind, inspect.Metadata), f"{field.name} has no description"
        assert (kind.extra_json_schema or {}).get("description"), f"{field.name} has no description"


# ---- the suite catches what it must ------------------------------------------------------------------------------


class Honest(Strategy):
    """Long after a rise of two bars, short after a fall: what the planted ones pretend to do."""

    def indicators(self) -> tuple[str, ...]:
        return ("momentum(close,2)",)

    def on_bar(self, ctx: Any) -> Wish | None:
        change = ctx.value("momentum(close,2)")
        return Wish((change > 0) - (change < 0), "honest", evidence={"change": change})


def test_a_planted_look_ahead_strategy_is_caught_and_the_message_says_where():
    events = checks.with_ticks(BARS)

    class Peeking(Honest):
        """Reads the file that the bars come from, as a careless research notebook would."""

        tape: list[Bar] = []

        def on_bar(self, ctx: Any) -> Wish | None:
            later = [bar.close for bar in self.tape if bar.ts > ctx.ts][:2]
            return Wish((later[-1] > ctx.price) - (later[-1] < ctx.price) if later else 0, "peeked")

    original = checks.run

    def run_with_its_file(strategy: Any, params: Any, shown: Any, **more: Any) -> Any:
        Peeking.tape = [event for event in shown if isinstance(event, Bar)]
        return original(strategy, params, shown, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "run", run_with_its_file)
        with pytest.raises(AssertionError, match=r"bars from 41 on were changed: at bar (39|40) it answered .*peeked"):
            checks.check_the_future_changes_nothing_past(Peeking, {}, events)
        with pytest.raises(AssertionError, match=r"only 40 bars, then all: at bar (39|40) it answered"):
            checks.check_a_longer_history_changes_nothing_past(Peeking, {}, events)
        checks.check_the_future_changes_nothing_past(Honest, {}, events)


def test_a_strategy_that_asks_for_a_later_value_is_disabled_with_the_reason():
    class Ahead(Honest):
        def on_bar(self, ctx: Any) -> Wish | None:
            return Wish(int(ctx.previous("momentum(close,2)", -1) > 0), "ahead")

    out = [event for events in checks.run(Ahead, {}, EVENTS).out for event in events]
    faults = [event.error for event in out if isinstance(event, StrategyFaulted)]
    assert len(faults) == 1
    assert "1 bars ahead of the current bar cannot be known" in faults[0]


def test_a_planted_strategy_that_remembers_outside_its_snapshot_is_caught_at_a_restart():
    class Forgetful(Honest):
        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.count = 0

        def on_bar(self, ctx: Any) -> Wish | None:
            self.count += 1
            return Wish(1 if self.count % 20 < 10 else -1, "counted")

    with pytest.raises(AssertionError, match=r"restarted after every bar: at bar \d+ it answered -1 \(counted\)"):
        checks.check_a_restart_at_any_bar_changes_nothing(Forgetful, {}, EVENTS)


def test_a_planted_strategy_that_throws_dice_is_caught():
    class Dicing(Honest):
        def on_bar(self, ctx: Any) -> Wish | None:
            return Wish(random.choice((-1, 1)), "dice")

    with pytest.raises(AssertionError, match="the same events twice: at bar"):
        checks.check_deterministic(Dicing, {}, EVENTS)


def test_a_strategy_that_adds_to_its_step_is_not_scanned_without_what_it_adds():
    strategy = made("zero_dte", {})
    with pytest.raises(InvalidInput, match="ZeroDte adds to it in on_bar"):
        scan_wishes(strategy, ColumnCache(checks.columns_of(BARS)))
