"""Reads the bars that a search or a fingerprint asks for, as studies do."""

from django.conf import settings

from backtest.distributed.data import Bars, bars_of
from backtest.distributed.spec import StudySpec
from discovery.bars_asked import BarsAsked


def bars_read(asked: BarsAsked) -> Bars:
    """The stored bars; `InvalidInput` says what is missing."""
    study = StudySpec(
        symbol=asked.symbol, timeframe=asked.timeframe, data=asked.data, time_is=asked.time_is, adjust=asked.adjust,
        start=asked.start, end=asked.end,
    )  # fmt: skip
    return bars_of(study, archive=settings.ARCHIVE_DIR)
