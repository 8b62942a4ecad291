"""The nightly comparison with the vendor: a state for each day, and the differences for whoever asks."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

import msgspec
from asgiref.sync import async_to_sync
from django.conf import settings

from engine.bars.timeframe import canonical, parse_timeframe
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import instrument_for
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, from_datetime, iso
from marketdata.archive.store import Archive
from marketdata.backfill.compare import Difference, differences
from marketdata.backfill.sources import HistorySource
from marketdata.feeds.errors import FeedUnauthorized, FeedUnavailable
from marketdata.models import HistoryDay

logger = logging.getLogger(__name__)

_LISTED = 500  # differences that are kept of one day; a day that differs in more differs in kind


def compare_day(
    *,
    source: HistorySource,
    symbol: str,
    timeframe: str,
    day: date,
    archive: Archive | None = None,
    adopt: bool = False,
) -> HistoryDay:
    """Ask the vendor for one UTC day and note what differs. Bars that we do not have are taken from it in any case;
    with `adopt` its bars also stand in the place of those that differ, marked revised."""
    (found,) = compare(source=source, pairs=[(symbol, timeframe)], day=day, archive=archive, adopt=adopt)
    return found


def compare(
    *,
    source: HistorySource,
    pairs: Iterable[tuple[str, str]],
    day: date,
    archive: Archive | None = None,
    adopt: bool = False,
) -> list[HistoryDay]:
    """The same for many symbols over one connection; the source is closed at the end."""
    stored = archive or Archive(settings.ARCHIVE_DIR)
    wanted = [(symbol, canonical(timeframe)) for symbol, timeframe in pairs]
    for _, timeframe in wanted:
        if parse_timeframe(timeframe).duration_ns is None:
            raise InvalidInput(
                f"timeframe: bars of ticks and of volume begin where their feed began; expected a time, "
                f"found {timeframe}",
                field="timeframe",
            )
    start = from_datetime(datetime.combine(day, time(), UTC))
    answers = async_to_sync(_ask_all)(source, wanted, start)
    return [
        _note(stored, source, symbol, timeframe, day, start, theirs, adopt=adopt)
        for (symbol, timeframe), theirs in zip(wanted, answers, strict=True)
        if theirs is not None
    ]


async def _ask_all(source: HistorySource, pairs: Sequence[tuple[str, str]], start: int) -> list[list[Bar] | None]:
    """None for what the vendor refuses; the others are compared all the same. Where it does not answer at all, or
    refuses everything, that is raised."""
    answers: list[list[Bar] | None] = []
    refusal: FortifiedError | None = None
    try:
        for at, (symbol, timeframe) in enumerate(pairs):
            if at:
                await asyncio.sleep(settings.RATE_LIMIT_DELAY)
            try:
                answers.append(await source.bars(symbol, timeframe, start=start, end=start + NS_PER_DAY))
            except FortifiedError as error:
                if isinstance(error, FeedUnavailable | FeedUnauthorized):
                    raise
                logger.warning("%s %s is not compared with %s: %s", symbol, timeframe, source.name, error.detail)
                answers.append(None)
                refusal = error
    finally:
        await source.close()
    if refusal is not None and not any(each is not None for each in answers):
        raise refusal
    return answers


def _note(
    archive: Archive,
    source: HistorySource,
    symbol: str,
    timeframe: str,
    day: date,
    start: int,
    theirs: Sequence[Bar],
    *,
    adopt: bool,
) -> HistoryDay:
    ours = archive.bars(symbol, timeframe, start=start, end=start + NS_PER_DAY)
    found: list[Difference] = []  # a vendor without a single bar has said nothing
    if theirs:
        found = differences(ours, theirs, tick_size=float(instrument_for(symbol).tick_size))
        archive.append(symbol, timeframe, theirs, is_adjusted=source.is_adjusted)
    state = HistoryDay.State.PROVISIONAL
    if theirs and not found:
        state = HistoryDay.State.FINAL
    elif theirs and adopt:
        revised = _revised(theirs, found)
        archive.append(symbol, timeframe, revised, is_adjusted=source.is_adjusted)
        state = HistoryDay.State.REVISED
    report, _ = HistoryDay.objects.update_or_create(
        symbol=symbol,
        timeframe=timeframe,
        day=day,
        source=source.name,
        defaults={
            "state": state,
            "ours": len(ours),
            "theirs": len(theirs),
            "differences": msgspec.to_builtins(found[:_LISTED]),
        },
    )
    return report


def _revised(theirs: Sequence[Bar], found: Sequence[Difference]) -> list[Bar]:
    named = {each.ts for each in found}
    return [msgspec.structs.replace(bar, quality="revised") for bar in theirs if iso(bar.ts) in named]
