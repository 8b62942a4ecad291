"""Records for the pipeline benchmark: feed, tickers, a running strategy; prints the session of a logged-in viewer."""

import json
import sys

import django

django.setup()

from benchmarks._login import logged_in  # noqa: E402  needs the setup above
from benchmarks.pipeline import TIMEFRAMES  # noqa: E402
from marketdata.services import save_feed, set_wanted  # noqa: E402
from strategies.services import create_ticker  # noqa: E402
from trading.services import start_strategy  # noqa: E402

LOGIN = json.dumps({"refresh_token": "bench", "client_secret": "bench"})  # the simulator's: it accepts any


def main(api_url: str, symbols: list[str]) -> str:
    """Every symbol in both timeframes; the EMA crossover trades the last of them on paper."""
    save_feed(name="dxlink", kind="dxlink", api_url=api_url, token=LOGIN, is_default=True)
    for symbol in symbols:
        create_ticker(user=None, strategy="ema", symbol=symbol, timeframe=TIMEFRAMES[-1], quantities={"paper": "10"})
    set_wanted(feed="dxlink", pairs=[(symbol, timeframe) for symbol in symbols for timeframe in TIMEFRAMES])
    start_strategy(user=None, strategy="ema")
    return logged_in()


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2].split(",")))
