"""The demo's records: its account, its feed, its tickers, and its strategies already running."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, call_command

from brokers import logins
from brokers import services as brokers
from brokers.models import BrokerAccount
from marketdata.services import save_feed
from strategies.models import Ticker
from strategies.services import create_ticker
from trading.live_mode import live_book
from trading.manual_entry import MANUAL
from trading.models import Run
from trading.services import paper_book, start_strategy
from users.models import User
from users.services import create_demo_user

FEED = "dxlink"
ACCOUNT, ACCOUNT_NUMBER = "tasty-demo", "5WT00001"  # of the rehearsal, as the simulator knows it
LOGIN = json.dumps({"refresh_token": "demo", "client_secret": "demo"})  # the simulator's: it accepts any

# Short averages on small bars, so that a newcomer sees trades within a minute or two.
TICKERS: tuple[dict[str, Any], ...] = (
    {"symbol": "/MES", "timeframe": "10t", "params": {"period_1": 3, "period_2": 8}, "quantity": "1"},
    {"symbol": "/MNQ", "timeframe": "15t", "params": {"period_1": 5, "period_2": 13}, "quantity": "1"},
    {"symbol": "SPY", "timeframe": "1", "params": {"period_1": 9, "period_2": 21}, "quantity": "10"},
    {"symbol": "QQQ", "timeframe": "12t", "params": {"period_1": 4, "period_2": 9}, "quantity": "10"},
)

OPTIONS: dict[str, Any] = {
    "strategy": "zero_dte", "symbol": "SPX", "timeframe": "1", "params": {"period_1": 3, "period_2": 8},
    "quantities": {"paper": "1"},
}  # fmt: skip


class Command(BaseCommand):
    """Safe to run at every start: what a person has changed since stays as it is."""

    help = (
        "Makes the records of the demo: account, feed, tickers; starts the EMA crossover and orders by hand, on paper "
        "unless --live."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--api-url", required=True, help="where the synthetic market answers")
        parser.add_argument("--live", action="store_true", help="rehearse live mode at the simulated broker")

    def handle(self, *args: Any, api_url: str, live: bool = False, **options: Any) -> None:
        user, _ = create_demo_user()
        options = {"truth": {"sessions": "always"}}  # the synthetic market never closes
        save_feed(name=FEED, kind="dxlink", api_url=api_url, token=LOGIN, options=options, is_default=True)
        if live:
            self._open_the_locks(user)
        if not Ticker.objects.filter(strategy="ema").exists():
            self._make_tickers(user, ACCOUNT if live else "paper")
        if not live:
            self._offer_options(user)
        for name in ("ema", MANUAL):
            if not Run.objects.filter(strategy=name).exists():
                start_strategy(user=user, strategy=name, live_mode=live)
        self.stdout.write("The demo is set up")

    def _open_the_locks(self, user: User) -> None:
        """What a person does before real money: log in at the broker, arm the account, certify the strategy."""
        logins.connect_with_grant(broker="tastytrade", refresh_token="rehearsal")  # noqa: S106 - the simulator's
        account, _ = BrokerAccount.objects.get_or_create(
            name=ACCOUNT, defaults={"broker": "tastytrade", "mode": "live", "account_number": ACCOUNT_NUMBER}
        )
        book = live_book()
        if not book.execution:
            book.execution = {"sessions": "always"}  # the synthetic market never closes
            book.save(update_fields=["execution"])
        if not account.is_armed:
            brokers.arm(user=user, account=account)
        call_command("certify", "ema", stdout=self.stdout)

    def _offer_options(self, user: User) -> None:
        """Options that expire today, ready to be started; prices of contracts are a model's."""
        if Ticker.objects.filter(strategy=OPTIONS["strategy"]).exists():
            return
        create_ticker(user=user, **OPTIONS)
        book = paper_book()
        if not book.execution:
            book.execution = {"chains": "synthetic"}
            book.save(update_fields=["execution"])

    def _make_tickers(self, user: User, account: str) -> None:
        for ticker in TICKERS:
            create_ticker(
                user=user,
                strategy="ema",
                symbol=ticker["symbol"],
                timeframe=ticker["timeframe"],
                params=ticker["params"],
                quantities={account: ticker["quantity"]},
            )
