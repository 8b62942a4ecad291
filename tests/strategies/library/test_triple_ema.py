"""Trend Reversal against the golden ThinkScript bars."""

import json

import pytest

from engine.errors import InvalidInput
from engine.model.market import Bar
from strategies.library.triple_ema import TripleEma, follow_trend
from strategies.registry import STRATEGIES, parse_params
from tests.contracts.strategy_checks import DATA, MINUTE, run

GOLDEN = DATA / "golden_thinkscript.json"
WARM = 21  # bars until the slow average has a value
SIDES = {"up": 1, "down": -1}

needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="the golden bars are not in this clone")


def golden():
    return json.loads(GOLDEN.read_text())


def golden_bars():
    h, low, c = (golden()["bars"][name] for name in ("h", "l", "c"))
    opens = [c[0], *c[:-1]]
    rows = enumerate(zip(opens, h, low, c, strict=True), start=1)
    return [Bar(i * MINUTE, "SPY", "1", (i - 1) * MINUTE, *row, 100.0) for i, row in rows]


def wishes(**params):
    """What the running strategy wished, as (bar, target), bars numbered from 0 as in the golden file."""
    answers = run(TripleEma, params, golden_bars()).answers
    return [(answer.bars - 1, answer.wish.target) for answer in answers if answer.wish is not None]


def latches(*, leave=False):
    """The step of the strategy from the first bar on, fed with the golden averages."""
    e, b = golden()["ema"], golden()["bars"]
    state, found = TripleEma.decision.initial(), []
    for i, row in enumerate(zip(e["e9"], e["e14"], e["e21"], b["h"], b["l"], strict=True)):
        state = follow_trend(state, *row, 0.0, "ema", leave)
        if state.wish == state.wish:
            found.append((i, int(state.wish)))
    return found


@needs_golden
def test_the_ema_signals_are_those_of_the_golden_bars():
    e = golden()["ema"]
    assert latches() == sorted([(bar, 1) for bar in e["buy"]] + [(bar, -1) for bar in e["sell"]])


@needs_golden
def test_the_end_of_momentum_is_that_of_the_golden_bars():
    e = golden()["ema"]
    starts = {*e["buy"], *e["sell"]}
    ends = sorted(bar for bar in (*e["mom_down"], *e["mom_up"]) if bar not in starts)
    assert [bar for bar, target in latches(leave=True) if target == 0] == ends


@needs_golden
def test_the_running_strategy_signals_as_the_golden_bars_once_a_run_has_begun_under_its_eyes():
    e = golden()["ema"]
    after = min(bar for bar in e["mom_down"] if bar > WARM)  # the run that was on during the warm-up ends here
    expected = sorted([(bar, 1) for bar in e["buy"]] + [(bar, -1) for bar in e["sell"]])
    assert [w for w in wishes(require="ema") if w[0] > after] == [w for w in expected if w[0] > after]


@needs_golden
@pytest.mark.parametrize("method", ["average", "high_low"])
def test_confirmed_turns_are_followed_on_the_bar_that_confirms_them(method):
    flips = [(bar, SIDES[way]) for bar, way in golden()[method]["confirmed_flips"] if bar >= WARM - 1]
    assert wishes(require="zigzag", method=method) == flips
    assert len(flips) > 5


@needs_golden
def test_arrows_are_followed_when_a_person_at_the_screen_first_sees_them():
    seen = [(at, SIDES[way]) for _, at, way in golden()["average"]["arrows_as_seen_[bar,visible_at,dir]"]]
    seen = [arrow for arrow in seen if arrow[0] >= WARM - 1]
    turns = [arrow for i, arrow in enumerate(seen) if i == 0 or arrow[1] != seen[i - 1][1]]
    assert wishes(require="zigzag", form="first_seen") == turns


@needs_golden
@pytest.mark.parametrize("method", ["average", "high_low"])
def test_an_entry_is_made_where_averages_and_turn_first_agree(method):
    """The rule worked out from the golden lists alone."""
    e, flips = golden()["ema"], dict(golden()[method]["confirmed_flips"])
    run_side, leg, before, expected = 0, 0, 0, []
    for bar in range(240):
        if (bar in e["mom_down"] and run_side > 0) or (bar in e["mom_up"] and run_side < 0):
            run_side = 0
        run_side = 1 if bar in e["buy"] else -1 if bar in e["sell"] else run_side
        leg = SIDES[flips[bar]] if bar in flips else leg
        side = run_side if run_side == leg else 0
        if side and side != before:
            expected.append((bar, side))
        before = side
    after = min(bar for bar in e["mom_down"] if bar > WARM)
    assert [w for w in wishes(method=method) if w[0] > after] == [w for w in expected if w[0] > after]
    assert [w for w in expected if w[0] > after]


@needs_golden
def test_the_evidence_holds_averages_prices_turn_and_pivot():
    bars, answers = golden_bars(), run(TripleEma, {"method": "high_low"}, golden_bars()).answers
    found = [(answer.bars - 1, answer.wish) for answer in answers if answer.wish is not None]
    assert found
    for bar, wish in found:
        e = wish.evidence
        assert set(e) == {"fast", "medium", "slow", "high", "low", "turn", "pivot", "pivot_age"}
        assert (e["fast"] - e["medium"]) * wish.target > 0
        stood = bars[bar - int(e["pivot_age"])]
        assert e["pivot"] == (stood.low if wish.target > 0 else stood.high)
        assert wish.reason in ("trend_reversal_up", "trend_reversal_down")


@pytest.mark.parametrize("word", ["as_painted", "As Painted", "hindsight"])
def test_the_painted_form_is_refused_with_the_reason(word):
    with pytest.raises(InvalidInput, match="look-ahead") as caught:
        parse_params("triple_ema", {"form": word})
    assert caught.value.field == "form"


def test_averages_that_look_ahead_are_refused():
    with pytest.raises(InvalidInput) as caught:
        parse_params("triple_ema", {"displace": 2})
    assert caught.value.field == "displace"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"fast": 14}, "medium"),
        ({"medium": 21}, "slow"),
        ({"percentage": 0, "absolute": 0, "atr_reversal": 0}, "atr_reversal"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused_by_name(raw, field):
    with pytest.raises(InvalidInput) as caught:
        parse_params("triple_ema", raw)
    assert caught.value.field == field


def test_the_old_name_of_the_study_still_finds_it_and_is_not_supertrend():
    assert STRATEGIES["supertrend_reversal"] is TripleEma
    assert STRATEGIES["supertrend"] is not TripleEma


def test_the_defaults_are_thinkscripts():
    p = parse_params("triple_ema", {})
    assert (p.fast, p.medium, p.slow, p.method, p.displace) == (9, 14, 21, "average", 0)
    assert (p.percentage, p.absolute, p.atr_reversal, p.atr_length, p.average_length) == (0.01, 0.05, 2.0, 5, 5)
