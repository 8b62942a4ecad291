"""The saved state of a book can be cleared, or its market read again, where nothing of value depends on it."""

import json
from datetime import timedelta

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.utils import timezone

from engine.model.market import Bar, FeedGap
from engine.model.signals import Signal
from engine.model.time import from_datetime, iso, to_datetime
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from marketdata.reader import StreamReader
from tests.integration.market import Market
from tests.trading.people import book
from tests.trading.runtime.test_compose import RISING, play
from tests.trading.test_book_rules import started
from trading.models import EngineState, Position
from trading.runtime import compose, host
from trading.runtime.warmup import warm_up

pytestmark = pytest.mark.django_db(transaction=True)


def shown(capsys):
    call_command("book_state", "paper", "--json")
    return json.loads(capsys.readouterr().out)


def test_clearing_forgets_the_state_and_keeps_what_is_held(redis_url, capsys):
    play(started("/MES"), RISING, "/MES")
    before = shown(capsys)
    assert (before["generation"], before["positions"]) == (0, ["ema /MES long 2"])
    call_command("book_state", "paper", "--clear", "--yes", "--json")
    after = json.loads(capsys.readouterr().out)
    assert (after["generation"], after["bytes"], after["positions"]) == (1, 0, before["positions"])
    [held] = compose.make_desk(compose.load("paper")).engine.positions
    assert held.quantity == Position.objects.get().quantity == 2


@pytest.mark.parametrize("what", [["--clear"], ["--rewind", "2026-11-20T14:30:00Z"]])
def test_neither_while_it_runs_nor_with_real_accounts_nor_without_a_yes(redis_url, what, monkeypatch):
    play(started("/MES"), RISING, "/MES")
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("book_state", "paper", *what)
    with redis.Redis.from_url(redis_url) as client:
        client.set(keys.lease("trader", "paper"), json.dumps({"owner": "host:1", "token": 1}), px=60_000)
    with pytest.raises(CommandError, match="A process trades book paper"):
        call_command("book_state", "paper", *what, "--yes")
    book("live")
    with pytest.raises(CommandError, match="trades with real accounts"):
        call_command("book_state", "live", *what, "--yes")
    assert EngineState.objects.count() == 1


def test_a_book_that_holds_something_is_not_rewound(redis_url):
    play(started("/MES"), RISING, "/MES")
    with pytest.raises(CommandError, match="holds something: flatten it first"):
        call_command("book_state", "paper", "--rewind", "2026-11-20T14:30:00Z", "--yes")


def test_a_rewound_book_reads_and_decides_again_from_that_moment(redis_url):
    market = Market("/MES", "2t")
    market.play(40)
    moment = timezone.now()
    market.play(25)
    started("/MES")
    with pytest.raises(CommandError, match="does not reach back so far"):
        call_command("book_state", "paper", "--rewind", (moment - timedelta(days=1)).isoformat(), "--yes")
    call_command("book_state", "paper", "--rewind", moment.isoformat(), "--yes")

    desk, anew = host.compose_desk(compose.load("paper"))
    assert anew.history_until == from_datetime(moment) // 1000 * 1000
    outputs, events = async_to_sync(take_up)(redis_url, desk, anew)
    bars = [event for event in events if isinstance(event, Bar)]
    assert bars, "bars were published after the moment"
    assert all(bar.ts_recv >= anew.history_until for bar in bars), (iso(bars[0].ts), to_datetime(anew.history_until))
    assert not [event for event in events if isinstance(event, FeedGap)]
    assert [event for event in outputs if isinstance(event, Signal)]


async def take_up(url, desk, anew):
    """What the process of the book does first: warm up, then read on."""
    client = async_client(url)
    try:
        await warm_up(desk.engine, host._history(client, until=anew.history_until))
        reader = StreamReader(client, book="paper", subscriptions=anew.subscriptions, cursors=anew.cursors)
        await reader.start()
        events, outputs = await reader.read(100), []
        for event in events:
            outputs += desk.handle(event)
        await reader.close()
        return outputs, events
    finally:
        await aclose_clients()
