"""The nightly upkeep as the settings want it: files, and the rows that people look at with SQL."""

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from engine.model.time import NS_PER_DAY
from marketdata.archive.layout import BARS, TICKS
from marketdata.archive.store import Archive
from marketdata.archive.upkeep import Upkeep, compact, retain
from marketdata.models import PriceTick
from marketdata.recording.archiving import retain_recordings

_SETTLED_NS = 7 * NS_PER_DAY  # corrections of a month that just ended still come
_ROW_DAYS = 7


def keep_house(archive: Archive) -> Upkeep:
    """Compact the months that are over; remove what is older than `ARCHIVE_TICK_DAYS`, `ARCHIVE_BAR_DAYS`,
    `RECORDING_DAYS` (0: nothing) and, of `price_ticks`, than a week."""
    now = time.time_ns()
    done = compact(archive, before=now - _SETTLED_NS)
    for kind, days in ((TICKS, settings.ARCHIVE_TICK_DAYS), (BARS, settings.ARCHIVE_BAR_DAYS)):
        if days:
            done = done.plus(retain(archive, kind=kind, before=now - days * NS_PER_DAY))
    if settings.RECORDING_DAYS:
        before_s = time.time() - settings.RECORDING_DAYS * 86_400
        done = done.plus(Upkeep(retain_recordings(archive, before_s=before_s)))
    PriceTick.objects.filter(timestamp__lt=timezone.now() - timedelta(days=_ROW_DAYS)).delete()
    return done
