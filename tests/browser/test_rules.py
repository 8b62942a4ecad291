"""A promoted rule in a real browser: a toast on whichever page is open when it degrades, and its way out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from discovery.lifecycle import tracking
from discovery.models import DiscoveredRule, Promotion
from engine.rules.conditions import Compare
from engine.rules.rule import Rule
from engine.rules.temporal import Phase
from infra.notices import Level, Notice, tell
from strategies.services import create_ticker
from tests.browser.conftest import Web, sign_in
from trading.models import CommandRecord, Run, Trade
from trading.services import start_strategy

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RULE = Rule("long", (Phase((Compare("rsi(close,14)", "<", 30.0),)),))


@pytest.fixture
def rule(web) -> DiscoveredRule:
    """One that has traded on paper for forty days."""
    found = DiscoveredRule.objects.create(
        name="SPY 5 1.1", symbol="SPY", timeframe="5", side="long", text=RULE.text, state="live", version=4,
        conditions=msgspec.to_builtins(RULE), exits={"stop": {"value": 2.0, "kind": "atr"}}, trials=120,
        p_corrected=0.01,
    )  # fmt: skip
    slot = f"rules.{found.pk}"
    create_ticker(user=None, strategy=slot, symbol="SPY", timeframe="5", quantities={"paper": "1"})
    run = start_strategy(user=None, strategy=slot)
    Promotion.objects.create(
        rule=found, book=run.book, run=run, slot=slot, tag="any", exits=found.exits,
        expected={"pnl": [3.0, -2.0, 4.0, -1.0] * 15, "days": 40, "slippage": "none"},
        began_at=timezone.now() - timedelta(days=56),
    )  # fmt: skip
    return found


def lose(rule: DiscoveredRule, count: int = 60) -> None:
    """Trades that are far from what validated it."""
    promotion = Promotion.objects.get(rule=rule)
    at = [promotion.began_at + timedelta(hours=20 * n) for n in range(count)]
    Trade.objects.bulk_create(
        Trade(
            book=promotion.book, trade_id=f"t{n}", mode="paper", strategy=promotion.slot, symbol="SPY", broker="paper",
            side="long", quantity=Decimal(1), entry_at=moment, exit_at=moment + timedelta(minutes=9),
            entry_price=Decimal(500), exit_price=Decimal(498), pnl=Decimal(-2 if n % 4 else 1), fees=Decimal(0),
        )
        for n, moment in enumerate(at)
    )  # fmt: skip


def test_a_rule_that_degrades_is_told_on_any_page_and_demoted_from_its_own(page: Page, web: Web, rule, tmp_path: Path):
    tell(Notice("feed", Level.WARNING, "Told before the page was open.", "SPY"))
    page.clock.install()
    sign_in(page, web)
    page.goto(f"{web.url}/data")  # a page that has nothing to do with it
    expect(page.locator("#bell-count")).to_have_text("1")  # its socket is connected
    page.clock.pause_at(
        datetime.now(UTC) + timedelta(minutes=1)
    )  # a toast goes after a few seconds: not before we look
    lose(rule)
    tracking.score_all()
    told = f"Rule SPY 5 1.1 (rules.{rule.pk}, book paper) is worse than it was validated"
    expect(page.locator(".toast")).to_contain_text(told)
    page.clock.resume()

    page.goto(f"{web.url}/discovery/rules")
    row = page.locator(f"[data-rule-row='{rule.pk}']")
    expect(row.locator(".state").first).to_have_text("degraded")
    expect(row).to_contain_text("ill")
    page.screenshot(path=tmp_path / "rules.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=tmp_path / "rules-390.png", full_page=True)

    row.get_by_role("button", name="Demote…").click()
    dialog = page.locator("#act-dialog")
    expect(dialog).to_contain_text("Demote: SPY 5 1.1")
    dialog.get_by_label("What it holds").select_option("flatten")
    dialog.get_by_label("Why").fill("It does not keep what it promised")
    page.screenshot(path=tmp_path / "demote-390.png")
    dialog.get_by_role("button", name="Take it out of the market").click()
    page.wait_for_url(f"**/discovery/rules/{rule.pk}/life")
    expect(page.locator("main")).to_contain_text("It does not keep what it promised")
    expect(page.locator("main")).to_contain_text("Validate again")
    page.screenshot(path=tmp_path / "life-390.png", full_page=True)
    page.set_viewport_size({"width": 1400, "height": 900})
    page.screenshot(path=tmp_path / "life.png", full_page=True)
    assert Run.objects.get().state == "stopped"
    assert CommandRecord.objects.get().payload["flatten"] is True
