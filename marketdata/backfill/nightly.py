"""What is done every night for all that the feeds carry."""

import logging
from datetime import date

from django.conf import settings

from engine.bars.timeframe import parse_timeframe
from engine.errors import FortifiedError
from marketdata.archive.store import Archive
from marketdata.backfill import services
from marketdata.backfill.reports import compare
from marketdata.backfill.sources import FeedHistory
from marketdata.host import make_feed
from marketdata.models import FeedSource
from marketdata.selectors import wanted_pairs

logger = logging.getLogger(__name__)

DAYS = 4  # a long weekend


def create_jobs() -> list[int]:
    """One job per enabled feed and timeframe of time that it carries."""
    jobs: list[int] = []
    for feed in FeedSource.objects.filter(is_enabled=True):
        by_timeframe: dict[str, list[str]] = {}
        for symbol, timeframe in _timed(feed.name):
            by_timeframe.setdefault(timeframe, []).append(symbol)
        for timeframe, symbols in sorted(by_timeframe.items()):
            job = services.create_job(symbols=symbols, timeframe=timeframe, source=feed.name, days=DAYS)
            jobs.append(job.pk)
    return jobs


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
