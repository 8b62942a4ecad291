"""Holds a book's lease and runs its loop, composed again whenever the configuration changes."""

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from django.conf import settings

from engine.core.usage import usage
from engine.errors import FortifiedError, SnapshotIncompatible
from engine.model.commands import Halt
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.signals import SlotStateChanged, WarmupProgressed
from infra import broadcast, draining
from infra.cancelling import cancel
from infra.collecting import collecting_gently
from infra.notices import hand_over
from infra.orm import in_database
from infra.redis import keys
from infra.redis.client import AsyncRedis, aclose_clients, async_client, sync_client
from infra.redis.leases import Lease
from marketdata.history import recent_bars
from marketdata.reader import StreamReader
from trading import notices
from trading.journal.backup import back_up
from trading.journal.writer import DatabaseJournal, FencedOff, take_over
from trading.models import Book
from trading.runtime import compose, state, trade_log
from trading.runtime.answers import unanswered, undelivered
from trading.runtime.commands import CommandSource
from trading.runtime.contracts import ContractSource
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.live import BrokerDesk
from trading.runtime.live_host import BrokerSide, tell_alarm
from trading.runtime.measures import Measures, count_facts
from trading.runtime.recording import RecordedWarmth, Recorder
from trading.runtime.runner import Ended, Runner
from trading.runtime.warmup import catch_up, warm_up

logger = logging.getLogger(__name__)

LEASE_KIND = "trader"
LEASE_TTL_S = 4.0
READ_BLOCK_MS = 500
ACK_EVERY_S = 1.0
HISTORY_KEPT = 10_000  # more bars than are kept of any symbol and timeframe


def run_book(name: str, *, lease_ttl_s: float = LEASE_TTL_S) -> str:
    """Run the loop of book `name` in this process; why it ended."""
    # The journal's thread and the loop share one interpreter lock: hand it over ten times as often as by default, so
    # that a price does not wait for a row.
    sys.setswitchinterval(0.0005)
    return uvloop.run(host(name, lease_ttl_s=lease_ttl_s))


async def host(name: str, *, lease_ttl_s: float = LEASE_TTL_S) -> str:
    """Acquire the lease, run until the end, release it. "held" where another process has it."""
    client = async_client(settings.REDIS_URL)
    try:
        composition = await in_database(compose.load)(name)
        lease = Lease(
            client, kind=LEASE_KIND, name=name, owner=f"{socket.gethostname()}:{os.getpid()}", ttl_s=lease_ttl_s
        )
        token = await lease.acquire(above=composition.fencing_token)
        if token is None:
            return "held"
        logger.info("book %s: this process trades it (fencing token %d)", name, token)
        return await _hold(client, lease, composition.book_id, name=name, token=token)
    finally:
        await aclose_clients()


async def _hold(client: AsyncRedis, lease: Lease, book_id: int, *, name: str, token: int) -> str:
    watch = Watch(client, lease)
    keeper = asyncio.create_task(watch.keep())
    try:
        await in_database(take_over)(book_id, token)
        while True:
            ended = await _run_composed(client, watch, name=name, token=token)
            logger.info("book %s: %s", name, ended.value)
            if ended is not Ended.RELOAD:
                return ended.value
    except FencedOff as error:
        logger.warning("book %s: %s", name, error)
        return Ended.LEASE_LOST.value
    finally:
        await cancel(keeper)
        await lease.release()


class Watch:
    """Renews the lease and watches for what must end the loop: a lost lease, a stop, another configuration."""

    def __init__(self, client: AsyncRedis, lease: Lease) -> None:
        self._client = client
        self.lease = lease
        self._lost = False
        self._config: str | bytes | None = None
        self._composed_with: str | bytes | None = None

    async def keep(self) -> None:
        while not self._lost:
            self._lost = not await self.lease.keep()
            self._config = await self._client.get(keys.config_changed())
            await asyncio.sleep(self.lease.ttl_s / 8)

    async def composing(self) -> None:
        """Remember the configuration that is being composed now; call before reading the database."""
        self._config = self._composed_with = await self._client.get(keys.config_changed())

    def must_end(self) -> Ended | None:
        if self._lost or self.lease.remaining_s <= 0:
            return Ended.LEASE_LOST
        if draining.is_requested():
            return Ended.STOPPED
        return Ended.RELOAD if self._config != self._composed_with else None


async def _run_composed(client: AsyncRedis, watch: Watch, *, name: str, token: int) -> Ended:
    await watch.composing()
    composition = await in_database(compose.load)(name)
    if not composition.slots:
        await state.show_slots(client, book=name, slots={})
        return Ended.STOPPED
    desk, composition = await in_database(compose_desk)(composition)
    recorder = Recorder()
    recorder.take(await in_database(compose.opening)(composition, desk))
    engine = RecordedWarmth(desk.engine, recorder)
    reader = StreamReader(client, book=name, subscriptions=composition.subscriptions, cursors=composition.cursors)
    await reader.start()
    history = _history(client, until=composition.history_until)
    await warm_up(engine, history)
    journal = DatabaseJournal(
        book_id=composition.book_id, token=token, on_commit=lambda out: _show_facts(name, composition.mode, out)
    )
    inbox, measures = Inbox(), Measures(name)

    async def rewarm(symbol: str) -> None:
        engine.begin_rewarm(symbol)
        await warm_up(engine, _history(client), symbol=symbol)

    async def show(runner: Runner) -> None:
        await catch_up(engine, history)
        await _show(client, name, desk, runner, measures)

    runner = Runner(
        desk=desk,
        inbox=inbox,
        journal=journal,
        cursors={name: cursor for name, cursor in composition.cursors.items() if name != compose.REWOUND},
        must_end=watch.must_end,
        rewarm=rewarm,
        show=show,
        slot_timeframes=composition.slot_timeframes,
        recorder=recorder,
    )
    await _attach_sources(inbox, client, reader, composition, runner)
    options = await _attach_options(inbox, composition, desk)
    brokers = _broker_side(client, watch, composition, desk) if isinstance(desk, BrokerDesk) else None
    try:
        if brokers is not None:
            await brokers.start(inbox, names=composition.brokers)
        async with collecting_gently(lambda: runner.stats.events):
            return await runner.run()
    finally:
        if options is not None:
            await options.close()
        if brokers is not None:
            await brokers.close()
        await reader.close()
        await journal.close()


