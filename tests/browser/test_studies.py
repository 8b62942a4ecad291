"""A study in a real browser: typed into the form, watched, looked into, applied."""

import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backtest import services, tasks
from backtest.distributed import work
from backtest.models import Study
from strategies.models import Ticker, TickerChange
from tests.backtest.distributed.data import walk_file
from tests.browser.conftest import Web, sign_in
from trading.models import Book, Position

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Nobody:
    """No worker is there: the test does their work itself, when it wants it done."""

    def send_task(self, *_: object, **__: object) -> None:
        return None


@pytest.fixture
def data(web: Web, monkeypatch) -> Path:
    monkeypatch.setattr(services, "current_app", Nobody())
    monkeypatch.setattr(tasks, "current_app", Nobody())
    folder = web.folder / "data"
    folder.mkdir(exist_ok=True)
    return walk_file(folder, days=60)


def work_off(study: Study) -> None:
    work.work(study.pk, budget_s=60)
    services.finish_if_over(study.pk)
    tasks.finalize_study(study.pk)


def test_a_study_is_typed_in_watched_and_applied(page: Page, web: Web, data: Path, tmp_path):
    Ticker.objects.create(
        strategy="ema", symbol="SPY", timeframe="30", params={"period_1": 9, "period_2": 21}, quantities={"paper": "10"}
    )
    book = Book.objects.create(name="paper", mode="paper")
    Position.objects.create(
        book=book,
        strategy="ema",
        symbol="SPY",
        broker="paper",
        quantity=10,
        average_price="400.5",
        updated_at=timezone.now(),
    )
    sign_in(page, web)
    page.get_by_role("link", name="Backtests").click()
    expect(page.get_by_text("No study yet")).to_be_visible()
    page.get_by_label("Name").fill("a walk")
    page.get_by_label("Symbol").fill("spy")
    page.get_by_label("Timeframe").fill("30m")
    page.get_by_label("Data").select_option(data.name)
    page.get_by_label("Walk-forward").select_option("anchored")
    page.locator("#strategy").select_option("ema")
    page.get_by_role("button", name="Add").click()
    page.locator('[name="ema.period_1"]').fill("1:100000000000:1")
    expect(page.locator("#form-error")).to_contain_text("period_1: first:last:step was expected")
    page.locator('[name="ema.period_1"]').fill("2:6:1")
    page.locator('[name="ema.period_2"]').fill("8, 13, 21, 34")
    others = page.locator('[data-strategy]:not([data-strategy="ema"])')
    while others.count():
        others.first.get_by_role("button", name="Remove").click()
    expect(page.locator("#count")).to_have_text("20 runs")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/backtests/\d+$"))
    expect(page.locator("#progress-text")).to_have_text("0 of 20 runs")
    work_off(Study.objects.get())
    expect(page.get_by_role("heading", name="How convincing is the best?")).to_be_visible()
    expect(page.locator("#state")).to_have_text("done")
    page.screenshot(path=str(tmp_path / "study.png"), full_page=True)
    page.locator("[data-apply]").first.click()
    expect(page.locator("#apply-body")).to_contain_text("trades would not have happened")
    expect(page.locator("#apply-body")).to_contain_text("20 sessions from")
    expect(page.locator("#apply-body")).to_contain_text("Open now: long 10 SPY at 400.5 in paper, paper.")
    expect(page.locator("#apply-body .verdict")).to_contain_text("The best of 20 trials; corrected p = ")
    expect(page.locator("#apply-body .verdict")).to_contain_text("of 4 folds earned on days they had not seen")
    page.locator("#apply-body details").first.click()
    expect(page.locator("#apply-body details td").first).to_be_visible()
    page.locator("#apply-sessions").select_option("5")
    expect(page.locator("#apply-body")).to_contain_text("5 sessions from")
    page.screenshot(path=str(tmp_path / "apply.png"))
    page.get_by_role("button", name="Apply to the ticker").click()
    expect(page.locator("#toasts")).to_contain_text("has the new settings")
    best = Study.objects.get().result["best"][0]
    assert Ticker.objects.get().params["period_1"] == best["params"]["period_1"]
    assert TickerChange.objects.latest("id").by is not None


def test_a_study_can_be_read_on_a_phone_in_the_dark(page: Page, web: Web, data: Path, tmp_path):
    document = {
        "name": "night " + 70 * "x", "symbol": "SPY", "timeframe": "30", "data": str(data),
        "grids": {"ema": {"period_1": [2, 3, 4], "period_2": [8, 13]}},
    }  # fmt: skip
    study = services.create_study(user=None, document=document)
    work_off(study)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, web)
    page.goto(f"{web.url}/backtests/{study.pk}")
    expect(page.get_by_role("heading", name="Best runs")).to_be_visible()
    page.screenshot(path=str(tmp_path / "phone.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def test_what_is_wrong_with_a_study_is_said_beside_the_button(page: Page, web: Web, data: Path):
    sign_in(page, web)
    page.goto(f"{web.url}/backtests")
    page.get_by_label("Symbol").fill("SPY")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#form-error")).to_contain_text("the archive has no prints of SPY")
    page.get_by_label("Data").select_option(data.name)
    page.get_by_label("Timeframe").fill("7 moons")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#form-error")).to_contain_text("timeframe")
    assert not Study.objects.exists()
    page.get_by_label("Timeframe").fill("30")
    page.get_by_label("Exits").fill("stop at 1")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#form-error")).to_contain_text("Exits: JSON like")
    page.get_by_label("Exits").fill('{"stop": {"value": 0.01}}')
    page.get_by_label("Sets to try").select_option("optuna")
    page.get_by_label("How many sets").fill("18")
    page.get_by_label("Walk-forward").select_option("rolling")
    page.get_by_label("Folds").fill("3")
    page.get_by_label("Purged days").fill("2")
    page.locator('[name="breakout_consolidation.max_width"]').fill("0.5:4")
    expect(page.locator("#count")).to_have_text("up to 18 runs")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/backtests/\d+$"))
    expect(page.locator("#progress-text")).to_have_text("0 of 18 runs")
    expect(page.get_by_text("18 sets chosen by Optuna")).to_be_visible()
    spec = Study.objects.get().spec
    assert (spec["split"]["folds"], spec["split"]["purge_days"], spec["search"]["kind"]) == (3, 2, "optuna")
    assert spec["fixed"]["exits"]["stop"]["value"] == 0.01


def test_a_campaign_is_looked_into_day_by_day(page: Page, web: Web, data: Path, tmp_path):
    document = {
        "name": "days", "kind": "campaign", "symbol": "SPY", "timeframe": "30", "data": str(data),
        "end": "2024-01-16", "grids": {"ema": {"period_1": [2, 3], "period_2": [5]}},
    }  # fmt: skip
    study = services.create_study(user=None, document=document)
    work_off(study)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, web)
    page.goto(f"{web.url}/backtests/{study.pk}")
    page.get_by_role("link", name="2024-01-12", exact=True).click()
    expect(page.get_by_role("heading", name="Runs on this day")).to_be_visible()
    page.locator('a[rel="prev"]').click()
    expect(page.get_by_role("heading", name="2024-01-11")).to_be_visible()
    page.screenshot(path=str(tmp_path / "day.png"), full_page=True)
    page.locator("#runs tbody a").first.click()
    expect(page.get_by_role("heading", name="Day by day")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="Report of all days").click()
    expect(page.locator("#equity canvas").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".zip")
