"""Campaigns: every day on its own, several strategies side by side, single days may fail."""

import pytest
from django.utils import timezone

from backtest import schedules
from backtest.distributed import runs, work
from backtest.distributed.data import bars_of
from backtest.distributed.spec import parse_spec
from backtest.models import Study, StudySchedule
from backtest.simulation.sweep.run import run_job
from engine.errors import InvalidInput
from tests.backtest.distributed.data import sweep_document, walk_file

pytestmark = pytest.mark.django_db


def campaign(path, **changes):
    grids = {"ema": {"period_1": [2, 3], "period_2": [5]}}
    return {
        **sweep_document(path, kind="campaign", grids=grids, strategies=["supertrend"], warmup_days=2, chunk=10),
        **changes,
    }


def test_every_day_is_run_alone_and_goes_home_flat(start, sent, tmp_path):
    path = walk_file(tmp_path, days=12)
    study = start(campaign(path))
    assert study.total == 3 * 10  # two days only warm up
    sent.play()
    study.refresh_from_db()
    assert study.state == "done"
    assert [len(run.days) for run in study.runs.all()] == [10, 10, 10]
    run = study.runs.get(strategy="ema", params__period_1=2)
    assert float(run.stats["net_pnl"]) == pytest.approx(sum(float(day["net_pnl"]) for day in run.days))
    assert run.stats["trades"] == sum(day["trades"] for day in run.days) > 3
    assert run.stats["days"] == 10
    assert [day["day"] for day in study.result["days"]] == [day["day"] for day in run.days]
    spec = parse_spec(study.spec)
    bars = bars_of(spec, archive="")
    last = bars.days[-1]
    [kept] = runs.run_part(spec, bars, strategy="ema", first=0, count=1, offset=run.number, day=last.day)
    assert kept.results.tolist() == [pytest.approx(float(run.days[-1]["net_pnl"]))]


def test_strategies_are_compared_by_their_best_and_how_steady_it_is(start, sent, tmp_path):
    study = start(campaign(walk_file(tmp_path, days=15)))
    sent.play()
    study.refresh_from_db()
    table = {row["strategy"]: row for row in study.result["strategies"]}
    assert set(table) == {"ema", "supertrend"}
    assert table["ema"]["runs"] == 2
    assert 0 <= table["ema"]["earning_days"] <= 1
    assert table["ema"]["worst_day"] <= table["ema"]["best_day"]
    assert [run.number for run in study.runs.order_by("number")] == [0, 1, 2]


def test_a_day_that_fails_is_listed_the_others_count_and_it_can_be_run_again(start, sent, tmp_path, monkeypatch):
    study = start(campaign(walk_file(tmp_path, days=8)))
    bad = study.shards.exclude(day=None).order_by("number").first().day
    genuine = run_job

    def breaks(job, data, **options):
        # The bars of that day alone end at its last bar.
        if bars.columns.ts[found.after - 1] == data.ts[-1]:
            raise ZeroDivisionError("a bad print")
        return genuine(job, data, **options)

    bars = bars_of(parse_spec(study.spec), archive="")
    found = next(day for day in bars.days if day.day == bad)
    monkeypatch.setattr(runs, "run_job", breaks)
    sent.play()
    study.refresh_from_db()
    assert study.state == "partial"
    assert {row["day"] for row in study.result["failed_shards"]} == {bad.isoformat()}
    assert "ZeroDivisionError: a bad print" in study.result["failed_shards"][0]["error"]
    assert len(study.runs.get(number=0).days) == 5
    monkeypatch.setattr(runs, "run_job", genuine)
    from backtest import services

    services.retry_study(number=study.pk)
    services.send_lanes(study.pk)
    sent.play()
    study.refresh_from_db()
    assert (study.state, len(study.runs.get(number=0).days)) == ("done", 6)


def test_a_day_that_fails_for_one_set_alone_is_left_out_for_that_set(start, sent, tmp_path, monkeypatch):
    split = {"kind": "anchored", "folds": 2}
    study = start(campaign(walk_file(tmp_path, days=30), chunk=1, strategies=[], split=split))
    bad = study.shards.filter(first=1).order_by("number")[5]
    genuine = runs.run_part

    def breaks(*given, **options):
        if (options["day"], options["first"]) == (bad.day, bad.first):
            raise ZeroDivisionError("a bad print")
        return genuine(*given, **options)

    monkeypatch.setattr(work, "run_part", breaks)
    sent.play()
    study.refresh_from_db()
    assert study.state == "partial"
    assert [len(run.days) for run in study.runs.order_by("number")] == [28, 27]
    assert study.result["judgement"]["overfitting"] is not None
    assert len(study.result["walk_forward"]["folds"]) == 2
    [of_day] = [row for row in study.result["days"] if row["day"] == bad.day.isoformat()]
    assert of_day["number"] == 0


@pytest.mark.parametrize("behaviour", ["trend", "range", "volatile", "quiet"])
def test_days_are_chosen_by_how_they_behaved(start, sent, tmp_path, behaviour):
    path = walk_file(tmp_path, days=60)
    study = start(campaign(path, behaviour=behaviour))
    bars = bars_of(parse_spec(study.spec), archive="")
    wanted = {day.day for day in bars.days[2:] if behaviour in day.behaviour}
    assert 0 < len(wanted) < 58
    assert set(study.shards.values_list("day", flat=True)) == wanted


def test_a_day_that_no_strategy_could_decide_on_is_refused_with_what_it_needs(start, tmp_path):
    grids = {"ema": {"period_1": [20], "period_2": [50]}}
    path = walk_file(tmp_path, days=8)
    with pytest.raises(InvalidInput, match=r"warmup_days: ema decides after 5\d bars, .* 2 before it holds 39"):
        start(campaign(path, grids=grids))
    assert start(campaign(path, grids=grids, warmup_days=4)).total == 2 * 4


def test_a_behaviour_that_no_day_had_is_said(start, tmp_path):
    with pytest.raises(InvalidInput, match="no day of the 3 was volatile"):
        start(campaign(walk_file(tmp_path, days=3), behaviour="volatile", warmup_days=3))


def test_a_schedule_starts_once_a_day_over_the_days_before(sent, tmp_path, time_machine):
    time_machine.move_to("2024-02-07T03:05:00Z")  # a Wednesday
    spec = campaign(walk_file(tmp_path, days=40))
    StudySchedule.objects.create(name="morning", spec=spec, days_back=14, hour=3)
    StudySchedule.objects.create(name="later", spec=spec, days_back=14, hour=9)
    StudySchedule.objects.create(name="broken", spec={**spec, "data": "gone.parquet"}, hour=2)
    [study] = schedules.start_due(now=timezone.now())
    assert (study.spec["start"], study.spec["end"], study.name) == ("2024-01-23", "2024-02-06", "morning")
    assert schedules.start_due(now=timezone.now()) == []
    assert "a file was expected" in StudySchedule.objects.get(name="broken").last_error
    time_machine.move_to("2024-02-10T03:05:00Z")  # a Saturday
    assert schedules.start_due(now=timezone.now()) == []
    assert Study.objects.count() == 1
