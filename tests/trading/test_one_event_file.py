"""One file of prints through the backtest, the paper loop and the repetition of what the loop recorded: one result."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management import call_command

from engine.model.event import Event
from engine.model.market import Bar
from engine.model.time import NS_PER_S
from infra.redis.client import aclose_clients, async_client
from marketdata.files.ticks import read_ticks
from marketdata.publisher import Publisher
from strategies.services import create_ticker
from tests.integration.market import Market
from tests.trading.test_rerun import live
from trading.models import JournalEvent, Order, Trade
from trading.rerun import repeat
from trading.services import start_strategy

pytestmark = pytest.mark.django_db(transaction=True)

SYMBOL = "/MES"
START = 1_795_000_000 * NS_PER_S
COUNT = 900


@pytest.fixture
def prints(tmp_path: Path) -> Path:
    path = tmp_path / "prints.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("ts", "price", "size"))
        for n in range(COUNT):
            price = round((5000 + 8 * math.sin(n / 17) + 5 * math.sin(n / 41)) * 4) / 4
            rows.writerow((START + n * NS_PER_S // 2, price, 1 + n % 3))
    return path


def published(path: Path, timeframe: str) -> list[Event]:
    """What the feed's publisher makes of the prints, one at a time, as the streams hold it."""

    async def publish() -> None:
        publisher = Publisher(async_client(settings.REDIS_URL), feed="file")
        await publisher.carry([(SYMBOL, timeframe)], resumes=True)
        for tick in read_ticks(path, SYMBOL).ticks():
            publisher.ingest([tick])
            await publisher.flush()
        await publisher.close()
        await aclose_clients()

    async_to_sync(publish)()
    return Market(SYMBOL, timeframe).published()


def backtested(path: Path, timeframe: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    call_command(
        "backtest", "--data", str(path), "--symbol", SYMBOL, "--timeframe", timeframe, "--param", "period_1=2",
        "--param", "period_2=5", "--quantity", "2", "--json",
    )  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    assert len(document["trades"]) > 5
    return list(document["trades"])


def told(trade: Trade) -> tuple[Any, ...]:
    price = (trade.entry_price.normalize(), trade.exit_price.normalize())
    return trade.side, trade.entry_reason, trade.exit_reason, *price, trade.pnl.normalize()


@pytest.mark.parametrize("timeframe", ["5t", "10s"])
def test_backtest_paper_and_repetition_come_to_the_same_trades(redis_url, prints, capsys, timeframe):
    create_ticker(
        user=None, strategy="ema", symbol=SYMBOL, timeframe=timeframe, params={"period_1": 2, "period_2": 5},
        quantities={"paper": "2"}, exits={},
    )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    events = published(prints, timeframe)
    bars = [event for event in events if isinstance(event, Bar)]
    assert len(bars) > 40
    expected = backtested(prints, timeframe, capsys)

    live(events, token=1)
    traded = list(Trade.objects.order_by("id"))
    fields = ("side", "entry_reason", "exit_reason")
    assert [told(trade)[:3] for trade in traded] == [tuple(trade[name] for name in fields) for trade in expected]
    money = ("entry_price", "exit_price", "pnl")
    assert [tuple(f"{value:f}" for value in told(trade)[3:]) for trade in traded] == [
        tuple(trade[name] for name in money) for trade in expected
    ]

    found = repeat("paper")
    assert found.is_equal
    assert found.outputs["ApprovedOrder"] == Order.objects.count()
    assert sum(found.outputs.values()) == JournalEvent.objects.count()
