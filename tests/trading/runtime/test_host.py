"""How a process takes a book over."""

import gc

import pytest
import redis
from asgiref.sync import sync_to_async

from engine.model.commands import Flatten
from strategies.services import create_ticker
from tests.waiting import DEADLINE_S
from trading import services
from trading.models import Book, CommandRecord
from trading.runtime import compose, host
from trading.runtime.runner import Ended, Runner
from trading.services import resume, start_strategy

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
    await started()
    collects = []

    async def run(runner):
        collects.append(gc.isenabled())
        return Ended.STOPPED

    monkeypatch.setattr(Runner, "run", run)
    assert await host.host("paper") == "stopped"
    assert collects == [False]
    assert gc.isenabled()


@pytest.fixture
def halts(monkeypatch):
    """Each run of a loop handles what it begins with, and ends; whether its book was halted then."""
    found: list[bool] = []

    async def run(runner):
        for delivery in await runner._inbox.take(timeout_s=DEADLINE_S):
            await runner._handle(delivery)
        found.append(runner.desk.engine.gate.is_halted)
        await runner._commit_the_rest()
        await runner._settle()
        return Ended.STOPPED

    monkeypatch.setattr(Runner, "run", run)
    return found


async def started() -> None:
    await sync_to_async(create_ticker)(
        user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": "1"}
    )
    await sync_to_async(start_strategy)(user=None, strategy="ema")


async def test_a_book_begins_halted_as_often_as_the_database_says_so(redis_url, halts):
    await started()
    book = await Book.objects.aget(name="paper")
    await Book.objects.aupdate(is_halted=True)
    await host.host("paper")
    await sync_to_async(resume)(user=None, book=book)
    await host.host("paper")
    await Book.objects.aupdate(is_halted=True)  # and Redis, which was away, has neither the key nor the command
    await host.host("paper")
    assert halts == [True, False, True]


async def test_a_command_that_was_given_while_redis_was_away_is_carried_out_at_the_next_start(
    redis_url, halts, monkeypatch
):
    def away(*_):
        raise redis.ConnectionError("Redis is away")

    await started()
    book = await Book.objects.aget(name="paper")
    with monkeypatch.context() as broken:
        broken.setattr(services, "_deliver", away)
        with pytest.raises(redis.ConnectionError):
            await sync_to_async(services.send)(book=book, command=Flatten(1, "c", "ann"), user=None)
    assert (await CommandRecord.objects.aget()).state == CommandRecord.State.SENT
    await host.host("paper")
    assert (await CommandRecord.objects.aget()).state == CommandRecord.State.ACCEPTED
