"""Market and Analytics in a real browser: a symbol is found, moves and grows old; what was earned is broken down."""

from datetime import timedelta
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
from tests.trading.people import NOON, trade

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def market(web: Web, redis_url: str) -> ScriptedMarket:
    """A feed that carries /MES, and two movers."""
    store = redis.Redis.from_url(redis_url, decode_responses=True)
    save_feed(name="dxlink", kind="dxlink", api_url="http://x")
    market = ScriptedMarket(store, symbol="/MES", ticks=144, tick_size=0.25, base=5012.0)
    market.history(20)
    store.set(keys.heartbeat("feed:dxlink"), msgspec.json.encode({"feed": "dxlink"}))
    store.hset(keys.feed_state("/MES"), mapping={"timeframes": '{"144t": {"state": "fresh"}}'})
    for event in (
        MoverDetected(1, "TSLA", "fast", 1, 420.5, 0.0123),
        MoverDetected(2, "KO", "slow", 0, 70.25, 0.0, 4.5),
    ):
        store.xadd(keys.movers(), {"e": codec.encode(event), "feed": "dxlink"})
    return market


def test_a_symbol_is_watched_until_it_is_old_and_what_was_earned_is_broken_down(
    page: Page, web: Web, market: ScriptedMarket, redis_url: str, tmp_path: Path
):
    sign_in(page, web)
    page.get_by_role("link", name="Market", exact=True).click()
    expect(page.locator("#fast")).to_contain_text("+1.23 %")
    expect(page.locator("#slow")).to_contain_text("4.5 ×")
    field = page.get_by_role("combobox", name="Find a symbol")
    field.fill("micro e-mini s&p")
    expect(page.get_by_role("option").first).to_contain_text("can be traded at paper")
    field.press("ArrowDown")
    field.press("Enter")
    row = page.locator("#quotes tr[data-symbol='/MES']")
    expect(row.locator(".state")).to_have_text("fresh")
    market.tick()
    expect(row).to_contain_text(f"{market.price:,.2f}")
    expect(row.locator("td").first).to_have_attribute("data-old", "no")
    row.get_by_role("button", name="Chart of /MES").click()
    expect(page.locator("#chart")).to_have_attribute("data-bars", "21")
    page.locator("#chart-close").click()
    page.get_by_role("button", name="TSLA").click()
    expect(page.locator("#quotes tr[data-symbol='TSLA']")).to_contain_text("no feed tells of it")
    expect(page.get_by_role("button", name="Chart of TSLA")).to_be_hidden()

    with redis.Redis.from_url(redis_url) as store:
        store.hset(keys.feed_state("/MES"), mapping={"state": "stale", "reason": "not connected: cut"})
    expect(row).to_contain_text("not connected: cut")
    expect(row.locator("td").first).to_have_attribute("data-old", "yes")
    expect(page.locator("#market-state")).to_have_text("0 of 2 fresh")
    on_a_phone(page, tmp_path / "market-phone.png")
    page.set_viewport_size({"width": 1400, "height": 900})

    for number in range(1, 9):
        trade(number, pnl=f"{(-1) ** number * 10 * number}", symbol="SPY" if number % 3 else "/MES", exit_reason="stop",
              strategy="ema" if number % 2 else "manual", exit_at=NOON.replace(day=number),
              entry_at=NOON.replace(day=number) - timedelta(minutes=30))  # fmt: skip
    page.goto(f"{web.url}/analytics")
    total = page.get_by_label("Total")
    expect(total).to_contain_text("40.00")
    expect(page.locator("#equity canvas").first).to_be_visible()
    page.locator("select[name=strategy]").select_option("ema")
    expect(total).to_contain_text("−160.00")
    expect(page.get_by_role("row", name="All").first).to_contain_text("−160.00")
    on_a_phone(page, tmp_path / "analytics-phone.png")


def on_a_phone(page: Page, shot: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=shot)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the side"
