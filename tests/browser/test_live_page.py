"""The live page in a real browser, on a scripted market and ledger."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import redis
from django.utils import timezone
from playwright.sync_api import Page, expect

from brokers import notices, tokens
from brokers.models import BrokerToken
from infra.redis import keys
from strategies.models import Ticker
from tests.browser.conftest import Web, fill_in_the_login, sign_in
from tests.browser.scripted import ScriptedLedger, ScriptedMarket
from tests.waiting import DEADLINE_S
from trading.models import CommandRecord, Run
from users.models import User

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLOTS = [{"symbol": "/MES", "timeframe": "144t"}, {"symbol": "SPY", "timeframe": "30t"}]


@pytest.fixture
def store(redis_url) -> redis.Redis:
    return redis.Redis.from_url(redis_url, decode_responses=True)


@pytest.fixture
def market(store) -> ScriptedMarket:
    market = ScriptedMarket(store, symbol="/MES", ticks=144, tick_size=0.25, base=5012.0)
    market.history(60)
    return market


@pytest.fixture
def ledger(web, store) -> ScriptedLedger:
    for slot in SLOTS:
        Ticker.objects.create(strategy="ema", **slot, params={"period_1": 9, "period_2": 21}, quantities={"paper": "2"})
    ledger = ScriptedLedger(store, user=User.objects.get(), slots=SLOTS)
    states: dict[str, dict[str, object]] = {
        "ema:/MES": {"state": "ready"},
        "ema:SPY": {"state": "warming", "have": 37, "need": 50},
    }
    ledger.sign_of_life(**states)
    return ledger


@pytest.fixture
def shown(page: Page, web, market, ledger) -> Page:
    """Signed in, with the chart drawn."""
    sign_in(page, web)
    until(lambda: bars(page) == 60, what="60 bars")
    return page


def until(is_met: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_met():
        assert time.monotonic() < deadline, f"no {what} within {DEADLINE_S:g} s"
        time.sleep(0.05)


def bars(page: Page) -> int:
    return int(page.locator("#chart").get_attribute("data-bars") or 0)


def markers(page: Page) -> int:
    return int(page.locator("#chart").get_attribute("data-markers") or 0)


def price(page: Page) -> float:
    return float(page.locator("#last-price").inner_text().replace(",", "").replace("–", "nan"))


def test_the_price_moves_a_trade_is_marked_and_its_profit_ticks(shown: Page, market, ledger, tmp_path: Path):
    before = price(shown)
    for _ in range(30):
        market.tick()
    until(lambda: price(shown) == market.price, what="last price")
    assert price(shown) != before
    expect(shown.locator("#filling-text")).to_have_text("30/144 · 20.8 % full")

    ledger.enter("/MES", 2, Decimal(str(market.price)))
    until(lambda: markers(shown) == 1, what="entry marker")
    profit = shown.locator("#positions tbody td").last
    expect(shown.locator("#positions tbody")).to_contain_text("/MES long 2")
    expect(profit).to_have_text("0.00")
    entered = market.price
    while market.price <= entered:
        market.tick()
    expected = (Decimal(str(market.price)) - Decimal(str(entered))) * 2 * 5
    expect(profit).to_have_text(f"+{expected:,.2f}")
    expect(shown.locator("#total-open")).to_have_text(f"+{expected:,.2f}")

    shown.screenshot(path=tmp_path / "live-page.png")
    assert (tmp_path / "live-page.png").stat().st_size > 20_000


def test_a_bar_that_closes_is_one_bar_more(shown: Page, market):
    for _ in range(2 * market.ticks):
        market.tick()
    until(lambda: bars(shown) == 62, what="two more bars")


def test_a_closed_trade_appears_with_its_profit_and_reason(shown: Page, market, ledger):
    entry = ledger.enter("/MES", 2, Decimal("5000.25"))
    ledger.leave(entry, 2, Decimal("5004.25"), multiplier=Decimal(5), reason="EMA 9 crossed below EMA 21")
    row = shown.locator("#trades tbody tr").first
    expect(row).to_contain_text("+37.52")
    expect(row).to_contain_text("EMA 9 crossed below EMA 21")
    expect(shown.locator("#total-pnl")).to_have_text("+37.52")
    until(lambda: markers(shown) == 2, what="exit marker")


def test_any_trade_opens_with_its_reasons(shown: Page, ledger):
    entry = ledger.enter("/MES", 2, Decimal("5000.25"))
    ledger.leave(entry, 2, Decimal("5004.25"), multiplier=Decimal(5), reason="EMA 9 crossed below EMA 21")
    shown.get_by_role("button", name="/MES: why this trade").click()
    dialog = shown.get_by_role("dialog")
    expect(dialog).to_contain_text("+37.52")
    expect(dialog).to_contain_text("EMA 9 crossed above EMA 21")
    expect(dialog).to_contain_text("ema(close,9) = 5012.137")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_slot_that_warms_up_says_how_far_it_is(shown: Page):
    expect(shown.locator("#strategies")).to_contain_text("warming 37/50")


def test_the_symbol_can_be_switched_and_the_address_keeps_it(shown: Page, store):
    other = ScriptedMarket(store, symbol="SPY", ticks=30, tick_size=0.01, base=612.5)
    other.history(25)
    shown.get_by_label("Symbol").select_option("SPY")
    until(lambda: bars(shown) == 25, what="bars of SPY")
    assert price(shown) == pytest.approx(other.price)
    shown.reload()
    until(lambda: bars(shown) == 25, what="bars of SPY again")
    expect(shown.get_by_label("Symbol")).to_have_value("SPY")


def test_stopping_asks_first_and_then_reaches_the_trader(shown: Page, ledger):
    shown.get_by_role("button", name="Stop ema").click()
    expect(shown.get_by_role("dialog")).to_contain_text("It opens nothing new")
    shown.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert Run.objects.get().state == Run.State.RUNNING
    shown.get_by_role("button", name="Stop ema").click()
    shown.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(shown.get_by_role("button", name="Start ema")).to_be_visible()
    assert Run.objects.get().state == Run.State.STOPPED
    assert CommandRecord.objects.get().kind == "StopSlot"


def test_a_halt_is_seen_at_once_and_can_be_ended(shown: Page, ledger):
    shown.get_by_role("button", name="Halt").click()
    shown.get_by_role("dialog").get_by_role("button", name="Halt").click()
    expect(shown.locator("#health-halt")).to_contain_text("halted")
    shown.get_by_role("button", name="Resume").click()
    expect(shown.locator("#health-halt")).to_contain_text("allowed")


def test_what_the_server_refuses_is_said_in_its_words(shown: Page):
    shown.get_by_role("button", name="Flatten all").click()
    shown.get_by_role("dialog").get_by_role("button", name="Flatten").click()
    expect(shown.locator("#toasts")).to_contain_text("there is nothing to flatten")


def test_a_dead_trader_and_a_stale_feed_are_alarms(shown: Page, store):
    expect(shown.locator("#health-feed")).to_contain_text("fresh")
    expect(shown.locator("#chart-note")).to_contain_text("from dxlink")
    store.delete(keys.heartbeat("trader:paper"))
    store.hset(keys.feed_state("/MES"), mapping={"state": "stale", "reason": "no print for 30 s"})
    expect(shown.locator("#health-trader")).to_contain_text("no process")
    expect(shown.locator("#health-feed")).to_contain_text("/MES stale")
    expect(shown.locator("#alerts")).to_contain_text("no print for 30 s")
    expect(shown.locator("#chart-note")).to_contain_text("Feed stale")


def test_a_cut_connection_shows_and_heals_without_a_reload(shown: Page, market, web: Web):
    expect(shown.locator("#health-connection")).to_contain_text("connected")
    web.stop()
    expect(shown.locator("#health-connection")).to_contain_text("reconnecting")
    expect(shown.get_by_role("alert")).to_contain_text("reconnects by itself")
    BrokerToken.objects.create(broker="schwab", state=BrokerToken.State.DEAD, last_error="connect the account again")
    web.start()
    expect(shown.locator("#health-connection")).to_contain_text("connected")
    market.tick()
    until(lambda: price(shown) == market.price, what="price after the cut")
    expect(shown.locator("#logins")).to_contain_text("Charles Schwab must be connected again")


def test_a_session_that_ended_leads_to_the_sign_in_and_back(shown: Page, web: Web):
    shown.context.clear_cookies()
    web.stop()
    web.start()
    shown.wait_for_url("**/login?next=**")
    fill_in_the_login(shown, web)
    until(lambda: bars(shown) == 60, what="60 bars after the sign-in")


def test_a_phone_shows_everything_without_scrolling_sideways(shown: Page):
    for width in (390, 360):
        shown.set_viewport_size({"width": width, "height": 844})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Positions", "Strategies", "Alerts", "Last trades", "Decisions"):
        expect(shown.get_by_role("heading", name=name)).to_be_visible()
    box = shown.locator("#chart canvas").first.bounding_box()
    assert box is not None
    assert box["width"] > 200


def test_both_themes_are_readable_and_the_choice_is_kept(shown: Page):
    shown.emulate_media(color_scheme="light")
    light = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    shown.get_by_role("button", name="Switch between light and dark").click()
    dark = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    shown.reload()
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    for theme in ("dark", "light"):
        shown.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        assert shown.evaluate(CONTRAST) == []


# Texts whose contrast with what is behind them is below 4.5 : 1 (WCAG 2.2, AA).
CONTRAST = """() => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const weak = [];
  for (const node of document.querySelectorAll('body *')) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!hasText || !node.checkVisibility() || node.closest('script, .tv-lightweight-charts, :disabled')) continue;
    const [one, two] = [luminance(getComputedStyle(node).color), luminance(behind(node))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) weak.push(`${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return weak;
}"""


def test_logins_show_their_countdown_and_call_for_a_person_at_once(shown: Page, tmp_path: Path):
    expect(shown.locator("#health-logins-item")).to_be_hidden()
    weekly = BrokerToken.objects.create(
        broker="schwab", state="connected", refresh_expires_at=timezone.now() + timedelta(days=6, minutes=5)
    )
    notices.notify(broker="schwab", login="main", level="info", text="the login works")
    expect(shown.locator("#health-logins")).to_contain_text("Charles Schwab 6 days")
    expect(shown.locator("#logins")).to_be_hidden()
    BrokerToken.objects.update(refresh_expires_at=timezone.now() + timedelta(hours=3, minutes=30))
    notices.notify(broker="schwab", login="main", level="error", text="the login ends in 3 hours")
    expect(shown.locator("#logins")).to_contain_text("ends in 3 hours 29 minutes. Connect it again before that.")
    tokens._die(weekly, "connect the account again")
    expect(shown.locator("#logins")).to_contain_text("Charles Schwab must be connected again")
    shown.screenshot(path=tmp_path / "logins.png")
