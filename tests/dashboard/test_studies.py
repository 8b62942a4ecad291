"""The pages of studies: who sees them, what they say, and that a browser can use them."""

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest

from backtest.apply import trades_of
from backtest.models import Study
from backtest.reported import report_document
from dashboard.studies import shown
from tests.backtest.distributed.conftest import calm, sent, start  # noqa: F401
from tests.backtest.distributed.data import sweep_document, walk_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(start, sent, tmp_path):  # noqa: F811
    split = {"kind": "anchored", "folds": 2}
    made = start(sweep_document(walk_file(tmp_path), split=split, name="ema on a walk"))
    sent.play()
    made.refresh_from_db()
    return made


def test_the_list_and_a_study_are_for_those_who_are_signed_in(client, study):
    for page in ("/backtests", f"/backtests/{study.pk}"):
        assert client.get(page).status_code == 302


def test_an_empty_list_says_what_to_do(admin_client):
    page = admin_client.get("/backtests").content.decode()
    assert "No study yet" in page
    assert 'id="new-study"' in page


def test_a_study_shows_its_best_runs_its_folds_and_how_convincing_they_are(admin_client, study):
    page = admin_client.get(f"/backtests/{study.pk}").content.decode()
    assert "ema on a walk" in page
    assert study.result["judgement"]["sentence"].replace("'", "&#x27;") in page
    assert "Walk-forward" in page
    assert page.count("data-apply=") == 20
    assert "net_pnl over period_1 and period_2" in page
    assert "20 of 20 runs" in page
    listed = admin_client.get("/backtests").content.decode()
    assert f"/backtests/{study.pk}" in listed


def test_drawn_numbers_are_short_and_put_in_parts_on_the_map(admin_client, start, sent, tmp_path):  # noqa: F811
    grids = {"supertrend": {"period": "2:60", "multiplier": "0.5:4"}}
    document = sweep_document(walk_file(tmp_path), grids=grids, search={"kind": "random", "count": 80})
    made = start(document)
    sent.play()
    page = admin_client.get(f"/backtests/{made.pk}").content.decode()
    best = made.runs.order_by("-score").first()
    assert f"multiplier {best.params['multiplier']:.6g}<" in page
    heat = shown(Study.objects.get())["heat"]
    assert (heat["across"], heat["down"]) == ("multiplier", "period")
    assert len(heat["columns"]) == 10
    runs = made.runs.exclude(score=None)
    low, high = (f([run.params["multiplier"] for run in runs]) for f in (min, max))
    first = [run.score for run in runs if run.params["multiplier"] < low + (high - low) / 10]
    found = [row["cells"][0]["score"] for row in heat["rows"] if row["cells"][0]["score"] is not None]
    assert set(found) <= set(first) != set()


def test_a_map_may_have_none_beside_numbers(admin_client, start, sent, tmp_path):  # noqa: F811
    grids = {"ema": {"period_1": [2, 3], "exits.max_hold_s": ["none", 7200]}}
    made = start(sweep_document(walk_file(tmp_path), grids=grids))
    sent.play()
    assert admin_client.get(f"/backtests/{made.pk}").status_code == 200
    assert shown(Study.objects.get())["heat"]["columns"] == ["2", "3"]


def test_a_study_that_runs_has_a_cancel_button_and_one_that_is_not_there_is_a_404(admin_client, start, tmp_path):  # noqa: F811
    made = start(sweep_document(walk_file(tmp_path)))
    assert 'id="cancel"' in admin_client.get(f"/backtests/{made.pk}").content.decode()
    assert admin_client.get("/backtests/999").status_code == 404
    assert Study.objects.count() == 1


def test_a_run_has_its_report_with_the_same_result(admin_client, study):
    run = study.runs.order_by("-score").first()
    document = report_document(run)
    assert document["stats"]["net_pnl"] == run.stats["net_pnl"]
    assert len(document["trades"]) == run.stats["trades"]
    answer = admin_client.get(f"/backtests/{study.pk}/runs/{run.number}/report")
    assert answer.status_code == 200
    assert "<html" in answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert admin_client.get(f"/backtests/{study.pk}/runs/99/report").status_code == 404


def test_a_report_of_bars_that_have_changed_is_refused_with_the_reason(admin_client, study, tmp_path):
    Path(study.spec["data"]).unlink()
    walk_file(tmp_path, seed=8).replace(study.spec["data"])
    answer = admin_client.get(f"/backtests/{study.pk}/runs/0/report")
    assert answer.status_code == 409
    assert "have changed since" in answer.content.decode()


