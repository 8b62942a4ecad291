"""The checks of a rule: what its search never saw confirms it or not, and a campaign makes the same trades."""

from datetime import date

import numpy as np
import pytest

from discovery.lifecycle.checks import ask_campaign, ask_validation, compared, material_of, span_of
from discovery.lifecycle.confirmation import unseen
from discovery.lifecycle.states import StepRefused
from discovery.models import RuleCheck
from engine.errors import InvalidInput
from tests.discovery.lifecycle.conftest import DAYS, SEARCHED_UNTIL

pytestmark = pytest.mark.django_db
DATES = [date(2024, 3, day) for day in range(1, 11)]


def folds(*pairs):
    return [{"train": [[f"2024-03-{b:02}", f"2024-03-{e:02}"] for b, e in train],
             "test": [[f"2024-03-{b:02}", f"2024-03-{e:02}"] for b, e in test]} for train, test in pairs]  # fmt: skip


def chosen(made, **options):
    found = unseen(DATES, made, searched_until=date(2024, 3, 8), **options)
    return [DATES[at].day for at in np.flatnonzero(found)]


def test_unseen_are_the_days_that_judged_and_those_after_the_search():
    assert chosen(folds(([(1, 5)], [(6, 8)]))) == [6, 7, 8, 9, 10]


def test_a_day_that_any_fold_chose_in_is_not_unseen():
    assert chosen(folds(([(1, 4)], [(5, 6)]), ([(1, 6)], [(7, 8)]))) == [7, 8, 9, 10]


def test_days_that_a_position_reaches_into_are_left_out():
    assert chosen(folds(([(1, 5)], [(6, 8)])), gap=2) == [8, 9, 10]


def test_days_between_that_neither_chose_nor_judged_are_no_evidence():
    assert chosen(folds(([(1, 4)], [(7, 8)]))) == [7, 8, 9, 10]


def test_a_rule_with_something_behind_it_is_validated(rule, trader, worked):
    check = worked(ask_validation, user=trader, rule=rule)
    rule.refresh_from_db()
    assert (check.state, check.is_good, rule.state) == ("done", True, "validated")
    told = check.result
    assert told["start"] > rule.run.result["folds"][0]["train"][-1][1]
    assert told["end"] > SEARCHED_UNTIL
    assert told["competing"] == rule.run.rules.count()
    assert told["figures"]["days"] == sum(part["days"] for part in told["parts"]) > DAYS - 60
    assert told["figures"]["trades"] == len(told["pnl"]) == sum(part["trades"] for part in told["parts"])
    assert sum(told["pnl"]) == pytest.approx(told["figures"]["net_pnl"])
    change = rule.changes.get()
    assert (change.before, change.after, change.by, change.why) == ("discovered", "validated", trader, check.text)


def test_of_a_random_walk_no_rule_is_validated(noise_rule, trader, worked):
    check = worked(ask_validation, user=trader, rule=noise_rule)
    noise_rule.refresh_from_db()
    assert (check.state, check.is_good, noise_rule.state) == ("done", False, "rejected")
    assert "corrected p" in noise_rule.changes.get().why


def test_every_attempt_competes_with_those_before(noise_rule, trader, worked):
    first = worked(ask_validation, user=trader, rule=noise_rule)
    again = worked(ask_validation, user=trader, rule=noise_rule)
    assert again.result["competing"] == first.result["competing"] + 1
    assert again.result["corrected"] >= first.result["corrected"]


@pytest.mark.parametrize(("name", "value", "field"), [("DAYS", 500, "days"), ("TRADES", 5_000, "trades")])
def test_with_too_little_to_say_anything_it_stays_as_it_is(rule, trader, worked, settings, name, value, field):
    setattr(settings, f"RULE_LEAST_{name}", value)
    check = worked(ask_validation, user=trader, rule=rule)
    rule.refresh_from_db()
    assert (check.state, check.is_good, rule.state) == ("failed", None, "discovered")
    assert check.error.startswith(f"{field}: at least {value}")


