"""Takes the README's picture of a running demo: signs in, waits for a trade on the chart, saves the page."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

OUT = Path(__file__).resolve().parent / "images" / "live-page.png"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    arguments = _parse()
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page(
            viewport={"width": arguments.width, "height": arguments.height},
            color_scheme=arguments.theme,
            bypass_csp=True,  # the driver evaluates what it waits for, which our pages forbid
        )
        sign_in(page, url=arguments.url, email=arguments.email, password=arguments.password)
        await_a_trade(page, within_s=arguments.wait)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=arguments.out)
        browser.close()
    print(arguments.out)


def sign_in(page: Page, *, url: str, email: str, password: str) -> None:
    page.goto(url)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#chart[data-bars]")


def await_a_trade(page: Page, *, within_s: float) -> None:
    """A closed trade in the table and its marks on the chart, on whichever symbol trades first."""
    page.wait_for_selector("#trades tr[data-trade]", timeout=within_s * 1000)
    symbol = page.locator("#trades tr[data-trade] td:nth-child(2)").first.inner_text()
    page.get_by_label("Symbol").select_option(symbol)
    drawn = "(({ bars, markers }) => bars > 20 && markers > 1)(document.getElementById('chart').dataset)"
    page.wait_for_function(drawn, timeout=within_s * 1000)
    page.wait_for_function("document.getElementById('toasts').childElementCount === 0", timeout=20_000)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--email", default="demo@fortified.local")
    parser.add_argument("--password", required=True, help="the one that ./run demo prints")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--theme", choices=("light", "dark"), default="dark")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--wait", type=float, default=180.0, help="seconds to wait for the first trade")
    return parser.parse_args()


if __name__ == "__main__":
    main()
