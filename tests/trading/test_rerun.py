"""A session through the real loop and the real journal, then once more from what was recorded of it."""

import asyncio
import json
import math
from collections.abc import Sequence

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management import CommandError, call_command

from engine.bars.expand import Expander
from engine.errors import NotFound
from engine.instruments.sessions import Session
from engine.model.commands import Flatten
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, Tick, TimeAdvanced
from engine.model.time import NS_PER_S
from strategies.library.ema import EmaCrossover
from strategies.services import create_ticker, update_ticker
from tests.waiting import DEADLINE_S
from trading.journal.writer import DatabaseJournal, last_of_recording
from trading.models import Book, JournalEvent, RecordedInputs, Run
from trading.rerun import NothingRecorded, Repetition, repeat, sentence
from trading.runtime import compose
from trading.runtime.compose import BookDesk
from trading.runtime.host import compose_desk
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.recording import RecordedWarmth, Recorder
from trading.runtime.runner import Ended, Runner
from trading.runtime.warmup import warm_up
from trading.services import start_strategy

pytestmark = pytest.mark.django_db(transaction=True)

T0 = 1_795_000_000 * NS_PER_S
SYMBOL = "/MES"


def market(count: int) -> list[Event]:
    """Prints of two waves, and their two-tick bars."""
    expander = Expander(SYMBOL, ["2t"], session=lambda ts: Session(0, 2 * T0))
    events: list[Event] = []
    for n in range(count):
        price = round((5000 + 8 * math.sin(n / 7) + 5 * math.sin(n / 17)) * 4) / 4
        tick = Tick(ts=T0 + n * NS_PER_S, symbol=SYMBOL, price=price, size=1.0, seq=2 * n + 1)
        events += [tick, *expander.on_tick(tick)]
    return events


class Counted:
    """A desk that knows how much it was given."""

    def __init__(self, desk: BookDesk) -> None:
        self._desk = desk
        self.engine = desk.engine
        self.opening = desk.opening
        self.count = 0

    def handle(self, event: Event) -> Sequence[Event]:
        self.count += not isinstance(event, TimeAdvanced)
        return self._desk.handle(event)

    def save(self) -> bytes:
        return self._desk.save()

    async def committed(self, outputs: Sequence[Event]) -> None:
        await self._desk.committed(outputs)


def live(
    events: Sequence[Event],
    *,
    token: int,
    is_killed: bool = False,
    history: Sequence[Bar] = (),
    checkpoint_s: float = 3600.0,
) -> None:
    """One loop of the book over `events`, composed as a worker would; a killed one does not commit its last second."""

    async def past(symbol: str, timeframe: str, count: int) -> Sequence[Bar]:
        return history

    async def run() -> None:
        composition = await sync_to_async(compose.load)("paper")
        made, composition = await sync_to_async(compose_desk)(composition)
        desk, recorder, inbox = Counted(made), Recorder(checkpoint_s=checkpoint_s), Inbox()
        recorder.take(await sync_to_async(compose.opening)(composition, made))
        engine = RecordedWarmth(desk.engine, recorder)
        if history:
            await warm_up(engine, past)
        journal = DatabaseJournal(book_id=composition.book_id, token=token)

        async def rewarm(symbol: str) -> None:
            engine.begin_rewarm(symbol)
            await warm_up(engine, past, symbol=symbol)

        async def show(runner: Runner) -> None:
            return

        def must_end() -> Ended | None:
            if desk.count < len(events):
                return None
            return Ended.LEASE_LOST if is_killed else Ended.STOPPED

        runner = Runner(
            desk=desk, inbox=inbox, journal=journal, cursors={}, must_end=must_end, rewarm=rewarm, show=show,
            slot_timeframes=composition.slot_timeframes, recorder=recorder,
        )  # fmt: skip

        async def deliver() -> None:
            for event in events:
                await inbox.put(Delivery(events=[event], cursors={"s": str(event.ts)}))
                await asyncio.sleep(0.002 if checkpoint_s == 0 else 0)  # many small commits, or few large ones

        await asyncio.wait_for(asyncio.gather(runner.run(), deliver()), timeout=DEADLINE_S)
        await journal.close()

    async_to_sync(run)()


@pytest.fixture
def started(redis_url):
    ticker = create_ticker(
        user=None, strategy="ema", symbol=SYMBOL, timeframe="2t", params={"period_1": 2, "period_2": 5},
        quantities={"paper": "2"}, exits={"stop": {"value": 6, "kind": "points"}},
    )  # fmt: skip
    start_strategy(user=None, strategy="ema")
    return ticker


def outputs(found: Repetition) -> int:
    return sum(found.outputs.values())


