"""An empty archive, and bars and prints to put into it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.bars.columns import TickColumns
from engine.model.market import Bar
from engine.model.time import NS_PER_MINUTE, from_datetime
from marketdata.archive.store import Archive

NOON = from_datetime(datetime(2026, 11, 18, 17, tzinfo=UTC))


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path / "archive")


def minute(
    at: int = 0, price: float = 100.0, *, symbol: str = "SPY", timeframe: str = "1", start: int = NOON, **fields
) -> Bar:
    """The minute bar number `at` after `start`, with its range around `price`."""
    opened = start + at * NS_PER_MINUTE
    values = {"source": "dxlink", "quality": "built", "volume": 10.0, "trade_count": 3, "vwap": price, **fields}
    return Bar(
        opened + NS_PER_MINUTE, symbol, timeframe, opened, price, price + 1, price - 1, price + 0.5, **values
    )  # fmt: skip


def prints(*rows: tuple[int, float, float], symbol: str = "SPY") -> TickColumns:
    """(ts, price, size) rows as columns."""
    ts, price, size = zip(*rows, strict=True)
    return TickColumns(symbol, np.array(ts, np.int64), np.array(price, float), np.array(size, float))
