"""The page of the whole system, started as a person starts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import FLAGS
from tests.conftest import free_port
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRADES_WITHIN_S = 180.0


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path, command="demo", port=free_port())
    try:
        stack.until_ready()
        yield stack
    finally:
        stack.stop()


def test_a_newcomer_sees_the_price_move_and_a_trade_marked(demo: Stack, chromium, tmp_path: Path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(demo.url)
        page.get_by_label("E-mail").fill(demo.email)
        page.get_by_label("Password").fill(demo.password)
        page.get_by_role("button", name="Sign in").click()

        expect(page.locator("#health-connection")).to_contain_text("connected")
        price = page.locator("#last-price")
        expect(price).not_to_have_text("–", timeout=60_000)
        expect(price).not_to_have_text(price.inner_text(), timeout=60_000)

        trade = page.locator("#trades tr[data-trade]").first
        expect(trade).to_be_visible(timeout=TRADES_WITHIN_S * 1000)
        page.get_by_label("Symbol").select_option(trade.locator("td").nth(1).inner_text())
        expect(page.locator("#chart[data-markers]:not([data-markers='0'])")).to_be_visible(timeout=60_000)
        page.screenshot(path=tmp_path / "demo.png")
        an_order_waits_and_is_cancelled(page)
        browser.close()
    assert errors == []


def an_order_waits_and_is_cancelled(page: Page) -> None:
    """By hand: previewed by the engine's copy, placed, taken by the trader's process, cancelled."""
    page.get_by_role("button", name="Order", exact=True).click()
    order = page.get_by_role("dialog")
    order.get_by_label("Instrument").select_option("SPY")
    order.get_by_label("Type").select_option("limit")
    order.get_by_label("Limit price").fill("1.25")
    order.get_by_role("button", name="Preview").click()
    expect(order.locator(".plan")).to_contain_text("buy 10 limit 1.25", timeout=20_000)
    order.get_by_role("button", name="Place").click()
    expect(page.locator("#orders")).to_contain_text("buy 10 SPY limit 1.25", timeout=20_000)
    expect(page.locator("#commands")).to_contain_text("accepted", timeout=20_000)
    page.get_by_role("button", name="Cancel buy SPY limit").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    expect(page.locator("#orders")).not_to_contain_text("SPY limit 1.25", timeout=20_000)
