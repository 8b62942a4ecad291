"""Records for the soak: a feed that connects to the given address, and what it carries."""

import sys

import django

django.setup()

from benchmarks.pipeline import names  # noqa: E402  needs the setup above
from marketdata.services import save_feed, set_wanted  # noqa: E402

TIMEFRAMES = ("1", "5", "144t")


def main(url: str, symbols: int) -> None:
    options = {
        "url": url,
        "prints": "time_and_sale",
        "quotes": False,
        "profile": False,
        "truth": {"sessions": "always"},
    }
    save_feed(name="soak", kind="dxlink", token="soak", options=options, is_default=True)
    set_wanted(feed="soak", pairs=[(symbol, timeframe) for symbol in names(symbols) for timeframe in TIMEFRAMES])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
