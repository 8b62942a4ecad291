"""The pages of studies: who sees them, what they say, and that a browser can use them."""

from pathlib import Path

import pytest

from backtest.models import Study
from backtest.reported import report_document
from tests.backtest.distributed.conftest import Sent, calm, sent, start  # noqa: F401
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
