"""Studies over HTTP: started, looked into, applied; each by those who may."""

from pathlib import Path

import pytest
from rest_framework.test import APIClient

from backtest.models import Study
from backtest.reported import report_document
from strategies.models import Ticker, TickerChange
from strategies.services import create_ticker
from tests.backtest.distributed.data import sweep_document, walk_file
from tests.trading.people import client_of, person
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader(redis_url):
    return client_of(person(Role.TRADER))


@pytest.fixture
def document(tmp_path, settings):
    settings.DATA_DIR = str(tmp_path)
    return {**sweep_document(walk_file(tmp_path)), "data": walk_file(tmp_path).name}


@pytest.fixture
def study(trader, document, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = trader.post("/api/backtests", document, format="json")
    assert answer.status_code == 201, answer.json()
    sent.play()
    return Study.objects.get()


def test_a_viewer_sees_studies_and_starts_none(document, study):
    viewer = client_of(person(Role.VIEWER))
    assert viewer.get("/api/backtests").json()["count"] == 1
    assert viewer.post("/api/backtests", document, format="json").status_code == 403
    assert viewer.post(f"/api/backtests/{study.pk}/runs/0/apply").status_code == 403
    assert APIClient().get("/api/backtests").status_code == 401


def test_a_study_tells_what_it_was_and_what_came_of_it(trader, study):
    told = trader.get(f"/api/backtests/{study.pk}").json()
    assert (told["state"], told["progress"]["done"], told["total"]) == ("done", 20, 20)
    assert told["result"]["judgement"]["trials"] == 20
    assert trader.get("/api/backtests/999").json()["detail"] == "There is no study 999."


def test_runs_are_ranked_and_paged(trader, study):
    page = trader.get(f"/api/backtests/{study.pk}/runs?page_size=5").json()
    assert (page["count"], page["pages"]) == (20, 4)
    scores = [run["score"] for run in page["results"]]
    assert scores == sorted(scores, reverse=True)
    assert [run["number"] for run in trader.get(f"/api/backtests/{study.pk}/runs?order=number").json()["results"]] == [
        *range(20)
    ]
    assert trader.get(f"/api/backtests/{study.pk}/runs?order=luck").json()["field"] == "order"


def test_the_trades_of_any_run_are_there(trader, study):
    run = study.runs.get(number=7)
    found = trader.get(f"/api/backtests/{study.pk}/runs/7/trades").json()
    assert found["count"] == run.stats["trades"]
    assert sum(float(trade["pnl"]) for trade in found["results"]) == pytest.approx(float(run.stats["net_pnl"]))


def test_trades_are_not_made_up_when_the_bars_have_changed(trader, study, tmp_path):
    path = Path(study.spec["data"])
    walk_file(tmp_path, days=60, seed=9).replace(path)
    answer = trader.get(f"/api/backtests/{study.pk}/runs/7/trades")
    assert answer.status_code == 409
    assert "have changed since" in answer.json()["detail"]


def test_what_would_change_is_shown_before_it_is_applied_and_the_change_is_on_record(trader, study):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="30", quantities={"paper": "10"},
                  params={"period_1": 3, "period_2": 34})  # fmt: skip
    run = study.runs.get(params__period_1=2, params__period_2=8)
    shown = trader.post(f"/api/backtests/{study.pk}/runs/{run.number}/apply?preview=true&sessions=10").json()
    assert len(shown["sessions"]) == 10
    assert (shown["params"]["now"]["period_2"], shown["params"]["then"]["period_2"]) == (34, 8)
    assert shown["now"]["trades"] != shown["then"]["trades"]
    assert len(shown["only_then"]) >= 1
    assert sum(day["then"] for day in shown["days"]) == pytest.approx(shown["then"]["net_pnl"])
    assert Ticker.objects.get().params["period_2"] == 34
    applied = trader.post(f"/api/backtests/{study.pk}/runs/{run.number}/apply")
    assert applied.status_code == 200, applied.json()
    assert Ticker.objects.get().params["period_2"] == 8
    assert TickerChange.objects.latest("id").kind == "updated"
    again = trader.post(f"/api/backtests/{study.pk}/runs/{run.number}/apply")
    assert (again.status_code, again.json()["detail"]) == (409, "the ticker has these parameters already")


