"""Ordering by hand in a real browser: preview, place, change, exits, cancel; the book answers without its process."""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from strategies.services import create_ticker
from tests.browser.conftest import Web, sign_in
from tests.browser.scripted import ScriptedMarket
from tests.browser.test_live_page import CONTRAST, until
from tests.trading.manual.desk import SYMBOL, PaperDesk
from trading import services
from trading.models import CommandRecord, Order, Position, Trade
from users.models import User

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOTS = Path(os.environ["SCREENSHOTS"]) if "SCREENSHOTS" in os.environ else None
Shot = Callable[[str], None]


@pytest.fixture
def paper(web: Web, redis_url) -> PaperDesk:
    """`ema` and `manual` on /MES at two accounts; the price is 5,000."""
    create_ticker(user=None, strategy="ema", symbol=SYMBOL, timeframe="144t", quantities={"paper": 1, "tastytrade": 2})
    services.start_strategy(user=User.objects.get(), strategy="manual")
    desk = PaperDesk(redis_url).alive()
    ScriptedMarket(desk.redis, symbol=SYMBOL, ticks=144, tick_size=0.25, base=5000.0).history(40)
    desk.price(5000.0)
    return desk


@pytest.fixture
def shown(page: Page, web: Web, paper: PaperDesk) -> Page:
    sign_in(page, web)
    expect(page.locator("#positions tbody")).to_contain_text("Nothing is held")
    return page


@pytest.fixture
def shot(shown: Page, tmp_path: Path) -> Shot:
    """A picture for people: kept where SCREENSHOTS says."""

    def take(name: str) -> None:
        shown.screenshot(path=(SHOTS or tmp_path) / f"{name}.png", full_page=True)

    return take


def answered(paper: PaperDesk, kind: str) -> None:
    """The book takes the next command of that kind, as its process does."""
    until(lambda: CommandRecord.objects.filter(kind=kind, state="sent").exists(), what=f"{kind} on its way")
    paper.answer()


def buy(page: Page, paper: PaperDesk, **fields: str) -> None:
    page.get_by_role("button", name="Order", exact=True).click()
    order = page.get_by_role("dialog")
    order.get_by_label("Quantity at tastytrade").fill("0")
    for label, value in fields.items():
        order.get_by_label(label.replace("_", " ")).fill(value)
    order.get_by_role("button", name="Preview").click()
    order.get_by_role("button", name="Place").click()
    expect(order).to_be_hidden()
    answered(paper, "ManualOrder")


def test_an_order_is_previewed_placed_changed_and_cancelled(shown: Page, paper: PaperDesk, shot: Shot):
    shown.get_by_role("button", name="Order", exact=True).click()
    order = shown.get_by_role("dialog")
    order.get_by_label("Type").select_option("limit")
    order.get_by_label("Limit price").fill("cheap")
    order.get_by_role("button", name="Preview").click()
    expect(order.get_by_role("alert")).to_contain_text("limit_price: A valid number is required.")
    order.get_by_label("Limit price").fill("4,990.30")
    order.get_by_role("button", name="Preview").click()
    expect(order.get_by_role("alert")).to_contain_text("on the grid of 0.25")
    order.get_by_label("Limit price").fill("4,990.25")
    order.get_by_label("Stop loss").fill("4980")
    expect(order.get_by_role("button", name="Place")).to_be_disabled()
    order.get_by_role("button", name="Preview").click()
    expect(order.locator(".plan").first).to_contain_text("buy 1 limit 4,990.25, day")
    expect(order.locator(".plan").last).to_contain_text("buy 2 limit 4,990.25, day")
    order.get_by_text("What tastytrade gets").click()
    expect(order.locator(".plan pre")).to_contain_text('"order-type": "Limit"')
    shot("order-preview")
    assert not CommandRecord.objects.filter(kind="ManualOrder").exists()

    order.get_by_role("button", name="Place").dblclick()
    expect(order).to_be_hidden()
    answered(paper, "ManualOrder")
    expect(shown.locator("#toasts")).to_contain_text("was accepted")
    assert Order.objects.count() == 2
    expect(shown.locator("#orders li")).to_have_count(2)
    expect(shown.locator("#commands")).to_contain_text("trader@example.com")

    shown.get_by_role("button", name="Change buy /MES limit").first.click()
    shown.get_by_role("dialog").get_by_label("Limit price").fill("4991")
    shown.get_by_role("dialog").get_by_role("button", name="Change").click()
    answered(paper, "ReplaceOrder")
    expect(shown.locator("#orders")).to_contain_text("limit 4,991.00")
    shot("orders-working")

    shown.get_by_role("button", name="Cancel buy /MES limit").first.click()
    shown.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    answered(paper, "CancelOrder")
    expect(shown.locator("#orders li")).to_have_count(1)

    services.halt(user=None, book=paper.book, reason="fat finger")
    shown.get_by_role("button", name="Order", exact=True).click()
    order.get_by_role("button", name="Preview").click()
    expect(order.locator(".problem").first).to_contain_text("fat finger")
    expect(order.get_by_role("button", name="Place")).to_be_disabled()


