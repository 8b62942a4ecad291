"""The bell in a real browser: a toast for what is critical, a list that remembers, and what was missed."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from infra.notices import Level, Notice, tell
from tests.browser.conftest import Web, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def notice(text: str, level: Level) -> Notice:
    return Notice("trader", level, text, "paper", key=text)


def test_what_is_told_reaches_the_page_and_what_was_missed_comes_later(page: Page, web: Web, tmp_path: Path):
    tell(notice("Told before the page was open.", Level.WARNING))
    sign_in(page, web)
    expect(page.locator("#bell-count")).to_have_text("1")

    tell(notice("No process trades book paper.", Level.CRITICAL))
    expect(page.locator(".toast")).to_have_text("No process trades book paper.")
    expect(page.locator(".toast")).to_have_attribute("data-tone", "bad")
    expect(page.locator("#bell-count")).to_have_text("2")
    tell(notice("Prices of SPY are stale.", Level.WARNING))
    expect(page.locator("#bell-count")).to_have_text("3")
    assert page.locator(".toast").count() <= 1  # a warning makes no toast

    page.locator("#bell").click()
    rows = page.locator("#bell-list li")
    expect(rows).to_have_count(3)
    expect(page.locator("#bell-count")).to_be_hidden()
    page.screenshot(path=tmp_path / "bell.png")
    rows.filter(has_text="Prices of SPY").get_by_role("button").click()
    expect(rows).to_have_count(2)

    page.goto(f"{web.url}/backtests")  # every page has it, and the state survives
    expect(page.locator("#bell-count")).to_be_hidden()
    page.locator("#bell").click()
    expect(rows).to_have_count(2)

    web.stop()
    tell(notice("While the page was away.", Level.CRITICAL))
    web.start()
    expect(page.locator("#bell-count")).to_have_text("1")

    tell(Notice("fill", Level.CRITICAL, "Book paper: ema buy 1 SPY at 500.", "paper"))
    expect(page.locator(".toast", has_text="ema buy 1 SPY")).to_have_attribute("data-tone", "")
