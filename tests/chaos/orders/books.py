"""The rows of the campaign: a book, its account and its run, one of each per run."""

import random
import time
import uuid
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from brokers.logins import connect_with_grant
from brokers.models import BrokerAccount
from engine.model.commands import StopSlot
from tests.chaos.orders.venue import number_of as number
from trading.models import Book, Run
from trading.services import send

TIMEFRAME = "10t"
UNIT = 6  # shares or contracts that a strategy holds at most
QUICK: dict[str, Any] = {
    "sessions": "always", "answer_s": 1.5, "never_came_after_s": 0.8, "confirm_cancel_s": 0.2, "poll_s": 0.5,
    "check_every_s": 1.5, "recheck_s": 0.1,
}  # fmt: skip
STOP = {"stop": {"value": 0.0004}}
PAIR = {**STOP, "targets": [{"distance": {"value": 0.0004}}]}
MOVING = {**STOP, "break_even": {"after": {"value": 0.00001}}}

__all__ = ["TIMEFRAME", "UNIT", "finish", "make", "name", "number", "prepare"]


def prepare(url: str, stream: str) -> None:
    """An empty database with a login at the venue."""
    call_command("migrate", verbosity=0, interactive=False)
    settings.VENUES["tastytrade"] |= {"api_url": url, "stream_url": stream}
    connect_with_grant(broker="tastytrade", refresh_token="chaos")


def name(run: int) -> str:
    """The book of a run."""
    return f"live-{run}"


def make(run: int, rng: random.Random) -> str:
    """The rows of one run; the book's name. Asked again after an answer that was lost, it is made already."""
    if not Book.objects.filter(name=name(run)).exists():
        with transaction.atomic():
            _make(run, rng)
    return name(run)


def _make(run: int, rng: random.Random) -> None:
    account = BrokerAccount.objects.create(
        broker="tastytrade", name=f"acct-{run}", mode="live", account_number=number(run), enabled=True, is_armed=True
    )
    book = Book.objects.create(name=name(run), mode=Book.Mode.LIVE, execution=QUICK)
    slot = {
        "strategy": "ema",
        "symbol": rng.choice(("SPY", "/MES")),
        "timeframe": TIMEFRAME,
        "params": {"period_1": 1, "period_2": 2},
        "quantities": {account.name: str(UNIT)},
        "exits": rng.choice((None, STOP, PAIR, MOVING, MOVING)),
    }
    Run.objects.create(book=book, strategy="ema", slots=[slot])
    from strategies.models import Ticker

    Ticker.objects.get_or_create(
        strategy="ema", symbol=slot["symbol"], timeframe=TIMEFRAME, defaults={"params": {}, "quantities": {}}
    )


def has_stops(book: str) -> bool:
    """Whether orders of the book may trade at any moment, also after its process has come to rest."""
    return any(slot["exits"] for run in Run.objects.filter(book__name=book) for slot in run.slots)


def finish(book: str, *, flatten: bool) -> None:
    """No entries from now on; close what is held, if asked to."""
    row = Book.objects.get(name=book)
    command = StopSlot(ts=time.time_ns(), command_id=uuid.uuid4().hex, strategy="ema", flatten=flatten)
    send(book=row, command=command, user=None)