def test_a_suspicious_rule_is_not_validated_whatever_it_earned(rule, trader, worked):
    type(rule).objects.filter(pk=rule.pk).update(suspicion=0.9, reasons=[{"weight": 0.9, "reason": "it sees ahead"}])
    check = worked(ask_validation, user=trader, rule=rule)
    rule.refresh_from_db()
    assert (check.is_good, rule.state) == (False, "rejected")
    assert check.text.endswith("suspicious: it sees ahead")


def test_a_second_click_is_the_same_check(rule, trader, sent):
    assert ask_validation(user=trader, rule=rule) == ask_validation(user=trader, rule=rule)
    assert RuleCheck.objects.count() == 1


def test_what_was_killed_while_it_worked_begins_anew(rule, trader, worked, monkeypatch):
    def die(*args, **kwargs):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr("discovery.lifecycle.checks.confirm", die)
        with pytest.raises(SystemExit):
            worked(ask_validation, user=trader, rule=rule)
    check = rule.checks.get()
    rule.refresh_from_db()
    assert (check.state, rule.state, rule.changes.count()) == ("running", "discovered", 0)
    RuleCheck.objects.filter(pk=check.pk).update(claimed_until=check.created_at)  # its claim has run out
    assert worked(lambda: check).is_good
    rule.refresh_from_db()
    assert (rule.state, rule.changes.count()) == ("validated", 1)


def test_a_campaign_makes_the_trades_of_the_search(rule, trader, worked):
    worked(ask_validation, user=trader, rule=rule)
    check = worked(ask_campaign, user=trader, rule=rule)
    rule.refresh_from_db()
    assert (check.state, check.is_good, rule.state) == ("done", True, "campaign"), check.error or check.text
    assert check.study.kind == "campaign"
    assert check.study.runs.get().strategy == "rules"
    assert check.result["same"] >= 0.9 * check.result["expected"] > 20
    assert check.result["study"] == check.study_id


def test_a_campaign_over_given_days_looks_at_these_alone(rule, trader, worked):
    worked(ask_validation, user=trader, rule=rule)
    check = worked(
        ask_campaign, user=trader, rule=rule, start=date(2024, 6, 3), end=date(2024, 6, 28)
    )  # fmt: skip
    assert (check.result["start"], check.result["end"]) == ("2024-06-03", "2024-06-28")
    assert check.is_good


def test_a_campaign_with_other_trades_rejects_the_rule(rule, trader, worked, monkeypatch):
    worked(ask_validation, user=trader, rule=rule)
    monkeypatch.setattr("discovery.lifecycle.checks.trades_of", lambda run: [])
    check = worked(ask_campaign, user=trader, rule=rule, start=date(2024, 6, 3), end=date(2024, 6, 14))
    rule.refresh_from_db()
    assert (check.is_good, rule.state) == (False, "rejected")
    assert check.text.startswith("0 of ")


def test_a_campaign_that_traded_nothing_says_nothing_for_it(rule, monkeypatch):
    found = material_of(rule)
    span = span_of(found.bars, {"start": "2024-06-03", "end": "2024-06-28"})
    monkeypatch.setattr("discovery.lifecycle.checks._expected", lambda *args: {})
    assert compared(found, [], span)[:2] == (False, "it made no trades on these days")


def test_a_campaign_without_days_is_refused_by_its_field(rule):
    found = material_of(rule)
    with pytest.raises(InvalidInput, match="start: days with bars") as refused:
        span_of(found.bars, {"start": "2031-01-01", "end": "2031-02-01"})
    assert refused.value.field == "start"


def test_what_is_not_next_is_refused(rule, trader, worked, sent):
    with pytest.raises(StepRefused, match="nothing to repeat"):
        ask_campaign(user=trader, rule=rule)
    worked(ask_validation, user=trader, rule=rule)
    rule.refresh_from_db()
    with pytest.raises(StepRefused, match="is not validated next; it can become campaign, rejected"):
        ask_validation(user=trader, rule=rule)
    with pytest.raises(InvalidInput, match="end: 2024-06-28 or later"):
        ask_campaign(user=trader, rule=rule, start=date(2024, 6, 28), end=date(2024, 6, 3))


def test_a_rule_without_a_search_cannot_be_validated(rule, trader):
    rule.run = None
    with pytest.raises(StepRefused, match="comes from no search"):
        ask_validation(user=trader, rule=rule)