def test_exits_that_were_tried_are_shown_and_applied_with_the_parameters(
    trader, document, sent, django_capture_on_commit_callbacks
):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="30", quantities={"paper": "10"}, params={},
                  exits={"stop": {"value": 0.05}})  # fmt: skip
    grids = {
        "ema": {
            "period_1": [2],
            "period_2": [8],
            "exits.stop.value": [0.002, 0.004],
            "exits.max_hold_s": ["none", 7200],
        }
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = trader.post(
            "/api/backtests", {**document, "grids": grids, "fixed": {"exits": {"stop": {"value": 0.01}}}}, format="json"
        )
    assert answer.status_code == 201, answer.json()
    sent.play()
    study = Study.objects.get()
    results = {run.stats["net_pnl"] for run in study.runs.all()}
    assert len(results) == 4
    wanted = {"period_1": 2, "period_2": 8, "exits.stop.value": 0.002, "exits.max_hold_s": 7200}
    [run] = [each for each in study.runs.all() if each.params == wanted]
    assert report_document(run)["stats"]["net_pnl"] == run.stats["net_pnl"]
    address = f"/api/backtests/{study.pk}/runs/{run.number}/apply"
    shown = trader.post(f"{address}?preview=true").json()
    assert shown["exits"]["now"]["stop"]["value"] == 0.05
    assert (shown["exits"]["then"]["stop"]["value"], shown["exits"]["then"]["max_hold_s"]) == (0.002, 7200)
    assert shown["then"] != shown["now"]
    assert trader.post(address).status_code == 200
    ticker = Ticker.objects.get()
    assert (ticker.exits["stop"]["value"], ticker.exits["max_hold_s"], ticker.params["period_1"]) == (0.002, 7200, 2)


def test_a_preview_of_few_sessions_is_as_warm_as_one_of_many(trader, document):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="30", quantities={"paper": "1"},
                  params={"period_1": 2, "period_2": 30})  # fmt: skip
    asked = {"strategy": "ema", "symbol": "SPY", "data": document["data"], "params": {"period_1": 3}}
    few, many = (
        trader.post("/api/backtests/preview", {**asked, "sessions": sessions}, format="json").json()
        for sessions in (10, 30)
    )
    assert few["days"] == many["days"][-10:]
    assert any(day["now"] for day in few["days"])


def test_without_a_ticker_there_is_nothing_to_apply_to(trader, study):
    answer = trader.post(f"/api/backtests/{study.pk}/runs/0/apply?preview=true")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no ticker of ema on SPY; add it first.")


def test_other_parameters_can_be_tried_on_a_ticker_at_any_time(trader, document):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="30", quantities={"paper": "1"}, params={})
    asked = {"strategy": "ema", "symbol": "SPY", "data": document["data"], "sessions": 5}
    shown = trader.post("/api/backtests/preview", {**asked, "params": {"period_1": 8}}, format="json").json()
    assert shown["params"]["now"] != shown["params"]["then"]
    wrong = trader.post("/api/backtests/preview", {**asked, "params": {"period_1": 0}}, format="json")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "period_1")
    wrong = trader.post("/api/backtests/preview", {**asked, "params": {}, "sessions": 0}, format="json")
    assert wrong.json()["field"] == "sessions"


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "nothing.parquet"])
def test_a_study_reads_files_of_the_data_folder_only(trader, document, path):
    answer = trader.post("/api/backtests", {**document, "data": path}, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "data")


@pytest.mark.parametrize(
    ("field", "asked", "said"),
    [
        (
            "quantity",
            {"fixed": {"quantity": "-1"}},
            "quantity: expected a number above 0 and up to 1,000,000,000,000, found '-1'",
        ),
        ("quantity", {"fixed": {"quantity": "0"}}, "quantity: expected a number above 0"),
        ("quantity", {"fixed": {"quantity": "NaN"}}, "quantity: expected a number above 0"),
        ("quantity", {"fixed": {"quantity": "1e30"}}, "quantity: expected a number above 0"),
        ("capital", {"fixed": {"capital": "-5"}}, "capital: expected an amount above 0"),
        ("participation", {"fixed": {"participation": 2}}, "participation: expected a share of the volume"),
        ("slippage", {"fixed": {"slippage": "fixed:1e400"}}, "slippage: expected none, fixed:TICKS"),
        ("fixed.quantity", {"fixed": {"quantity": "ten"}}, "fixed.quantity: invalid decimal string; found 'ten'"),
        (
            "fixed.exits.stop.value",
            {"fixed": {"exits": {"stop": {"value": -1}}}},
            "fixed.exits.stop.value: expected float > 0.0; found -1",
        ),
        ("split", {"split": {"folds": 90}}, "split: 60 days are too few for 90 folds"),
        ("split", {"split": {"folds": 2, "purge_days": 99_999}}, "split: 60 days are too few for 2 folds with 99999"),
    ],
)
def test_what_no_run_could_use_is_refused_by_its_field_and_nothing_starts(trader, document, field, asked, said):
    answer = trader.post("/api/backtests", {**document, **asked}, format="json")
    assert (answer.status_code, answer.json().get("field")) == (400, field)
    assert answer.json()["detail"].startswith(said)
    assert not Study.objects.exists()


def test_the_admin_shows_studies_runs_trials_and_schedules(admin_client, study):
    assert "20 of 20 runs" in admin_client.get("/admin/backtest/study/").content.decode()
    for page in ("backtestrun", "trial", "studyschedule"):
        assert admin_client.get(f"/admin/backtest/{page}/").status_code == 200
    wrong = admin_client.post(
        "/admin/backtest/studyschedule/add/",
        {"name": "x", "spec": '{"symbol": "SPY"}', "days_back": 5, "hour": 3, "weekdays": "1,9", "is_enabled": "on"},
    ).content.decode()
    assert "strategies: at least one was expected" in wrong
    assert "Numbers from 0 (Sunday) to 6" in wrong
