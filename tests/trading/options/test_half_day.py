"""A half day of 0DTE on paper, as a book runs it: it ends flat without a hand, and can be repeated exactly."""

import asyncio
import itertools
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from asgiref.sync import async_to_sync, sync_to_async

from engine.instruments.options import parse_option
from engine.model.event import Event
from engine.model.market import TimeAdvanced
from infra import codec
from strategies.services import create_ticker
from tests.engine.options.world import HALF_DAY, MINUTE, S, index_bar, session
from tests.waiting import DEADLINE_S
from trading.comparison import Seen, Side, compare
from trading.journal.writer import DatabaseJournal, first_broken_link
from trading.models import Book, Decision, JournalEvent, Order, Position, RecordedInputs, Trade
from trading.nightly import simulate
from trading.rerun import repeat, sentence
from trading.runtime import compose
from trading.runtime.contracts import ContractSource
from trading.runtime.host import compose_desk
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.recording import Recorder, unpack
from trading.runtime.runner import Ended, Runner
from trading.services import start_strategy

pytestmark = pytest.mark.django_db(transaction=True)

OPENS, CLOSES = session(HALF_DAY)
CUT_OFF = CLOSES - 15 * MINUTE
LAST_BAR = CLOSES - 35 * MINUTE  # from then on only the clock tells that time goes on


@pytest.fixture
def started(redis_url):
    create_ticker(
        user=None, strategy="zero_dte", symbol="SPX", timeframe="1", params={"period_1": 3, "period_2": 8},
        quantities={"paper": "2"},
    )  # fmt: skip
    start_strategy(user=None, strategy="zero_dte")
    Book.objects.update(execution={"chains": "synthetic:0.2"})


def half_day() -> Iterator[Event]:
    """Minutes of the index in waves, so that the averages cross again and again; then silence, but for time."""
    for number, ts in enumerate(range(OPENS + MINUTE, LAST_BAR + MINUTE, MINUTE)):
        yield index_bar(ts, round(6000 + 25 * math.sin(number / 7) + number / 10, 2))
    for ts in range(LAST_BAR + 10 * S, CLOSES + MINUTE, 10 * S):
        yield TimeAdvanced(ts)


class Day:
    """The loop of the paper book over the day, on the day's own clock."""

    def __init__(self) -> None:
        self.now = OPENS
        self.is_over = False

    async def trade(self) -> None:
        composition = await sync_to_async(compose.load)("paper")
        desk, composition = await sync_to_async(compose_desk)(composition)
        self.engine = desk.engine
        recorder, inbox = Recorder(), Inbox()
        recorder.take(await sync_to_async(compose.opening)(composition, desk))
        journal = DatabaseJournal(book_id=composition.book_id, token=1)
        chains = await sync_to_async(compose.chain_source)(composition, desk, now_ns=self.clock)
        options = ContractSource(desk.engine, chains, alert=self.alert, look_s=0.001, quotes_s=0.001, now_ns=self.clock)
        inbox.attach("options", options.read)
        runner = Runner(
            desk=desk, inbox=inbox, journal=journal, cursors={}, must_end=self.must_end, rewarm=self.nothing,
            show=self.nothing, slot_timeframes=composition.slot_timeframes, recorder=recorder, now_ns=self.clock,
        )  # fmt: skip
        await asyncio.wait_for(asyncio.gather(runner.run(), self.play(inbox)), timeout=60)
        await options.close()
        await journal.close()

    async def play(self, inbox: Inbox) -> None:
        for event in half_day():
            self.now = event.ts
            await inbox.put(Delivery(events=(event,), cursors={}))
            await self.until(lambda event=event: self.engine.now >= event.ts)
            await self.until(lambda: not self.is_trading)
        self.is_over = True

    @property
    def is_trading(self) -> bool:
        """Whether a chain is being fetched, or an order waits for its quote."""
        return bool(self.engine.contracts.wanted or self.engine.open_orders)

    async def until(self, is_met) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_met():
            assert time.monotonic() < deadline, (self.now, self.engine.open_orders, self.engine.contracts.wanted)
            await asyncio.sleep(0)

    def clock(self) -> int:
        return self.now

    def must_end(self) -> Ended | None:
        return Ended.STOPPED if self.is_over else None

    async def nothing(self, _: object) -> None: ...

    async def alert(self, what: str, text: str) -> None:
        raise AssertionError(f"{what}: {text}")


def test_a_half_day_ends_flat_without_a_hand_and_repeats_itself(started):
    async_to_sync(Day().trade)()

    trades = list(Trade.objects.order_by("exit_at"))
    assert len(trades) > 5
    contracts = [parse_option(trade.symbol) for trade in trades]
    assert {(c.root, c.expiry) for c in contracts} == {("SPXW", HALF_DAY)}
    assert {c.right for c in contracts} == {"C", "P"}
    assert all(trade.side == "long" for trade in trades), "options are bought, never written"
    assert all(
        trade.pnl == (trade.exit_price - trade.entry_price) * trade.quantity * 100 - trade.fees for trade in trades
    )

    # Nothing is entered late, and the last option is sold by the clock: no bar came for half an hour.
    last = trades[-1]
    assert last.exit_reason == "session_close"
    sold = last.exit_at.astimezone(UTC)
    assert sold == datetime.fromtimestamp(CUT_OFF / 1e9, UTC) < datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert not Position.objects.exclude(quantity=0).exists()
    assert not Order.objects.exclude(state="filled").exists()

    # One option at a time: the next is bought when the one before is sold, and names the order that sold it.
    for before, after in itertools.pairwise(trades):
        assert before.exit_at <= after.entry_at
    turns = Order.objects.filter(intent="entry").exclude(parent="")
    assert turns.count() > 3
    assert set(turns.values_list("parent", flat=True)) <= set(
        Order.objects.filter(intent="exit").values_list("client_id", flat=True)
    )

    # Every entry is a decision with its contract and the chain that it was chosen from; all of it is journalled.
    chosen = Decision.objects.filter(kind="contract")
    assert chosen.count() == len(trades)
    first = chosen.order_by("id")[0]
    assert first.evidence["contract"] == trades[0].symbol
    assert len(first.evidence["chain"]) == 22
    assert "strike nearest to" in first.reason
    assert first.evidence["source"] == "model: volatility 0.2"
    kept = JournalEvent.objects.filter(kind="ContractChosen").order_by("id")[0].payload
    assert len(kept["chain"]["entries"]) == first.evidence["listed"] == 82
    entry_bar = trades[0].entry_bar
    assert entry_bar is not None
    assert entry_bar["symbol"] == "SPX"

    assert first_broken_link(Book.objects.get().pk) is None, "every entry can be read again"
    found = repeat("paper")
    assert found.difference is None, sentence(found.difference)
    assert found.outputs["ContractChosen"] == len(trades)

    # Over stored bars, with the options as they were quoted then, a simulation decides and trades the same.
    recorded, seen = Side(), Seen()
    recorded.take(codec.decode(msgspec.json.encode(row.payload)) for row in JournalEvent.objects.order_by("number"))
    for row in RecordedInputs.objects.order_by("number"):
        seen.take(unpack(bytes(row.data)))
    assert seen.span is not None
    simulated = simulate(seen.openings[0], seen, seen.bars, seen.span)
    assert len(simulated.fills) > 10
    assert compare(recorded, simulated, seen, seen.bars, seen.openings[0].config) == []
