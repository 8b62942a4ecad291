"""How a process takes a book over."""

import gc

import pytest
from asgiref.sync import sync_to_async

from strategies.services import create_ticker
from trading.models import Book
from trading.runtime import compose, host
from trading.runtime.runner import Ended, Runner
from trading.services import start_strategy

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_book_is_marked_before_it_is_read_so_that_no_predecessor_commits_behind_ones_back(
    redis_url, monkeypatch
):
    await Book.objects.acreate(name="idle", mode=Book.Mode.PAPER)
    tokens, load = [], compose.load

    def noting(name):
        tokens.append(Book.objects.get(name=name).fencing_token)
        return load(name)

    monkeypatch.setattr(compose, "load", noting)
    assert await host.host("idle") == "stopped"
    assert tokens == [0, 1]  # for the lease, and for what it trades


async def test_whom_a_newer_process_has_outrun_reads_nothing(redis_url, monkeypatch):
    await Book.objects.acreate(name="idle", mode=Book.Mode.PAPER)
    load, looks = compose.load, []

    def outrun(name):
        looks.append(name)
        found = load(name)
        Book.objects.filter(name=name).update(fencing_token=1_000)
        return found

    monkeypatch.setattr(compose, "load", outrun)
    assert await host.host("idle") == "lease_lost"
    assert looks == ["idle"]


async def test_the_loop_runs_without_a_collector_that_would_look_through_everything(redis_url, monkeypatch):
    await sync_to_async(create_ticker)(
        user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": "1"}
    )
    await sync_to_async(start_strategy)(user=None, strategy="ema")
    collects = []

    async def run(runner):
        collects.append(gc.isenabled())
        return Ended.STOPPED

    monkeypatch.setattr(Runner, "run", run)
    assert await host.host("paper") == "stopped"
    assert collects == [False]
    assert gc.isenabled()
