"""A fingerprint in a real browser: typed into the form, watched, read in its four tabs, on a phone as well."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from discovery import jobs
from discovery.models import FingerprintRun, MiningRun
from marketdata.files.build import write_bars
from tests.browser.conftest import Web, sign_in
from tests.discovery.fingerprint.markets import alternating
from tests.sent import Sent

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def sent(monkeypatch) -> Sent:
    """What the page's own process would do in a worker; here the test does it when it wants it done."""
    found = Sent()
    monkeypatch.setattr(jobs, "current_app", found)
    return found


@pytest.fixture
def data(web: Web) -> Path:
    path = web.folder / "data" / "turns.parquet"
    path.parent.mkdir(exist_ok=True)
    write_bars(alternating(24, seed=8)[0], path)
    return path


def test_a_fingerprint_is_typed_in_watched_and_read(page: Page, web: Web, data: Path, sent: Sent):
    sign_in(page, web)
    page.goto(f"{web.url}/discovery/fingerprints")
    expect(page.get_by_text("No fingerprint yet")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("both ways")
    page.get_by_label("Symbol").fill("spy")
    page.get_by_label("Data").select_option(data.name)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#form-error")).to_contain_text("strategies")
    for strategy in ("ema", "ema", "vwap_reversion"):
        page.locator("#strategy").select_option(strategy)
        page.get_by_role("button", name="Add").click()
    slow = page.locator('[data-strategy="ema"]').nth(1)
    slow.get_by_label("Name of this ema").fill("slow")
    slow.get_by_label("period_1").fill("20")
    slow.get_by_label("period_2").fill("50")
    page.get_by_label("Gap: moves").fill("3")
    page.get_by_label("Gap: share missed").fill("0.2")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/discovery/fingerprints/\d+$"))
    expect(page.locator("#state")).to_have_text("queued")
    run = FingerprintRun.objects.get()
    assert [each["name"] for each in run.spec["strategies"]] == ["ema", "slow", "vwap_reversion"]
    jobs.send(run)
    sent.play()
    expect(page.get_by_role("heading", name="What each strategy catches")).to_be_visible()
    page.get_by_role("link", name="Coverage").click()
    page.get_by_label("Show").select_option(label="Moves caught")
    expect(page.get_by_role("heading", name="Moves caught, by state of the market")).to_be_visible()
    cells = page.locator("#coverage td[data-share]")
    told = cells.evaluate_all(
        "cells => cells.map((cell) => [cell.textContent, cell.style.getPropertyValue('--share')])"
    )
    assert {f"{share} of {text}" for text, share in told if text != "–"} == {
        f"{t[:-2]}% of {t}" for t, _ in told if t != "–"
    }
    assert len({text for text, _ in told}) > 10
    page.set_viewport_size({"width": 390, "height": 844})
    for name, heading in (
        ("Overview", "The market"), ("Coverage", "Points caught, by state of the market"),
        ("Cross-strategy", "Entries that coincide"), ("Seeds", "Seeds for the miner"),
    ):  # fmt: skip
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        page.get_by_role("link", name="Export JSON").click()
    assert download.value.suggested_filename == f"seeds-{run.pk}.json"
    page.get_by_role("link", name="Mine these seeds").click()
    expect(page.get_by_label("Seeds", exact=True)).to_have_value(re.compile('"source": "fingerprint"'))
    expect(page.get_by_label("Symbol")).to_have_value("SPY")
    expect(page.get_by_label("Data")).to_have_value(data.name)
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(re.compile(r"/discovery/\d+$"))
    seeds = json.loads(Path(download.value.path()).read_text())
    mining = MiningRun.objects.get()
    assert [each["rule"] for each in mining.spec["search"]["seeds"]] == [each["rule"] for each in seeds]
    assert mining.spec["data"] == run.spec["data"]
