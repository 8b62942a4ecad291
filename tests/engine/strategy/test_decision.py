"""Decisions as one step: what is built from them, what is refused, what happens to a step that cannot be compiled."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from engine.errors import InvalidInput
from engine.indicators.recurrence import window
from engine.indicators.table import ColumnCache
from engine.strategy.decision import NO_OPINION, Decision, DecisionDefinitionError, StepStrategy
from engine.strategy.params import parse_params
from engine.strategy.scan import bars_needed, scan_wishes
from tests.contracts import strategy_checks as checks

BARS = checks.sample_bars()[:150]
COLUMNS = checks.columns_of(BARS)


def above(close: float, line: float, margin: float = 0.0) -> float:
    if close > line + margin:
        return 1.0
    return -1.0 if close < line - margin else NO_OPINION


class Above(StepStrategy):
    decision = Decision(above)

    class Params(msgspec.Struct, frozen=True):
        margin: float = 0.05
        movers: str = "any"

    def values(self) -> tuple[str, ...]:
        return "close", "sma(close,5)"


class RingState(NamedTuple):
    wish: float
    at: int
    ring: list[float]


def against_ten_ago(s: RingState, close: float) -> RingState:
    """Compares with the close ten bars ago, which it keeps itself."""
    change = close - s.ring[s.at]
    s.ring[s.at] = close
    return RingState(1.0 if change > 0.0 else -1.0, s.at + 1 if s.at < 9 else 0, s.ring)


class Ringed(StepStrategy):
    decision = Decision(against_ten_ago, RingState(NO_OPINION, 0, window(10)))

    def values(self) -> tuple[str, ...]:
        return ("close",)


def running(kind: type[StepStrategy], params: dict[str, Any]) -> list[float]:
    wishes = {a.ts: a.wish for a in checks.run(kind, params, BARS).answers}
    return [float("nan") if (w := wishes.get(bar.ts)) is None else float(w.target) for bar in BARS]


def made(kind: type[StepStrategy], **params: Any) -> StepStrategy:
    return kind(parse_params(kind, params))


@pytest.mark.parametrize("kind", [Above, Ringed])
def test_the_compiled_step_gives_the_wishes_of_the_running_strategy(kind):
    np.testing.assert_array_equal(scan_wishes(made(kind), ColumnCache(COLUMNS)), running(kind, {}))


def test_a_step_that_cannot_be_compiled_is_called_bar_by_bar():
    words = {"up": 1.0, "down": -1.0}

    def looked_up(close: float, line: float) -> float:
        return words["up" if close > line else "down"]

    class Words(Above):
        decision = Decision(looked_up)

    np.testing.assert_array_equal(scan_wishes(made(Words), ColumnCache(COLUMNS)), running(Words, {}))


def test_a_slot_that_decides_later_is_scanned_from_there_on():
    late = scan_wishes(made(Above), ColumnCache(COLUMNS), first=50)
    assert np.isnan(late[:49]).all()
    np.testing.assert_array_equal(late[49:], scan_wishes(made(Above), ColumnCache(COLUMNS))[49:])
    assert bars_needed(made(Above)) == 5


def test_windows_in_the_state_are_restored_as_copies():
    checks.check_a_restart_at_any_bar_changes_nothing(Ringed, {}, BARS)
    strategy = made(Ringed)
    saved = strategy.snapshot()
    other = made(Ringed)
    other.restore(saved)
    strategy._state.ring[0] = 7.0
    assert saved["state"][2][0] == 0.0
    assert other._state.ring[0] == 0.0
    assert made(Ringed)._state.ring[0] == 0.0


def test_a_step_with_a_parameter_that_params_do_not_have_is_refused():
    class Lacking(Above):
        class Params(msgspec.Struct, frozen=True):
            width: float = 1.0

    with pytest.raises(DecisionDefinitionError, match=r"above takes margin, which .*Params does not have"):
        made(Lacking)


def test_values_must_be_as_many_as_the_step_takes():
    class Short(Above):
        def values(self) -> tuple[str, ...]:
            return ("close",)

    with pytest.raises(DecisionDefinitionError, match=r"2 values were expected \(close, line\), found 1"):
        made(Short)


def test_what_is_not_known_is_left_out_of_the_evidence():
    class Unknown(Above):
        def evidence(self, ctx: Any, values: dict[str, float]) -> dict[str, float]:
            return {**values, "pivot": float("nan")}

    wishes = [a.wish for a in checks.run(Unknown, {}, BARS).answers if a.wish is not None]
    assert {tuple(wish.evidence) for wish in wishes} == {("close", "line")}


@pytest.mark.parametrize("kind", ["fast", "slow", "both"])
def test_waiting_for_movers_keeps_every_promise(kind):
    events = [
        msgspec.structs.replace(bar, high=bar.high * 1.012) if i % 40 == 39 else bar for i, bar in enumerate(BARS)
    ]
    params = {"movers": kind}
    whole = checks.check_deterministic(Above, params, events)
    checks.check_the_future_changes_nothing_past(Above, params, events, cuts=(60, 100))
    checks.check_a_restart_at_any_bar_changes_nothing(Above, params, events)
    entries = len(checks.wishes_of(whole.answers))
    free = len(checks.wishes_of(checks.run(Above, {}, events).answers))
    assert 0 < entries < free if kind != "slow" else entries < free


def test_a_scan_that_waits_for_movers_needs_the_time_of_the_bars():
    with pytest.raises(InvalidInput) as caught:
        scan_wishes(made(Above, movers="fast"), ColumnCache(COLUMNS))
    assert caught.value.field == "ts"
