"""The demo's records: its account, its feed, its tickers, and the strategy already running on paper."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from marketdata.services import save_feed
from strategies.models import Ticker
from strategies.services import create_ticker
from trading.models import Run
from trading.services import start_strategy
from users.models import User
from users.services import create_demo_user

FEED = "dxlink"
LOGIN = json.dumps({"refresh_token": "demo", "client_secret": "demo"})  # the simulator's: it accepts any

# Short averages on small bars, so that a newcomer sees trades within a minute or two.
TICKERS: tuple[dict[str, Any], ...] = (
    {"symbol": "/MES", "timeframe": "10t", "params": {"period_1": 3, "period_2": 8}, "quantity": "1"},
    {"symbol": "/MNQ", "timeframe": "15t", "params": {"period_1": 5, "period_2": 13}, "quantity": "1"},
    {"symbol": "SPY", "timeframe": "1", "params": {"period_1": 9, "period_2": 21}, "quantity": "10"},
    {"symbol": "QQQ", "timeframe": "12t", "params": {"period_1": 4, "period_2": 9}, "quantity": "10"},
)


class Command(BaseCommand):
    """Safe to run at every start: what a person has changed since stays as it is."""

    help = "Makes the records of the demo: account, feed, tickers; starts the EMA crossover on paper."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--api-url", required=True, help="where the synthetic market answers")

    def handle(self, *args: Any, api_url: str, **options: Any) -> None:
        user, _ = create_demo_user()
        options = {"truth": {"sessions": "always"}}  # the synthetic market never closes
        save_feed(name=FEED, kind="dxlink", api_url=api_url, token=LOGIN, options=options, is_default=True)
        if not Ticker.objects.filter(strategy="ema").exists():
            self._make_tickers(user)
        if not Run.objects.filter(strategy="ema").exists():
            start_strategy(user=user, strategy="ema")
        self.stdout.write("The demo is set up")

    def _make_tickers(self, user: User) -> None:
        for ticker in TICKERS:
            create_ticker(
                user=user,
                strategy="ema",
                symbol=ticker["symbol"],
                timeframe=ticker["timeframe"],
                params=ticker["params"],
                quantities={"paper": ticker["quantity"]},
            )