def _broker_side(client: AsyncRedis, watch: "Watch", composition: compose.Composition, desk: BrokerDesk) -> BrokerSide:
    return BrokerSide(
        book=composition.name,
        book_id=composition.book_id,
        desk=desk,
        client=client,
        lease=watch.lease,
        policy=composition.execution,
    )


def compose_desk(composition: compose.Composition) -> tuple[compose.BookDesk, compose.Composition]:
    """The desk, continued where its predecessor stopped, and what it was made of; where the saved state cannot be read
    that is a new generation, from the ledger's fills, which reads on from the same places."""
    try:
        return compose.make_desk(composition), composition
    except SnapshotIncompatible as error:
        logger.warning("book %s begins a new generation: %s", composition.name, error.detail)
        compose.forget_state(composition)
        anew = msgspec.structs.replace(compose.load(composition.name), cursors=composition.cursors)
        return compose.make_desk(anew), anew


async def _attach_sources(
    inbox: Inbox, client: AsyncRedis, reader: StreamReader, composition: compose.Composition, runner: Runner
) -> None:
    """The market and people's commands; first of all what nobody has answered yet (a command that was given while Redis
    was away is in the database only), and the halt that a book begins with."""
    waiting = await in_database(undelivered)(composition.book_id)
    await inbox.put(Delivery(events=waiting, cursors={}))
    if composition.is_halted:
        now = time.time_ns()  # in its name, too: a command is carried out once, and this may not be the first halt
        halt = Halt(ts=now, command_id=f"halt-{composition.name}-{now}", reason="halted")
        await inbox.put(Delivery(events=(halt,), cursors={}))
    commands = CommandSource(
        client,
        book=composition.name,
        cursor=composition.cursors.get(keys.commands(composition.name)),
        unanswered=in_database(unanswered),
    )
    inbox.attach("market", MarketSource(reader, lambda: runner.committed).read)
    inbox.attach("commands", commands.read)


async def _attach_options(
    inbox: Inbox, composition: compose.Composition, desk: compose.BookDesk
) -> ContractSource | None:
    """Chains and quotes for the slots that trade options; None where none does."""
    if not desk.engine.contracts.are_traded:
        return None
    tell = partial(tell_alarm, composition.name, composition.book_id)
    try:
        chains = await in_database(compose.chain_source)(composition, desk)
    except FortifiedError as error:
        chains = None
        await tell("no_chains", error.detail)
    source = ContractSource(desk.engine, chains, alert=tell)
    inbox.attach("options", source.read)
    return source


class MarketSource:
    """The reader as a source. It acknowledges what is committed between two reads: its connection takes turns."""

    def __init__(self, reader: StreamReader, committed: Callable[[], dict[str, str]]) -> None:
        self._reader = reader
        self._committed = committed
        self._acked_at = 0.0

    async def read(self) -> Delivery:
        if time.monotonic() - self._acked_at >= ACK_EVERY_S:
            self._acked_at = time.monotonic()
            await self._reader.ack(self._committed())
        events = await self._reader.read(READ_BLOCK_MS)
        return Delivery(events=events, cursors=dict(self._reader.cursors) if events else {})


def _history(client: AsyncRedis, *, until: int | None = None) -> Any:
    async def history(symbol: str, timeframe: str, limit: int) -> list[Bar]:
        if until is None:
            return await recent_bars(client, symbol, timeframe, limit)
        everything = await recent_bars(client, symbol, timeframe, HISTORY_KEPT)
        return [bar for bar in everything if bar.ts <= until][-limit:]

    return history


def _show_facts(book: str, mode: str, outputs: Sequence[Event]) -> None:
    """On the journal's thread, after the commit: pages and views never show what the database does not hold."""
    count_facts(book, outputs)
    broadcast.broadcast_events(book, outputs)
    state.show_positions(sync_client(settings.REDIS_URL), outputs)
    state.show_orders(sync_client(settings.REDIS_URL), book, outputs)
    trade_log.write(book, outputs)
    hand_over(notices.of_outputs(book, outputs, is_live=mode == Book.Mode.LIVE))
    if settings.PAPER_TRADES_BACKUP and mode == Book.Mode.PAPER:
        back_up(book, outputs, folder=Path(settings.BACKUP_DIR))


async def _show(client: AsyncRedis, name: str, desk: compose.BookDesk, runner: Runner, measures: Measures) -> None:
    slots: dict[str, dict[str, Any]] = {}
    for status in desk.engine.slot_states():
        slot = slots.setdefault(f"{status.strategy}:{status.symbol}", {})
        if isinstance(status, WarmupProgressed):
            slot.update(have=status.have, need=status.need, timeframe=status.timeframe)
        elif isinstance(status, SlotStateChanged):
            slot.update(state=status.state, reason=status.reason)
    await state.show_slots(client, book=name, slots=slots)
    await state.show_usage(client, book=name, figures=usage(desk.engine))
    await state.show_prices(client, desk.engine)
    measures.pass_on(runner.stats)
    await state.beat(client, process=f"trader:{name}", figures=runner.view())
