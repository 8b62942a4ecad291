"""A search for rules in a real browser: typed into the form, refused, watched, and looked into."""

import re

import pytest
from playwright.sync_api import Page, expect

from discovery import jobs, tasks
from discovery.models import MiningRun
from marketdata.files.build import write_bars
from tests.browser.conftest import Web, sign_in
from tests.discovery import world
from tests.sent import Sent

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def bars(web: Web, monkeypatch) -> str:
    """A file in the data folder with a planted pattern; no worker is there, the test does its work."""
    monkeypatch.setattr(jobs, "current_app", Sent())
    folder = web.folder / "data"
    folder.mkdir(exist_ok=True)
    write_bars(world.planted(80, seed=5), folder / "planted.parquet")
    return "planted.parquet"


def test_a_search_is_typed_in_refused_watched_and_its_rule_looked_into(page: Page, web: Web, bars: str, tmp_path):
    sign_in(page, web)
    page.get_by_role("link", name="Discovery").click()
    expect(page.get_by_text("No search yet")).to_be_visible()
    page.get_by_label("Name").fill("two bursts")
    page.get_by_label("Symbol").fill("SPY")
    page.get_by_label("Data").select_option(bars)
    for category in ("temporal", "flag", "trajectory"):
        page.get_by_label(category).uncheck()
    page.get_by_label("Sides").select_option("long")
    page.get_by_label("Depth").fill("1")
    page.get_by_label("Patterns of").fill("8")
    page.get_by_label("Gaps of patterns").fill("1-3")
    page.get_by_label("Trades at least").fill("15")
    page.get_by_label("Keep").fill("4")
    page.get_by_label("Stops, ATR", exact=True).fill("4")
    page.get_by_label("Targets, ATR").fill("none, 3")
    page.get_by_label("Trailing stops, ATR").fill("none")
    page.get_by_label("Hold at most, bars").fill("10")
    expect(page.get_by_text("2 exits for each of the best")).to_be_visible()
    page.get_by_label("Days that are searched").fill("70")
    expect(page.get_by_text("70 % of the days; what comes after them judges")).to_be_visible()
    page.get_by_label("Fees").fill("dear")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("fees")
    expect(page.get_by_label("Fees")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Fees")).to_be_focused()
    page.get_by_label("Fees").fill("none")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(re.compile(r"/discovery/\d+$"))
    run = MiningRun.objects.get()
    expect(page.locator("#state")).to_have_text("queued")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    assert tasks.mine_rules(run.pk) == "done"
    expect(page.get_by_text("1 of 4 pass.")).to_be_visible()
    assert page.locator("#stages tr").count() == 2
    page.screenshot(path=tmp_path / "search.png", full_page=True)
    page.locator(".rules a").first.click()
    expect(page.get_by_role("main").get_by_text("Best of 120 trials")).to_be_visible()
    expect(page.locator(".phases > li")).to_have_count(3)
    expect(page.locator(".phases .gap").first).to_have_text("1–3 bars later")
    expect(page.get_by_text("a rule that is discovered cannot become live")).to_be_visible()
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_contain_text("Validate")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("textbox", name="Notes").fill("seen")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Noted.")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
