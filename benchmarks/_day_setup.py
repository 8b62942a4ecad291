"""Records for the day: a feed of the simulated venue, whose clock runs so fast, and what it carries."""

import sys

import django

django.setup()

from benchmarks._soak_setup import TIMEFRAMES  # noqa: E402  needs the setup above
from benchmarks.pipeline import names  # noqa: E402
from marketdata.services import save_feed, set_wanted  # noqa: E402

SECRET = '{"refresh_token": "r", "client_secret": "c"}'


def main(url: str, symbols: int, speed: float) -> None:
    options = {"speed": speed, "truth": {"sessions": "always"}}
    save_feed(name="soak", kind="dxlink", api_url=url, token=SECRET, options=options, is_default=True)
    set_wanted(feed="soak", pairs=[(symbol, timeframe) for symbol in names(symbols) for timeframe in TIMEFRAMES])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