@pytest.fixture
def campaign(start, sent, tmp_path):  # noqa: F811
    document = sweep_document(
        walk_file(tmp_path, days=8), kind="campaign", grids={"ema": {"period_1": [2, 3], "period_2": [5]}},
        strategies=["supertrend"], warmup_days=2, name="by day", fixed={"fees": "unit:0.01"},
    )  # fmt: skip
    made = start(document)
    sent.play()
    made.refresh_from_db()
    return made


def test_a_campaign_leads_to_its_days_and_a_day_to_its_runs(admin_client, campaign):
    run = campaign.runs.get(strategy="ema", params__period_1=2)
    day = run.days[3]["day"]
    overview = admin_client.get(f"/backtests/{campaign.pk}").content.decode()
    assert f'href="/backtests/{campaign.pk}/days/{day}"' in overview
    assert f'href="/backtests/{campaign.pk}/runs/{run.number}"' in overview
    of_day = admin_client.get(f"/backtests/{campaign.pk}/days/{day}").content.decode()
    assert of_day.count(f"report?day={day}") == 3
    assert run.days[2]["day"] in of_day
    assert run.days[4]["day"] in of_day
    of_run = admin_client.get(f"/backtests/{campaign.pk}/runs/{run.number}").content.decode()
    assert of_run.count("report?day=") == 6
    assert f"{float(run.stats['net_pnl']):.2f}" in of_run
    for nowhere in (
        "days/2020-01-01",
        "days/soon",
        "runs/99",
        "runs/99/report",
        f"runs/{run.number}/report?day=2020-01-01",
    ):
        assert admin_client.get(f"/backtests/{campaign.pk}/{nowhere}").status_code == 404


def test_the_report_of_a_day_and_of_all_days_add_up(admin_client, campaign):
    run = campaign.runs.get(strategy="ema", params__period_1=2)
    parts = [report_document(run, day=date.fromisoformat(each["day"])) for each in run.days]
    assert [part["stats"]["net_pnl"] for part in parts] == [each["net_pnl"] for each in run.days]
    assert all(len(part["days"]["date"]) == 1 for part in parts)
    whole = report_document(run)
    assert (whole["stats"]["net_pnl"], len(whole["trades"])) == (run.stats["net_pnl"], run.stats["trades"])
    assert whole["trades"] == [trade for part in parts for trade in part["trades"]]
    assert whole["days"]["date"] == [each["day"] for each in run.days]
    assert len(whole["prices"][0]["time"]) == 6 * 13
    assert whole["costs"]["fees"] == pytest.approx(float(run.stats["fees"]))
    page = admin_client.get(f"/backtests/{campaign.pk}/runs/{run.number}/report?day={run.days[1]['day']}")
    assert run.days[1]["day"] in page.content.decode()


def test_the_trades_of_a_campaigns_run_are_those_of_its_days(campaign):
    run = campaign.runs.get(strategy="ema", params__period_1=3)
    found = trades_of(run)
    assert len(found) == run.stats["trades"] > 3
    assert sum(float(trade.pnl) for trade in found) == pytest.approx(float(run.stats["net_pnl"]))


def test_a_report_is_there_as_json_and_as_spreadsheets(admin_client, study):
    address = f"/backtests/{study.pk}/runs/3/report"
    page = admin_client.get(address).content.decode()
    assert 'href="?as=json"' in page
    assert 'href="?as=csv"' in page
    document = admin_client.get(f"{address}?as=json")
    assert document.json()["stats"]["net_pnl"] == study.runs.get(number=3).stats["net_pnl"]
    assert f'filename="study-{study.pk}-run-3.json"' in document["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(admin_client.get(f"{address}?as=csv").content)) as archive:
        assert len(archive.read("trades.csv").splitlines()) == 1 + len(document.json()["trades"])
    assert admin_client.get(f"{address}?as=pdf").status_code == 400


def test_a_runs_report_counts_every_trial_of_its_study(study):
    [row] = report_document(study.runs.get(number=3))["judgement"]["rows"]
    assert row["trials"] == 20
    assert row["overfitting"] == study.result["judgement"]["overfitting"] is not None


def test_what_was_not_compiled_or_refused_is_said(admin_client, start, sent, tmp_path):  # noqa: F811
    data = walk_file(tmp_path)
    grids = {"ema": {"period_1": [2, 0], "period_2": [8, 13]}}
    made = start(sweep_document(data, grids=grids, fixed={"participation": 0.5}))
    sent.play()
    page = admin_client.get(f"/backtests/{made.pk}").content.decode()
    assert "2 runs were refused: " in page
    assert "2 runs were run by the engine, not compiled: " in page
