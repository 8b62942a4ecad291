"""Studies: cut into shards, claimed once, redone when a worker dies, added up to what one process would give."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backtest import services
from backtest.distributed import data, work
from backtest.distributed.data import bars_of
from backtest.distributed.runs import run_part
from backtest.distributed.spec import parse_spec
from backtest.models import BacktestRun, Shard, Study, Trial
from backtest.sweeping import sweep
from engine.errors import Conflict, InvalidInput
from tests.backtest.distributed.data import sweep_document, walk_file

pytestmark = pytest.mark.django_db


def test_a_study_gives_what_one_process_gives(start, sent, tmp_path):
    document = sweep_document(walk_file(tmp_path))
    study = start(document)
    assert (study.total, study.shards.count()) == (20, 7)
    assert sent.names() == ["work_on_study"] * 7
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"], study.result["refused"]) == ("done", 20, 0)
    spec = parse_spec(document)
    alone = sweep(bars_of(spec, archive="").columns, strategy="ema", grid=spec.sets("ema"))
    assert [(run.params, run.stats["net_pnl"], run.stats["trades"]) for run in study.runs.all()] == [
        (run.params, run.stats["net_pnl"], run.stats["trades"]) for run in alone.runs
    ]
    best = study.result["best"][0]
    assert best["number"] == alone.best(1)[0].number
    assert Trial.objects.count() == 20


def test_the_daily_results_add_up_to_the_runs(tmp_path):
    spec = parse_spec(sweep_document(walk_file(tmp_path)))
    bars = bars_of(spec, archive="")
    assert len(bars.days) == 60
    assert sum(day.after - day.first for day in bars.days) == len(bars.columns)
    for kept in run_part(spec, bars, strategy="ema", first=0, count=20, offset=0, day=None):
        assert kept.results.sum() == pytest.approx(float(kept.stats["net_pnl"]))


def test_the_same_study_twice_is_not_twice_the_trials(start, sent, tmp_path):
    document = sweep_document(walk_file(tmp_path))
    for _ in range(2):
        start(document)
        sent.play()
    assert Trial.objects.count() == 20
    start(sweep_document(walk_file(tmp_path), fixed={"fees": "unit:0.01"}))
    sent.play()
    assert Trial.objects.count() == 40  # other costs are another trial


def claimed_from(study: Study) -> Shard:
    shard = work.claim(study.pk)
    assert shard is not None
    return shard


def test_two_claims_never_hold_one_shard(start, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    claimed = [claimed_from(study) for _ in range(7)]
    assert sorted(shard.number for shard in claimed) == list(range(7))
    assert work.claim(study.pk) is None


def test_a_dead_workers_shard_is_done_by_another(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    dead = claimed_from(study)
    sent.play()
    study.refresh_from_db()
    assert study.state == "running"  # the claim still stands
    Shard.objects.filter(pk=dead.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert services.tend() == [study.pk]
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"]) == ("done", 20)


def test_a_worker_that_comes_back_late_changes_nothing(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    late = claimed_from(study)
    Shard.objects.filter(pk=late.pk).update(claimed_by="another", claimed_until=timezone.now() + timedelta(seconds=9))
    work._work_on(late, parse_spec(study.spec))
    late.refresh_from_db()
    assert (late.state, late.claimed_by) == ("running", "another")


def test_a_shard_that_ends_its_workers_is_given_up_listed_and_can_be_run_again(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    past = timezone.now() - timedelta(seconds=1)
    for _ in range(work.MOST_ATTEMPTS):
        poisoned = study.shards.order_by("number").first()
        Shard.objects.filter(pk=poisoned.pk).update(
            state="running", attempts=poisoned.attempts + 1, claimed_by="dead", claimed_until=past
        )
    sent.play()
    services.tend()
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"]) == ("partial", 17)
    [failed] = study.result["failed_shards"]
    assert failed["shard"] == 0
    assert "ended 3 times" in failed["error"]
    services.retry_study(number=study.pk)
    services.send_lanes(study.pk)
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"], study.result["failed_shards"]) == ("done", 20, [])


def test_a_cancelled_study_keeps_what_is_done(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    sent.tasks = sent.tasks[:1]
    shard = claimed_from(study)
    work._work_on(shard, parse_spec(study.spec))
    services.cancel_study(number=study.pk)
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"]) == ("cancelled", shard.count)
    with pytest.raises(Conflict, match="cancelled already"):
        services.cancel_study(number=study.pk)
    services.retry_study(number=study.pk)
    services.send_lanes(study.pk)
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.result["runs"]) == ("done", 20)


def test_a_fold_whose_worker_died_begins_again(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path)))
    while sent.tasks and sent.names()[0] != "finalize_study":
        sent.play(at_most=1)
    sent.tasks.clear()
    assert services.tend() == []
    Study.objects.filter(pk=study.pk).update(folding_until=timezone.now() - timedelta(seconds=1))
    assert services.tend() == [study.pk]
    sent.play()
    study.refresh_from_db()
    assert study.state == "done"


def test_parameters_that_are_refused_are_runs_with_a_reason(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path), grids={"ema": {"period_1": [5, 0], "period_2": [10]}}))
    sent.play()
    study.refresh_from_db()
    assert study.result["refused"] == 1
    refused = BacktestRun.objects.get(study=study, params__period_1=0)
    assert "period_1" in refused.error
    assert refused.score is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grids": {"ema": {"fats": [1]}}}, r"grids.ema.fats: ema has the parameters"),
        ({"grids": {}}, "strategies: at least one was expected"),
        ({"strategies": ["ema", "supertrend"]}, "a campaign compares several"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "end: 2024-02-01 or later"),
        ({"data": "nowhere.parquet"}, "data: a file was expected"),
        ({"start": "2031-01-01"}, "holds nothing of SPY"),
        ({"chunk": 0}, "chunk: expected int >= 1; found 0"),
        ({"graid": {}}, "unknown field `graid`"),
        ({"grids": {"ema": {"period_1": list(range(500)), "period_2": list(range(500))}}}, "at most 200,000 runs"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_starts(start, tmp_path, changes, message):
    with pytest.raises(InvalidInput, match=message):
        start(sweep_document(walk_file(tmp_path), **changes))
    assert not Study.objects.exists()


def test_a_worker_reads_a_data_set_once(start, sent, tmp_path, monkeypatch):
    study = start(sweep_document(walk_file(tmp_path, seed=4)))

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(data, "_read", never)
    sent.play()
    study.refresh_from_db()
    assert study.state == "done"


def test_a_file_that_was_changed_is_read_again(tmp_path):
    path = walk_file(tmp_path, seed=5)
    spec = parse_spec(sweep_document(path))
    before = bars_of(spec, archive="")
    walk_file(tmp_path, seed=6).replace(path)
    assert bars_of(spec, archive="").digest != before.digest