def test_a_session_repeats_itself(started):
    live(market(240), token=1)
    found = repeat("paper")
    assert found.difference is None, sentence(found.difference)
    assert outputs(found) == JournalEvent.objects.count()
    assert found.outputs["TradeClosed"] > 5
    assert found.beginnings == 1
    assert found.inputs >= 240 + 119
    assert found.code_changed == {}
    assert repeat(str(Run.objects.get().pk)).is_equal


def test_a_session_of_several_loops_with_gaps_commands_and_history_repeats_itself(started):
    """Taken over after a kill, composed again after an edit, warmed up, gapped, told to go flat."""
    events = market(400)
    bars = [event for event in events if isinstance(event, Bar)]
    live(events[40:160], token=1, is_killed=True, history=[bar for bar in bars if bar.ts < events[40].ts])
    live(events[160:300], token=2)
    update_ticker(user=None, ticker=started, trade_enabled=False)
    gap = FeedGap(ts=events[300].ts, symbol=SYMBOL, reason="trimmed")
    flat = Flatten(ts=events[301].ts, command_id="c1", by="anna")
    live([gap, *events[300:330], flat, *events[330:360]], token=3, history=[bar for bar in bars if bar.ts < gap.ts])
    update_ticker(user=None, ticker=started, trade_enabled=True)
    live(events[360:], token=4)
    found = repeat("paper")
    assert found.difference is None, sentence(found.difference)
    assert (found.beginnings, outputs(found)) == (4, JournalEvent.objects.count())
    assert found.outputs["CommandHandled"] == 1


def test_a_session_can_be_repeated_from_any_of_its_checkpoints(started):
    live(market(240), token=1, checkpoint_s=0.0)
    rows = RecordedInputs.objects.order_by("number")
    assert rows.filter(is_opening=True).count() == rows.count() > 6
    whole = repeat("paper")
    assert whole.is_equal
    assert whole.beginnings == 1  # one loop, however many checkpoints
    rows.filter(number__lt=rows.count() // 2).delete()
    part = repeat("paper")
    assert part.is_equal
    assert 0 < outputs(part) < outputs(whole)


def test_a_change_of_code_is_named_with_the_first_output_it_moves(started, monkeypatch):
    live(market(240), token=1)
    monkeypatch.setattr(EmaCrossover, "confidence", lambda self, target, values: 0.5)
    difference = repeat("paper").difference
    assert difference is not None
    first = JournalEvent.objects.filter(kind="Signal").order_by("number").first()
    assert first is not None
    assert (difference.what, difference.entry) == ("output", first.number)
    assert difference.recorded == first.payload
    assert difference.repeated == {**first.payload, "confidence": 0.5}
    assert difference.after is not None
    assert (difference.after["event"], difference.after["ts"]) == ("Bar", first.payload["bar_ts"])
    assert "after Bar /MES 2t at 20" in sentence(difference)


def test_what_follows_no_more_is_named_too(started, monkeypatch):
    live(market(240), token=1)
    monkeypatch.setattr(EmaCrossover, "on_bar", lambda self, ctx: None)
    difference = repeat("paper").difference
    assert difference is not None
    assert difference.recorded is not None
    assert (difference.recorded["event"], difference.repeated, difference.after) == ("Signal", None, None)


def test_a_state_that_the_inputs_do_not_lead_to_is_named(started):
    events = market(240)
    live(events[:200], token=1)
    RecordedInputs.objects.filter(number=last_of_recording(Book.objects.get().pk)).delete()
    live(events[200:], token=2)
    difference = repeat("paper").difference
    assert difference is not None
    assert difference.what in ("state", "output")


def test_the_command_tells_and_ends_with_a_status(started, capsys, monkeypatch):
    live(market(120), token=1)
    call_command("replay_session", "paper", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["is_equal"], document["book"], document["difference"]) == (True, "paper", None)
    call_command("replay_session", "paper")
    assert "the repetition equals the session" in capsys.readouterr().out
    monkeypatch.setattr(EmaCrossover, "confidence", lambda self, target, values: 0.5)
    with pytest.raises(CommandError, match="exited with code 1"):
        call_command("replay_session", "paper")
    assert "first difference after Bar /MES 2t" in capsys.readouterr().out


def test_what_was_not_recorded_is_said(started):
    with pytest.raises(NothingRecorded, match="nothing was recorded of book paper"):
        repeat("paper")
    with pytest.raises(NotFound, match=r"no book 'nope'\. Known: paper"):
        repeat("nope")
    with pytest.raises(CommandError, match="there is no run 99999"):
        call_command("replay_session", "99999")
