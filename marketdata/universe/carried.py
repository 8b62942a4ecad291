"""What of the universe a feed carries: the first symbols over its stream, the rest asked for again and again."""

import logging
import time
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q

from engine.errors import FortifiedError, InvalidInput
from marketdata.backfill import services as backfill
from marketdata.feed_lines import limits_of
from marketdata.models import BackfillJob, FeedSource
from marketdata.universe.services import Excluded, choose

logger = logging.getLogger(__name__)

_KEEP_S = 60.0  # the list changes once a day; the supervisor asks every other second
_remembered: dict[tuple[str, ...], tuple[float, "Carried"]] = {}


class Carried(NamedTuple):
    """The universe of one feed. Symbols that are traded stream first and count against the limit; `problem` says why
    there is no list at all."""

    streamed: tuple[str, ...]
    polled: tuple[str, ...]
    excluded: tuple[Excluded, ...]
    note: str = ""
    problem: str = ""

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.problem:
            return self.problem
        line = f"{len(self.streamed)} symbols streamed, {len(self.polled)} polled, {len(self.excluded)} left out"
        return f"{line}. {self.note}" if self.note else line


def carried(source: FeedSource, *, traded: Iterable[str] = ()) -> Carried:
    """The symbols of `source.universe` beside those that are `traded` there."""
    first = tuple(sorted(set(traded)))
    if not source.universe:
        return Carried((), (), ())
    most = _most_streamed(source)
    key = (source.universe, str(most), str(settings.MAX_SYMBOLS), *settings.SYMBOLS, *first)
    now = time.monotonic()
    for old in [each for each, (at, _) in list(_remembered.items()) if now - at > _KEEP_S]:
        _remembered.pop(old, None)
    found = _remembered.get(key)
    if found is None:
        found = _remembered[key] = (now, _choose(source.universe, first, most))
    return found[1]


def streamed_pairs(traded: dict[str, set[tuple[str, str]]]) -> dict[str, set[tuple[str, str]]]:
    """Of every enabled feed with a universe: the pairs to carry beside those that are `traded` there."""
    return {
        source.name: {
            (symbol, source.universe_timeframe)
            for symbol in carried(source, traded=(symbol for symbol, _ in traded.get(source.name, ()))).streamed
        }
        for source in FeedSource.objects.filter(~Q(universe=""), is_enabled=True)
    }


def poll(*, traded: dict[str, set[tuple[str, str]]]) -> list[int]:
    """One job for each feed whose universe is larger than its stream may be; none while the last one still runs.

    A job asks for what came since its predecessor began, at the pace that the settings allow.
    """
    jobs = []
    for source in FeedSource.objects.filter(~Q(universe=""), is_enabled=True):
        symbols = carried(source, traded=(symbol for symbol, _ in traded.get(source.name, ()))).polled
        earlier = BackfillJob.objects.filter(source=source.name, purpose=BackfillJob.Purpose.POLL).order_by("-pk")
        last = earlier.first()
        if not symbols or (last and last.state in (BackfillJob.State.QUEUED, BackfillJob.State.RUNNING)):
            continue
        start = last.end if last and last.state == BackfillJob.State.DONE else None
        try:
            job = backfill.create_job(
                symbols=symbols,
                timeframe=source.universe_timeframe,
                source=source.name,
                days=1 if start is None else None,
                start=start,
                purpose=BackfillJob.Purpose.POLL,
            )
        except InvalidInput as error:
            logger.warning("%s: %d symbols are not polled: %s", source.name, len(symbols), error.detail)
            continue
        earlier.exclude(pk=job.pk).delete()
        jobs.append(job.pk)
    return jobs


def _most_streamed(source: FeedSource) -> int:
    """What the settings allow, and no more than the vendor does: what it would refuse is polled."""
    allowed = limits_of(source).symbols
    return settings.MAX_WEBSOCKET_SYMBOLS if allowed is None else min(allowed, settings.MAX_WEBSOCKET_SYMBOLS)


def _choose(mode: str, traded: tuple[str, ...], most: int) -> Carried:
    try:
        universe = choose(mode)
    except FortifiedError as error:
        return Carried((), (), (), problem=error.detail)
    others = [asset.symbol for asset in universe.chosen if asset.symbol not in set(traded)]
    room = max(most - len(traded), 0)
    return Carried(tuple(others[:room]), tuple(others[room:]), tuple(universe.excluded), universe.note)
