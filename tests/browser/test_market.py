"""The market in a real browser: a symbol is found and watched, moves, and grows old before one's eyes."""

from pathlib import Path

import msgspec
import pytest
import redis
from playwright.sync_api import Page, expect

from engine.model.signals import MoverDetected
from infra import codec
from infra.redis import keys
from marketdata.services import save_feed
from tests.browser.conftest import Web, sign_in
from tests.browser.scripted import ScriptedMarket

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def store(redis_url) -> redis.Redis:
    return redis.Redis.from_url(redis_url, decode_responses=True)


def test_a_symbol_is_found_by_keyboard_moves_and_is_shown_as_old_when_its_feed_is(
    page: Page, web: Web, store, tmp_path: Path
):
    market = ScriptedMarket(store, symbol="/MES", ticks=144, tick_size=0.25, base=5012.0)
    market.history(40)
    store.set(keys.heartbeat("feed:dxlink"), msgspec.json.encode({"feed": "dxlink"}))
    store.hset(keys.feed_state("/MES"), mapping={"timeframes": '{"144t": {"state": "fresh"}}'})
    for event in (
        MoverDetected(1, "TSLA", "fast", 1, 420.5, 0.0123),
        MoverDetected(2, "KO", "slow", 0, 70.25, 0.0, 4.5),
    ):
        store.xadd(keys.movers(), {"e": codec.encode(event), "feed": "dxlink"})
    save_feed(name="dxlink", kind="dxlink", api_url="http://x")
    sign_in(page, web)
    page.get_by_role("link", name="Market", exact=True).click()
    expect(page.locator("#quotes")).to_have_text("No symbol is chosen: find one above.")
    expect(page.locator("#fast")).to_contain_text("+1.23 %")
    expect(page.locator("#slow")).to_contain_text("4.5 ×")

    field = page.get_by_role("combobox", name="Find a symbol")
    field.fill("micro e-mini s&p")
    expect(page.get_by_role("option").first).to_contain_text("can be traded at paper")
    page.screenshot(path=tmp_path / "market-search.png")
    field.press("ArrowDown")
    field.press("Enter")
    row = page.locator("#quotes tr[data-symbol='/MES']")
    expect(row.locator(".state")).to_have_text("fresh")
    expect(row).to_contain_text(f"{market.price:,.2f}")
    market.tick()
    expect(row).to_contain_text(f"{market.price:,.2f}")
    expect(row.locator("td").first).to_have_attribute("data-old", "no")

    row.get_by_role("button", name="Chart of /MES").click()
    expect(page.locator("#chart")).to_have_attribute("data-bars", "41")
    page.screenshot(path=tmp_path / "market-desk.png", full_page=True)
    page.locator("#chart-close").click()

    field.fill("SPX")
    expect(page.get_by_role("option").first).to_contain_text("An index itself cannot be bought: its options can.")
    expect(page.get_by_role("option").first).to_contain_text("no feed carries it")
    field.press("Escape")
    page.get_by_role("button", name="TSLA").click()
    expect(page.get_by_role("button", name="Chart of TSLA")).to_be_hidden()
    expect(page.locator("#quotes tr[data-symbol='TSLA']")).to_contain_text("no feed tells of it")
    expect(page.locator("#market-state")).to_have_text("1 of 2 fresh")

    store.hset(keys.feed_state("/MES"), mapping={"state": "stale", "reason": "not connected: cut"})
    expect(row).to_contain_text("not connected: cut")
    expect(row.locator("td").first).to_have_attribute("data-old", "yes")

    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(row).to_contain_text("stale")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the side"
    page.screenshot(path=tmp_path / "market-phone.png", full_page=True)
    page.get_by_role("button", name="Remove TSLA").click()
    expect(page.locator("#quotes tr")).to_have_count(1)
