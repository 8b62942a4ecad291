"""What is done every night for all that the feeds carry."""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import F

from engine.bars.timeframe import parse_timeframe
from engine.errors import FortifiedError, InvalidInput
from marketdata.archive.store import Archive
from marketdata.backfill import services
from marketdata.backfill.plan import plan
from marketdata.backfill.reports import compare
from marketdata.backfill.sources import FeedHistory
from marketdata.host import make_feed
from marketdata.models import BackfillItem, FeedSource
from marketdata.selectors import wanted_pairs

logger = logging.getLogger(__name__)

DAYS = 4  # a long weekend


def create_jobs() -> list[int]:
    """For each enabled feed and timeframe of time that it carries: the last days, and of symbols of which not all was
    fetched yet as far back as backfills of that timeframe go."""
    jobs: list[int] = []
    for feed in FeedSource.objects.filter(is_enabled=True):
        by_timeframe: dict[str, set[str]] = {}
        for symbol, timeframe in _timed(feed.name):
            by_timeframe.setdefault(timeframe, set()).add(symbol)
        for timeframe, symbols in sorted(by_timeframe.items()):
            jobs += _jobs_of(feed.name, timeframe, symbols)
    return jobs


def _jobs_of(feed: str, timeframe: str, symbols: set[str]) -> list[int]:
    try:
        whole = plan(timeframe=timeframe, source=feed)
    except InvalidInput as error:
        logger.info("no nightly backfill of %s from %s: %s", timeframe, feed, error.detail)
        return []
    late = whole.end - timedelta(days=DAYS)
    done = symbols & _fetched(feed, timeframe, since=whole.start + timedelta(days=DAYS), late=late)
    wishes = ((symbols - done, None), (done, late if late > whole.start else None))
    return [
        services.create_job(symbols=sorted(wanted), timeframe=timeframe, source=feed, start=start).pk
        for wanted, start in wishes
        if wanted
    ]


def _fetched(feed: str, timeframe: str, *, since: datetime, late: datetime) -> set[str]:
    """Symbols that one backfill has fetched from `since` or earlier up to its own day, and one after `late`: where
    nights between were missed, all is fetched anew."""
    items = BackfillItem.objects.filter(state=BackfillItem.State.DONE, job__source=feed, job__timeframe=timeframe)
    whole = items.filter(job__start__lte=since, job__end__gte=F("job__created_at") - timedelta(days=1))
    recent = items.filter(job__end__gte=late)
    return set(whole.values_list("symbol", flat=True)) & set(recent.values_list("symbol", flat=True))


def compare_all(*, day: date) -> int:
    """Compare `day` for everything the feeds carry; how many symbols and timeframes differ. A feed that does not
    answer leaves its days as they are."""
    archive, differing = Archive(settings.ARCHIVE_DIR), 0
    for feed in FeedSource.objects.filter(is_enabled=True):
        pairs = _timed(feed.name)
        if not pairs:
            continue
        try:
            found = compare(source=FeedHistory(make_feed(feed.name)), pairs=pairs, day=day, archive=archive)
        except FortifiedError as error:
            logger.warning("%s is not compared with %s: %s", day, feed.name, error.detail)
            continue
        for each in found:
            if each.differences:
                differing += 1
                logger.warning(
                    "%s %s on %s: %d differences from %s", each.symbol, each.timeframe, day, len(each.differences),
                    feed.name,
                )  # fmt: skip
    return differing


def _timed(feed: str) -> list[tuple[str, str]]:
    """What a feed carries with bars that a vendor has too."""
    return [pair for pair in wanted_pairs(feed) if parse_timeframe(pair[1]).duration_ns is not None]
