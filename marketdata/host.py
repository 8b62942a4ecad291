"""Makes a feed of its configuration and runs its loop in this process, until it is asked to stop."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable

import msgspec
import uvloop
from django.conf import settings
from django.db import DatabaseError

from engine.errors import InvalidInput, NotFound
from engine.instruments.catalog import bar_session, market_hours
from engine.model.market import FeedStateChanged
from infra.broadcast import broadcast_batch, fact
from infra.cancelling import cancel
from infra.collecting import collecting_gently
from infra.orm import in_database
from infra.processes.priority import run_ahead
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from infra.redis.leases import Lease
from marketdata.backfill.plan import depths
from marketdata.depth import days_back
from marketdata.feed_lines import token_of
from marketdata.feeds.registry import FEEDS, Feed, FeedSetup
from marketdata.feeds.runner import LEASE_KIND, LEASE_TTL_S, FeedRunner
from marketdata.feeds.symbols import streamer_symbol
from marketdata.feeds.truth import TRUTH, TruthOptions
from marketdata.models import FeedSource
from marketdata.recording.archiving import folder_of
from marketdata.recording.recorder import Recorder
from marketdata.rolls import load_rolls

logger = logging.getLogger(__name__)

CHOICES_EVERY_S = 60.0


def run_feed(name: str, *, should_stop: Callable[[], bool]) -> str:
    """Run the loop of the feed `name` until `should_stop`, a lost lease, or its end; why it ended. This process, which
    hosts feeds only, runs ahead of the others from now on."""
    if settings.FEEDS_RUN_AHEAD and not run_ahead(with_children=True):
        logger.info("feed %s: runs at the same priority as everything else (./run doctor says why)", name)
    return uvloop.run(host_feed(name, should_stop=should_stop))


async def host_feed(name: str, *, should_stop: Callable[[], bool]) -> str:
    """The same inside a running event loop."""
    feed = await in_database(make_feed)(name)
    truth, second = await in_database(make_truth)(name)
    client = async_client(settings.REDIS_URL)
    days = await in_database(depths)()
    choices = asyncio.create_task(_follow_choices(days))
    lease = Lease(client, kind=LEASE_KIND, name=name, owner=f"{socket.gethostname()}:{os.getpid()}", ttl_s=LEASE_TTL_S)
    try:
        runner = FeedRunner(
            client,
            feed,
            lease=lease,
            should_stop=should_stop,
            session_of=bar_session,
            hours_of=market_hours,
            options=truth,
            second=second,
            on_alert=_alert,
            recorder=_recorder(feed),
            days_of=lambda timeframe: days_back(timeframe, days),
            held_bytes=settings.STREAMS_HELD_MB << 20,
        )
        async with collecting_gently(lambda: runner.report.counts.frames):
            return await runner.run()
    finally:
        await cancel(choices)
        await asyncio.shield(aclose_clients())


def _recorder(feed: Feed) -> Recorder | None:
    """A feed that can be played again as often as one likes needs no recording."""
    if feed.is_resumable or not settings.RECORD_FEEDS:
        return None
    return Recorder(folder_of(settings.ARCHIVE_DIR, feed.name))


def _alert(changed: FeedStateChanged) -> None:
    """Pages hear of it at once; whoever opens one later sees the state itself."""
    broadcast_batch(keys.feeds_group(), [fact(changed)])


async def _follow_choices(days: dict[str, int]) -> None:
    """What people chose may change while the feed runs. A future may roll: the runner looks every symbol up again, by
    the rules as they are then. `days`: how far back the history of a timeframe goes."""
    while True:
        await asyncio.sleep(CHOICES_EVERY_S)
        try:
            await in_database(load_rolls)()
            found = await in_database(depths)()
        except DatabaseError as error:
            logger.warning("what people chose is looked up again in %.0f s: %s", CHOICES_EVERY_S, error)
            continue
        days.clear()
        days.update(found)


def make_feed(name: str) -> Feed:
    """The feed as it is configured now."""
    load_rolls()
    return _feed_of(_source(name))


def make_truth(name: str) -> tuple[TruthOptions, Feed | None]:
    """What the truth gate of the feed `name` is told, and the second source that it compares with."""
    source = _source(name)
    options = msgspec.convert(source.options.get(TRUTH, {}), type=TruthOptions)
    if not options.check_against:
        return options, None
    if options.check_against == name:
        raise InvalidInput(f"feed {name}: check_against names the feed itself; another was expected", field="options")
    return options, _feed_of(_source(options.check_against))


def _source(name: str) -> FeedSource:
    source = FeedSource.objects.filter(name=name).first()
    if source is None:
        known = ", ".join(FeedSource.objects.values_list("name", flat=True)) or "none"
        raise NotFound(f"There is no feed named {name!r}. Known: {known}.", field="feed")
    return source


def _feed_of(source: FeedSource) -> Feed:
    options = {name: value for name, value in source.options.items() if name != TRUTH}
    setup = FeedSetup(source.name, source.api_url, token_of(source), options, streamer_symbol)
    return FEEDS[source.kind].make(setup)
