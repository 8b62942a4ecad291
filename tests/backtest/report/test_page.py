"""The page: everything inside it, everything escaped, drawn in a real browser."""

import json
import re
import shutil
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from playwright.sync_api import Browser, sync_playwright

from backtest.report.page import page
from backtest.report.write import document_of


def test_it_needs_no_network(play):
    html = page(document_of(play(capital="10000"), benchmark=None))
    markup = re.sub(r"<script[^>]*>.*?</script>", "", html, flags=re.S)
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", markup)
    assert "createChart" in html


def test_what_others_wrote_is_escaped(play):
    document = document_of(play(), benchmark=None)
    document["title"] = "<script>alert(1)</script>"
    document["trades"][0]["exit_reason"] = "<img src=x>"
    document["prices"][0]["symbol"] = "</script><b>"
    document["groups"]["exit_reason"][0]["name"] = '"><i>'
    html = page(document)
    for dangerous in ("<script>alert(1)", "<img src=x>", "</script><b>", '"><i>'):
        assert dangerous not in html


def test_every_ratio_says_its_convention(play):
    html = page(document_of(play(), benchmark=None))
    assert 'title="Mean over standard deviation (n − 1) of daily returns, times √252; riskless rate 0."' in html
    assert html.count("Compound growth a year") >= 2  # on the figure, and in words for those without a pointer


@pytest.mark.django_db
def test_the_command_writes_page_report_and_spreadsheets(minutes, tmp_path, capsys):
    options = ["--data", str(minutes), "--symbol", "SPY", "--time-is", "open", "--json"]
    out = [tmp_path / "r.html", tmp_path / "tables", tmp_path / "deep" / "r.json"]
    call_command("backtest", *options, "--html", str(out[0]), "--csv", str(out[1]), "--report", str(out[2]))
    captured = capsys.readouterr()
    assert json.loads(captured.out)["stats"]["trades"] == json.loads(out[2].read_text())["trade_figures"]["trades"]
    assert "<title>ema on SPY, 1</title>" in out[0].read_text()
    assert (out[1] / "trades.csv").is_file()
    assert f"written: {out[0]}" in captured.err
    with pytest.raises(CommandError, match=r"benchmark: expected a symbol of the run \(SPY\) or none, found 'QQQ'"):
        call_command("backtest", *options, "--benchmark", "QQQ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_are_drawn_and_nothing_is_cut_off(play, tmp_path, browser, scheme, width):
    path = tmp_path / "report.html"
    path.write_text(page(document_of(play(capital="10000", strategies=("ema", "supertrend")), benchmark=None)))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    found, problems = context.new_page(), []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    found.goto(path.as_uri())
    for name in ("equity", "drawdown", "price", "exposure"):
        found.wait_for_selector(f"#{name} canvas")
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    ground = found.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(13, 18, 25)") is (scheme == "dark")
    found.click("#theme")
    assert found.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    assert "bars of 1" in found.inner_text("#candle-note")
    assert problems == []
    context.close()
