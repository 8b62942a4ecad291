"""Options in a real browser: the panel's contract and why, buttons that tell what became of a wish, and the chain."""

import re
import time
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Page, expect

from infra.redis import keys
from strategies.services import create_ticker
from tests.browser.conftest import sign_in
from tests.browser.test_live_page import until
from tests.engine.options.world import OptionWorld
from trading.journal.ledger import Projection
from trading.models import Book, CommandRecord
from trading.services import start_strategy

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def panel(page: Page, web):
    """Signed in, with a book that has chosen a put today."""
    create_ticker(user=None, strategy="zero_dte", symbol="SPX", timeframe="1", quantities={"paper": "1"})
    start_strategy(user=None, strategy="zero_dte")
    world = OptionWorld()
    world.bought(-1)
    chosen = [event for event in world.out if type(event).__name__ == "ContractChosen"]
    Projection(Book.objects.get(), bar_of=lambda *_: None).apply(chosen)
    sign_in(page, web)
    found = page.locator("#options")
    expect(found).to_be_visible()
    return found


def asked(count: int) -> CommandRecord:
    until(lambda: CommandRecord.objects.count() == count, what="a command")
    return CommandRecord.objects.all()[0]


def test_the_contract_is_shown_with_its_chain_and_a_wish_is_answered_with_the_truth(panel, tmp_path: Path):
    expect(panel).to_contain_text("SPXW 261127P06000000")
    expect(panel).to_contain_text("strike nearest to 6000")
    panel.locator("summary").click()
    row = panel.get_by_role("row").filter(has=panel.page.get_by_role("rowheader", name="6,000.00"))
    expect(row.locator("td[data-chosen=yes]")).to_have_count(1)

    panel.get_by_role("button", name="Call SPX by zero_dte").click()
    answer = panel.get_by_role("status")
    expect(answer).to_contain_text("is sent. The trader has not answered yet.")
    record = asked(1)
    assert (record.payload["target"], record.payload["symbol"]) == (1, "SPX")
    CommandRecord.objects.update(state="accepted", detail="an option is being chosen, the order follows")
    expect(answer).to_contain_text("is accepted. an option is being chosen")
    CommandRecord.objects.update(outcome="filled", detail="bought 1 SPXW  261127C06000000 at 6.7")
    expect(answer).to_contain_text("done: bought 1 SPXW 261127C06000000 at 6.7")

    panel.get_by_role("button", name="Put SPX by zero_dte").click()
    asked(2)
    CommandRecord.objects.filter(outcome="").update(state="refused", detail="the book is halted: news")
    expect(answer).to_contain_text("refused: the book is halted: news")
    panel.page.screenshot(path=tmp_path / "options.png", full_page=True)


def test_a_chain_moves_with_the_index_and_says_what_would_be_chosen_on_a_desk_and_on_a_phone(
    page: Page, web, redis_url, tmp_path: Path
):
    def index_is_at(price: float) -> None:
        with redis.Redis.from_url(redis_url) as client:
            client.hset(keys.quote("SPX"), mapping={"last": price, "ts": time.time_ns()})

    sign_in(page, web)
    page.get_by_role("link", name="Options").click()
    expect(page.get_by_role("heading", name="Options on SPX")).to_be_visible()
    expect(page.locator("#chain-problem")).to_have_text("SPX has no price yet, so its options have none")
    expect(page.locator("#chain-state")).to_have_text("unknown")

    index_is_at(6001.0)
    money = page.locator("tr[data-money=yes]")
    expect(money.get_by_role("rowheader")).to_have_text("6,000")
    expect(page.locator("#chain-rows tr")).to_have_count(21)
    expect(page.locator("#chain-problem")).to_be_hidden()
    expect(page.locator("#chain-spot")).to_contain_text("6,001.00")
    expect(page.locator("#chain-quotes")).to_contain_text("model: volatility 0.15")
    expect(page.locator("#chain-state")).to_have_text(re.compile("open|closed"))
    bid = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="6,000")).locator("td").nth(6)
    before = bid.inner_text()
    page.screenshot(path=tmp_path / "chain-desk.png", full_page=True)
    index_is_at(6031.0)
    expect(money.get_by_role("rowheader")).to_have_text("6,030")
    expect(bid).not_to_have_text(before)

    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    expect(money).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the side"
    page.screenshot(path=tmp_path / "chain-phone.png", full_page=True)
