"""The states of a rule: every step there is and every one there is not, and no way round the checks."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.health import Verdict
from discovery.lifecycle.states import STEPS, Evidence, Finding, State, onwards, refusal

GOOD, BAD = Finding(True, "it stands"), Finding(False, "only 3 of 40 trades earned")
EVERYTHING = Evidence(validation=GOOD, campaign=GOOD, asked_by="ann@example.com")
FINDINGS = st.sampled_from([None, GOOD, BAD])


def evidence(**changes: object) -> Evidence:
    return msgspec.structs.replace(EVERYTHING, **changes)


def grants(before: State, after: State) -> Evidence:
    """What lets every step pass that exists."""
    well = Verdict.ILL if after == State.DEGRADED else Verdict.HEALTHY
    return evidence(health=well)


@pytest.mark.parametrize(("before", "after"), itertools.product(State, State))
def test_a_step_is_allowed_exactly_where_the_table_has_it(before, after):
    is_known = any((step.before, step.after) == (before, after) for step in STEPS)
    assert (refusal(before, after, grants(before, after)) == "") is is_known


def test_what_is_no_step_is_refused_with_what_it_could_become():
    said = refusal("discovered", "live", evidence())
    assert said == "a rule that is discovered cannot become live; it can become validated, rejected"


@pytest.mark.parametrize(
    ("before", "after", "missing", "word"),
    [
        ("discovered", "validated", {"validation": None}, "no walk-forward"),
        ("discovered", "validated", {"validation": BAD}, "only 3 of 40"),
        ("rejected", "validated", {"validation": BAD}, "only 3 of 40"),
        ("demoted", "validated", {"validation": None}, "no walk-forward"),
        ("validated", "campaign", {"campaign": None}, "no campaign"),
        ("validated", "campaign", {"campaign": BAD}, "only 3 of 40"),
        ("campaign", "live", {"campaign": None}, "no campaign"),
        ("campaign", "live", {"validation": None}, "no walk-forward"),
        ("live", "degraded", {"health": Verdict.UNKNOWN}, "unknown, not ill"),
        ("live", "degraded", {"health": Verdict.HEALTHY}, "healthy, not ill"),
        ("degraded", "live", {"health": Verdict.UNKNOWN}, "unknown, not healthy"),
        ("live", "demoted", {"asked_by": "", "health": Verdict.HEALTHY}, "not ill"),
        ("degraded", "demoted", {"asked_by": "", "health": Verdict.UNKNOWN}, "not ill"),
        ("discovered", "rejected", {"asked_by": ""}, "neither a person nor a check"),
    ],
)
def test_a_step_without_what_it_needs_is_refused_in_words(before, after, missing, word):
    said = refusal(before, after, evidence(**missing))
    assert said.startswith(f"{before} → {after}: ")
    assert word in said


def test_a_check_that_failed_rejects_without_a_person():
    assert refusal("validated", "rejected", evidence(asked_by="", campaign=BAD)) == ""


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(State), FINDINGS, FINDINGS, st.sampled_from(Verdict), st.sampled_from(["", "ann"])),
        max_size=40,
    )
)
def test_no_row_of_requests_reaches_the_market_around_the_checks(requests):
    state = State.DISCOVERED
    passed: list[State] = []
    for wanted, validation, campaign, well, person in requests:
        asked = Evidence(validation=validation, campaign=campaign, health=well, asked_by=person)
        if refusal(state, wanted, asked):
            continue
        if wanted == State.LIVE and state != State.DEGRADED:
            since = passed[len(passed) - passed[::-1].index(State.DEMOTED) :] if State.DEMOTED in passed else passed
            assert State.VALIDATED in since
            assert State.CAMPAIGN in since
        if wanted in (State.VALIDATED, State.CAMPAIGN, State.LIVE) and state != State.DEGRADED:
            assert validation == GOOD
        passed.append(wanted)
        state = wanted


def test_every_state_but_the_first_can_be_reached_and_none_is_a_trap():
    reached, waiting = {State.DISCOVERED.value}, [State.DISCOVERED.value]
    while waiting:
        new = set(onwards(waiting.pop())) - reached
        reached |= new
        waiting += new
    assert reached == set(State.values)
    assert all(onwards(state) for state in State.values)
    assert all(step.needs for step in STEPS)
