"""`./run demo` from outside: a newcomer logs in, watches a paper trade open and close, and nothing stops it."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Page, expect, sync_playwright

from infra.redis import keys
from tests.browser.conftest import FLAGS
from tests.conftest import free_port
from tests.stack import Stack
from tests.waiting import DEADLINE_S
from trading.runtime.host import LEASE_TTL_S

pytestmark = pytest.mark.slow

BOOK = "paper"
TRADES_WITHIN_S = 180.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("demo"), command="demo", port=free_port())
    try:
        stack.until_ready()
        yield stack
    finally:
        stack.stop()


def call(stack: Stack, path: str, *, token: str = "", body: dict[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(
        urllib.request.Request(f"{stack.url}{path}", data, headers), timeout=DEADLINE_S
    ) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def token(demo):
    login = {"email": demo.email, "password": demo.password}
    return call(demo, "/api/login", body=login)["access"]


def test_the_banner_gives_what_a_newcomer_needs_to_log_in(demo, token):
    assert f"E-mail    {demo.email}" in demo.log
    assert f"Password  {demo.password}" in demo.log
    assert token


def test_a_paper_trade_opens_and_closes_within_three_minutes(demo, token):
    def closed() -> list[dict[str, Any]]:
        trades: list[dict[str, Any]] = call(demo, "/api/trades?strategy=ema&trade_type=paper", token=token)["results"]
        return trades

    demo.until(lambda: bool(closed()), within_s=TRADES_WITHIN_S, what="closed trade")
    trade = closed()[0]
    assert trade["entry_at"] < trade["exit_at"]
    assert trade["entry_reason"]
    assert trade["exit_reason"]


@pytest.mark.browser
def test_a_newcomer_sees_the_price_move_and_a_trade_marked(demo: Stack, chromium, tmp_path: Path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(DEADLINE_S * 1000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(demo.url)
        page.get_by_label("E-mail").fill(demo.email)
        page.get_by_label("Password").fill(demo.password)
        page.get_by_role("button", name="Sign in").click()

        expect(page.locator("#health-connection")).to_contain_text("connected")
        price = page.locator("#last-price")
        expect(price).not_to_have_text("–")
        expect(price).not_to_have_text(price.inner_text())

        trade = page.locator("#trades tr[data-trade]").first
        expect(trade).to_be_visible(timeout=TRADES_WITHIN_S * 1000)
        page.get_by_label("Symbol").select_option(trade.locator("td").nth(1).inner_text())
        expect(page.locator("#chart[data-markers]:not([data-markers='0'])")).to_be_visible()
        page.screenshot(path=tmp_path / "demo.png")
        an_order_waits_and_is_cancelled(page)
        quotes_are_fresh_and_what_was_earned_is_told(page, demo, tmp_path)
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
    expect(order.locator(".plan")).to_contain_text("buy 10 limit 1.25")
    order.get_by_role("button", name="Place").click()
    expect(page.locator("#orders")).to_contain_text("buy 10 SPY limit 1.25")
    expect(page.locator("#commands")).to_contain_text("accepted")
    page.get_by_role("button", name="Cancel buy SPY limit").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    expect(page.locator("#orders")).not_to_contain_text("SPY limit 1.25")


def quotes_are_fresh_and_what_was_earned_is_told(page: Page, demo: Stack, tmp_path: Path) -> None:
    page.goto(f"{demo.url}/market")
    quote = page.locator("#quotes tr").first
    expect(quote.locator(".state")).to_have_text("fresh")
    expect(quote.locator("td").first).to_have_attribute("data-old", "no")
    page.screenshot(path=tmp_path / "market.png")
    page.goto(f"{demo.url}/analytics")
    expect(page.get_by_role("row", name="ema").first).to_be_visible()
    expect(page.locator("#equity canvas").first).to_be_visible()
    page.screenshot(path=tmp_path / "analytics.png", full_page=True)


def test_another_process_trades_when_the_traders_are_killed(demo):
    client = redis.Redis.from_url(demo.redis_url, decode_responses=True)

    def fencing_token() -> int:
        held = client.get(keys.lease("trader", BOOK))
        return int(json.loads(str(held))["token"]) if held else 0

    demo.until(lambda: fencing_token() > 0, what="trader")
    before = fencing_token()
    os.kill(demo.pids["traders"], signal.SIGKILL)
    assert int(str(client.pttl(keys.lease("trader", BOOK)))) <= 1000 * LEASE_TTL_S, "after that it is free"
    demo.until(lambda: fencing_token() > before, what="takeover")
    client.close()
