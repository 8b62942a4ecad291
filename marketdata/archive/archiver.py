"""Carries completed bars from the Redis streams into the archive: short runs, each from where the last one ended."""

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import msgspec

from engine.errors import FortifiedError
from engine.model.market import Bar
from engine.model.time import to_datetime
from infra import codec
from infra.redis import keys
from infra.redis.client import SyncRedis
from marketdata.archive.store import Archive
from marketdata.history import MAX_BARS, recent_bars_now
from marketdata.models import ArchiveCursor, PriceTick

logger = logging.getLogger(__name__)

_BATCH = 1_000
_START = "0-0"


class ArchiveRun(NamedTuple):
    """What one run did. `lost`: bars that were trimmed from a stream before anybody came; what Redis still had of them
    among the recent bars is in the archive all the same. `failed`: streams that were put off to the next run."""

    streams: int = 0
    bars: int = 0
    lost: int = 0
    failed: int = 0

    def plus(self, other: "ArchiveRun") -> "ArchiveRun":
        return ArchiveRun(*(a + b for a, b in zip(self, other, strict=True)))


def archive_streams(client: SyncRedis, archive: Archive) -> ArchiveRun:
    """Read every stream of bars from its cursor on. The cursor moves after the archive was written: killed in between,
    the same bars are delivered again, which changes nothing."""
    total = ArchiveRun()
    for stream in sorted(client.scan_iter(match=keys.bars_stream("*", "*"), count=1_000)):
        try:
            total = total.plus(_archive_stream(client, archive, stream))
        except FortifiedError as error:
            logger.warning("%s is not archived for now: %s", stream, error.detail)
            total = total.plus(ArchiveRun(failed=1))
    return total


def _archive_stream(client: SyncRedis, archive: Archive, stream: str) -> ArchiveRun:
    cursor = ArchiveCursor.objects.filter(stream=stream).first() or ArchiveCursor(stream=stream, entry_id=_START)
    count = lost = 0
    for entries in _entries(client, stream, cursor.entry_id):
        bars = [bar for _, fields in entries if (bar := _decoded(stream, fields)) is not None]
        first, last = (int(fields.get("n", 0)) for fields in (entries[0][1], entries[-1][1]))
        missed = max(0, first - cursor.counter - 1)
        if missed and bars:
            logger.warning("%s: %d bars were trimmed before they were archived", stream, missed)
            bars = recent_bars_now(client, bars[0].symbol, bars[0].timeframe, MAX_BARS) + bars
        _store(archive, bars)
        cursor.entry_id, cursor.counter, cursor.lost = entries[-1][0], last, cursor.lost + missed
        cursor.save()
        count += len(entries)
        lost += missed
    return ArchiveRun(1, count, lost)


def _entries(client: SyncRedis, stream: str, after: str) -> Iterator[list[tuple[str, dict[str, str]]]]:
    while True:
        found = cast("Any", client.xrange(stream, min=f"({after}", count=_BATCH))
        if not found:
            return
        yield found
        after = found[-1][0]


def _decoded(stream: str, fields: dict[str, str]) -> Bar | None:
    """The bar of one entry. What is none is left out with a word in the log: it must not hold up what follows."""
    try:
        found = codec.decode(fields.get("e", ""))
    except msgspec.DecodeError as error:
        logger.warning("%s: an entry is no bar: %s", stream, error)
        return None
    return found if isinstance(found, Bar) else None


def _store(archive: Archive, bars: list[Bar]) -> None:
    groups: dict[tuple[str, str], list[Bar]] = {}
    for bar in bars:
        groups.setdefault((bar.symbol, bar.timeframe), []).append(bar)
    for (symbol, timeframe), group in groups.items():
        archive.append(symbol, timeframe, group)
    latest = {(bar.symbol, bar.timeframe, to_datetime(bar.ts)): bar for bar in bars}  # it may have come again
    PriceTick.objects.bulk_create(
        [_row(bar) for bar in latest.values()],
        update_conflicts=True,
        unique_fields=("symbol", "timeframe", "timestamp"),
        update_fields=("price", "open", "high", "low", "close", "volume", "trade_count", "vwap"),
        batch_size=_BATCH,
    )


def _row(bar: Bar) -> PriceTick:
    return PriceTick(
        symbol=bar.symbol,
        timeframe=bar.timeframe,
        timestamp=to_datetime(bar.ts),
        price=bar.close,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trade_count=bar.trade_count,
        vwap=bar.vwap if bar.vwap == bar.vwap else None,
    )
