"""What a backfill covers: how far back it goes unless somebody says so, and how far its source can go at all."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput, NotFound
from marketdata.backfill.sources import ArchiveHistory
from marketdata.depth import days_back, parse_depths
from marketdata.feed_lines import limits_of
from marketdata.models import BackfillDepth, FeedSource


class Plan(NamedTuple):
    """A span of history of one timeframe. `note`: what the source cannot give of what was asked, in words."""

    source: str
    timeframe: str
    start: datetime
    end: datetime
    note: str = ""


def depths() -> dict[str, int]:
    """Days by timeframe: those of the settings, with what was chosen in the admin in their place."""
    chosen = dict(BackfillDepth.objects.values_list("timeframe", "days"))
    return {**parse_depths(settings.BACKFILL_DAYS), **chosen}


def depths_in_words() -> str:
    """The same, for people."""
    return ", ".join(f"{name}: {days:,} days" for name, days in depths().items())


def plan(
    *,
    timeframe: str,
    source: str = "",
    days: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Plan:
    """From `start`, or `days` back, or as far as is usual for `timeframe`, until `end` or now; no further than `source`
    keeps it. `source` is a feed's name, or archive; empty: the default feed. `InvalidInput` where nothing is left."""
    if days is not None and start is not None:
        raise InvalidInput("days: either days or start was expected, found both", field="days")
    spelled, feed, now = canonical(timeframe), source_of(source), timezone.now()
    until = end or now
    since = start or until - timedelta(days=days if days is not None else days_back(spelled, depths()))
    if since >= until:
        raise InvalidInput(f"start: a moment before {until:%Y-%m-%d %H:%M} was expected, found {since}", field="start")
    if feed is None:
        return Plan(ArchiveHistory.name, spelled, since, until)
    kept = limits_of(feed).kept_since(spelled, now)
    if kept is None or kept <= since:
        return Plan(feed.name, spelled, since, until)
    if kept >= now:
        raise InvalidInput(f"timeframe: {feed.name} ({feed.kind}) has no history of {spelled}", field="timeframe")
    told = f"{feed.name} ({feed.kind}) keeps {spelled} since {kept:%Y-%m-%d}"
    if kept >= until:
        raise InvalidInput(f"end: a moment after that was expected, found {until:%Y-%m-%d}: {told}", field="end")
    return Plan(feed.name, spelled, kept, until, f"{told}: from then on, not from {since:%Y-%m-%d}")


def source_of(name: str) -> FeedSource | None:
    """The feed that is asked; None for the archive."""
    if name == ArchiveHistory.name:
        return None
    feeds = FeedSource.objects.filter(name=name) if name else FeedSource.objects.filter(is_default=True)
    feed = feeds.first()
    if feed is None:
        known = ", ".join([*FeedSource.objects.values_list("name", flat=True), ArchiveHistory.name])
        wanted = f"no feed named {name!r}" if name else "no default feed"
        raise NotFound(f"There is {wanted}. Known: {known}.", field="source")
    return feed
