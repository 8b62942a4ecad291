"""The page of limits in a real browser: it moves by itself."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Web, sign_in
from tests.dashboard.test_risk_page import told
from tests.trading.people import book

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_what_is_used_moves_without_a_reload(page: Page, web: Web, redis_url: str, tmp_path: Path):
    book()
    told(redis_url, ("book", "max_daily_loss", 100.0, "500"), ("book", "max_net_exposure", 42.5, None))
    sign_in(page, web)
    page.goto(f"{web.url}/risk")
    row = page.locator("#risk tbody tr").first
    expect(row).to_contain_text("100 of 500, 400 left")
    page.screenshot(path=tmp_path / "risk.png")
    told(redis_url, ("book", "max_daily_loss", 450.0, "500"))
    expect(row).to_contain_text("450 of 500, 50 left")
    expect(row.locator(".state")).to_have_attribute("data-state", "warn")
