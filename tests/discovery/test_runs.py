"""Searches on record: what is kept of them, and that each ends once, whatever happens to its worker."""

from datetime import timedelta

import msgspec
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from discovery import jobs, mined, services, tasks
from discovery.mining.mine import mine
from discovery.models import DiscoveredRule, MiningRun
from engine.errors import Conflict, InvalidInput
from engine.exits.config import Distance, DistanceKind, ExitConfig
from engine.rules.rule import parse_rules
from infra import draining
from tests.discovery import world
from tests.discovery.conftest import kept, written

pytestmark = pytest.mark.django_db

State = MiningRun.State
FIGURES = ("text", "score", "p_searched", "p_corrected", "in_sample", "out_of_sample", "exits", "trades_digest")


def rule_of(value):
    """A rule whose only condition looks at that value."""
    return {"side": "long", "phases": [{"all": [{"kind": "compare", "left": value, "op": ">", "right": 1.0}]}]}


def figures(run):
    return [tuple(getattr(rule, name) for name in FIGURES) for rule in run.rules.all()]


def lose_claim(run):
    """As if its worker had been killed a while ago."""
    MiningRun.objects.filter(pk=run.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))


def test_the_planted_pattern_becomes_a_rule_on_record_with_all_that_speaks_for_it(played, planted_file):
    run = played(planted_file, name="two bursts")
    assert (run.state, run.bars, run.days, run.trials) == (State.DONE, 6_240, 80, 120)
    assert len(run.dataset) == 16
    assert set(run.versions) == {"rules"}
    assert [(row["fold"], row["side"], row["name"]) for row in run.stages] == [
        (1, "long", "single"),
        (1, "long", "pattern"),
    ]
    assert run.result["passed"] == 1
    first = run.rules.get(rank=1)
    assert (first.passes, first.state, first.source, first.tag) == (True, "discovered", "beam", "")
    assert first.p_corrected < 0.05
    assert first.p_searched < 0.05
    [rule] = parse_rules([first.conditions])
    assert (rule.text, rule.side) == (first.text, first.side)
    assert [phase.all[0].text for phase in rule.phases] == ["relative_volume(20) > 2"] * 2
    assert first.exits["max_hold_s"] == 3_000.0
    assert msgspec.convert(first.exits, ExitConfig, strict=False).stop == Distance(4.0, DistanceKind.ATR)
    assert set(first.quality) == {"pnl", "drawdown", "hold", "exit_type", "giveback"}
    assert first.worst["listed"]
    assert first.capital["most_at_once"] == 1
    assert (first.trials, first.folds) == (120, [1])
    assert first.in_sample["days"] + first.out_of_sample["days"] == 80


def test_of_a_random_walk_nothing_passes(played, noise_file):
    run = played(noise_file)
    assert (run.state, run.result["passed"]) == (State.DONE, 0)
    assert run.rules.count() > 0
    assert not run.rules.filter(passes=True).exists()


def test_the_same_search_finds_the_same_and_counts_its_trials_once(played, planted_file):
    one, other = (
        played(planted_file, split={"kind": "random", "train_share": 0.6, "folds": 1, "seed": 7}) for _ in "ab"
    )
    assert figures(one) == figures(other) != []
    assert (one.earlier_trials, other.earlier_trials) == (0, 0)


def test_what_others_tried_on_these_bars_counts(played, planted_file, two_bursts):
    alone = kept(two_bursts)
    again = played(planted_file, patterns=7)
    assert (again.earlier_trials, again.rules.first().trials) == (alone.trials, alone.trials + again.trials)
    mine_ = played(planted_file)
    before, after = (run.rules.get(rank=1).p_searched for run in (alone, mine_))
    assert mine_.earlier_trials == again.trials
    assert after > before


def test_of_two_searches_at_a_time_the_one_that_ends_later_counts_the_other(played, planted_file, monkeypatch):
    others: list[MiningRun] = []

    def meanwhile(*arguments, **options):
        monkeypatch.setattr(mined, "mine", mine)
        others.append(played(planted_file, patterns=7))  # begins and ends while the first is searching
        return mine(*arguments, **options)

    monkeypatch.setattr(mined, "mine", meanwhile)
    late = played(planted_file)
    [early] = others
    assert (early.earlier_trials, late.earlier_trials) == (0, early.trials)


def test_carrying_positions_over_the_night_changes_what_is_found(played, planted_file, two_bursts):
    home, carried = kept(two_bursts), played(planted_file, carry=True)
    assert figures(home) != figures(carried)
    assert all(rule.exits["before_close_s"] for rule in home.rules.all())
    assert not any(rule.exits["before_close_s"] for rule in carried.rules.all())


def test_a_cancelled_search_ends_without_rules_and_is_not_begun(start, sent, noise_file):
    run = start(noise_file)
    assert services.cancel_run(number=run.pk).state == State.CANCELLED
    sent.play()
    run.refresh_from_db()
    assert (run.state, run.attempts, run.rules.count()) == (State.CANCELLED, 0, 0)
    with pytest.raises(Conflict, match="is cancelled already"):
        services.cancel_run(number=run.pk)


def test_a_search_that_runs_ends_at_its_next_step_when_it_is_cancelled(start, noise_file):
    run = start(noise_file)

    def work(job, held):
        assert services.cancel_run(number=job.pk).state == State.RUNNING
        held.keep()
        return mined.search(job, held)

    assert jobs.work_on(MiningRun, run.pk, work) == State.CANCELLED
    assert run.rules.count() == 0


