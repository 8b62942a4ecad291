"""Records for the day: a feed of the simulated venue, whose clock runs so fast, what trades on it, and a viewer."""

import sys

import django

django.setup()

from benchmarks._login import logged_in  # noqa: E402  needs the setup above
from benchmarks.pipeline import names  # noqa: E402
from marketdata.services import save_feed  # noqa: E402
from strategies.services import create_ticker  # noqa: E402
from trading.services import start_strategy  # noqa: E402

SECRET = '{"refresh_token": "r", "client_secret": "c"}'
TIMEFRAMES = {"ema": "1", "supertrend": "5", "triple_ema": "144t"}
EXITS = {"stop": {"value": 0.01}, "trailing": {"value": 0.005}, "max_hold_s": 14_400}


def main(url: str, symbols: int, speed: float) -> str:
    """Every strategy trades every symbol on paper. The supervisor finds it all and starts the feed and the trader."""
    options = {"speed": speed, "truth": {"sessions": "always"}}
    save_feed(name="soak", kind="dxlink", api_url=url, token=SECRET, options=options, is_default=True)
    for strategy, timeframe in TIMEFRAMES.items():
        for symbol in names(symbols):
            traded = {"symbol": symbol, "timeframe": timeframe, "quantities": {"paper": "10"}, "exits": EXITS}
            create_ticker(user=None, strategy=strategy, **traded)
        start_strategy(user=None, strategy=strategy)
    return logged_in()


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