def test_a_position_shows_how_far_its_exits_are_and_takes_others(shown: Page, paper: PaperDesk, web: Web, shot: Shot):
    buy(shown, paper, Stop_loss="4990", Target="5020")
    paper.price(5000.0)
    row = shown.locator("#positions tbody tr")
    expect(row).to_contain_text("/MES long 1")
    paper.price(5005.0)
    expect(row.locator(".exits")).to_contain_text("15.00")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "25 % of the way to the target")
    expect(row).to_contain_text("+25.00")
    shot("position")

    row.get_by_role("button").click()
    dialog = shown.get_by_role("dialog")
    expect(dialog).to_contain_text("manual at paper")
    dialog.get_by_label("Stop").fill("5010")
    dialog.get_by_role("button", name="Set exits").click()
    answered(paper, "SetExits")
    expect(dialog.get_by_role("alert")).to_contain_text("was refused: stop: a price below 5005 was expected")
    expect(dialog.get_by_label("Stop")).to_have_value("5010")
    dialog.get_by_label("Stop").fill("4995")
    shot("position-dialog")
    dialog.get_by_role("button", name="Set exits").click()
    answered(paper, "SetExits")
    expect(dialog).to_be_hidden()
    expect(row.locator(".exits")).to_contain_text("4,995.00")
    assert Position.objects.get(quantity=1).stop_price == Decimal(4995)

    shown.goto(f"{web.url}/portfolio")
    total = shown.get_by_label("All accounts, paper")
    expect(total).to_contain_text("1 account, 1 position")
    expect(total).to_contain_text("+25.00")
    expect(total).to_contain_text("25,025.00")
    paper.price(5007.0)
    expect(total).to_contain_text("+35.00")
    shot("portfolio")
    shown.go_back()

    row.get_by_role("button").click()
    shown.get_by_role("dialog").get_by_role("button", name="Close it at the market").click()
    shown.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    answered(paper, "Flatten")
    paper.price(5007.0)
    expect(shown.locator("#positions tbody")).to_contain_text("Nothing is held")

    shown.locator("#trades button").click()
    expect(shown.locator("#trade-chart canvas").first).to_be_visible()
    expect(shown.locator("#trade-chart")).to_have_attribute("data-markers", "2")
    shot("trade")
    shown.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(shown.locator("#times tbody")).to_contain_text("paper")
    assert Trade.objects.get().strategy == "manual"
    shot("book")


def test_ordering_is_readable_in_both_themes_and_on_a_phone(shown: Page, paper: PaperDesk, shot: Shot):
    shown.get_by_role("button", name="Order", exact=True).click()
    order = shown.get_by_role("dialog")
    order.get_by_label("Stop loss").fill("4990")
    order.get_by_role("button", name="Preview").click()
    expect(order.locator(".plan").last).to_be_visible()
    for theme in ("dark", "light"):
        shown.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        assert shown.evaluate(CONTRAST) == []
        shot(f"order-{theme}")
    for width in (390, 360):
        shown.set_viewport_size({"width": width, "height": 844})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert order.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    shot("order-phone")