def test_a_search_that_is_cancelled_after_its_last_step_keeps_nothing_either(start, noise_file):
    run = start(noise_file)

    def work(job, held):
        held.step(1, 1)
        held.found["result"] = {"passed": 1}
        services.cancel_run(number=job.pk)
        return lambda: DiscoveredRule.objects.create(run=job)

    assert jobs.work_on(MiningRun, run.pk, work) == State.CANCELLED
    run.refresh_from_db()
    assert (run.rules.count(), run.result) == (0, {})


def test_a_row_that_the_database_refuses_fails_the_search_with_its_reason(start, noise_file):
    run = start(noise_file)

    def work(job, held):
        held.found["result"] = {"passed": 1}
        return lambda: DiscoveredRule.objects.update_or_create(run=job, suspicion=7.0)

    assert jobs.work_on(MiningRun, run.pk, work) == State.FAILED
    run.refresh_from_db()
    assert "IntegrityError" in run.error
    assert (run.rules.count(), run.result) == (0, {})


@pytest.mark.parametrize("away", [OperationalError, InterfaceError])
def test_a_database_that_is_away_leaves_the_search_to_be_begun_anew(start, noise_file, away):
    run = start(noise_file)

    def work(job, held):
        raise away("gone")

    with pytest.raises(away):
        jobs.work_on(MiningRun, run.pk, work)
    lose_claim(run)
    assert tasks.tend_searches() == [run.pk]


def test_the_search_of_a_killed_worker_is_begun_anew_and_what_the_dead_one_found_late_is_not_kept(
    start, sent, planted_file
):
    run = start(planted_file)

    def killed(job, held):
        keep = mined.search(job, held)
        lose_claim(job)
        sent.tasks.clear()
        assert tasks.tend_searches() == [job.pk]
        sent.play()
        return keep

    assert jobs.work_on(MiningRun, run.pk, killed) == State.DONE
    run.refresh_from_db()
    assert (run.attempts, run.rules.count()) == (2, 4)
    assert tasks.tend_searches() == []


def test_two_workers_that_get_the_same_search_do_it_once(start, noise_file):
    run = start(noise_file)
    told = []

    def work(job, held):
        told.append(tasks.mine_rules(job.pk))
        return mined.search(job, held)

    assert jobs.work_on(MiningRun, run.pk, work) == State.DONE
    assert told == [""]
    assert tasks.mine_rules(run.pk) == ""


def test_a_search_that_ends_its_worker_each_time_is_given_up(start, noise_file):
    run = start(noise_file)
    for _ in range(jobs.MOST_ATTEMPTS):
        assert jobs._claim(MiningRun, run.pk) is not None
        lose_claim(run)
    assert jobs._claim(MiningRun, run.pk) is None
    assert tasks.tend_searches() == []
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "the worker ended 3 times while it worked on this, or lost the database" in run.error


def test_a_worker_that_is_asked_to_stop_gives_its_search_back(start, noise_file, monkeypatch):
    run = start(noise_file)
    monkeypatch.setattr(draining, "is_requested", lambda: True)
    assert tasks.mine_rules(run.pk) == State.QUEUED
    monkeypatch.undo()
    run.refresh_from_db()
    assert (run.attempts, run.claimed_by) == (0, "")


def test_a_search_that_cannot_be_is_failed_with_its_reason(played, tmp_path_factory):
    run = played(written(world.noise(2, seed=1), tmp_path_factory))
    assert (run.state, run.error) == (State.FAILED, "data: at least 4 trading days were expected, found 2")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"symbol": ""}, "symbol"),
        ({"timeframe": "soon"}, "timeframe"),
        ({"data": "nowhere.parquet"}, "data"),
        ({"start": "2024-03-02", "end": "2024-03-01"}, "end"),
        ({"search": {"grid": {"stop": [0]}}}, "grid.stop[0]"),
        ({"search": {"split": {"kind": "odd"}}}, "split.kind"),
        ({"search": {"split": {"train_share": 1.0}}}, "split.train_share"),
        ({"search": {"rank_by": "luck"}}, "rank_by"),
        ({"search": {"gaps": [[0, 3]]}}, "gaps[0][0]"),
        ({"search": {"gaps": [[1, 3], [4, 2]]}}, "gaps"),
        ({"search": {"seeds": [{"rule": rule_of("close")}] * 1_001}}, "seeds"),
        ({"search": {"fees": "free"}}, "fees"),
        ({"search": {"seeds": [{"rule": {"side": "long", "phases": []}}]}}, "seeds[0].rule.phases"),
        ({"search": {"seeds": [{"rule": rule_of("nothing(3)")}]}}, "seeds, rule 1"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_the_name_of_its_field(sent, changes, field):
    with pytest.raises(InvalidInput) as refused:
        services.create_run(user=None, document={"symbol": "SPY", **changes})
    assert refused.value.field == field
    assert refused.value.detail.startswith(field)
    assert len(refused.value.detail) < 1_000
    assert not MiningRun.objects.exists()


def test_a_run_that_has_rules_is_not_deleted_and_a_state_that_does_not_exist_is_not_written(played, noise_file):
    run = played(noise_file)
    for change in (
        run.delete,
        lambda: DiscoveredRule.objects.update(state="loved"),
        lambda: MiningRun.objects.update(state="lost"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
