"""Longer bars put together of columns are those that are put together one by one while they come."""

import dataclasses

import numpy as np
import pytest

from engine.bars.aggregators import aggregator
from engine.bars.columns import BarColumns, coarser, cut
from engine.bars.compose import Composer
from engine.bars.timeframe import parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.model.market import Bar
from engine.model.time import NS_PER_MINUTE

OPEN = 1_709_562_600 * 10**9  # 2024-03-04 14:30 UTC


def minutes(*, days: int = 3, share: float = 0.9, seed: int = 1) -> BarColumns:
    """Regular sessions of minutes, some of which nobody traded in."""
    rng = np.random.default_rng(seed)
    at = np.concatenate([OPEN + (day * 1440 + np.arange(390)) * NS_PER_MINUTE for day in range(days)])
    at = at[rng.random(len(at)) < share]
    close = (100 + np.cumsum(rng.normal(0, 0.1, len(at)))).round(2)
    opened = np.concatenate([[100.0], close[:-1]])
    volume = rng.integers(0, 900, len(at)).astype(np.float64)
    return BarColumns(
        "SPY", "1", at, at + NS_PER_MINUTE, opened, np.maximum(opened, close) + 0.05, np.minimum(opened, close) - 0.05,
        close, volume, rng.integers(1, 50, len(at)), np.where(volume > 0, (opened + close) / 2, np.nan),
        rng.random(len(at)) < 0.999,
    )  # fmt: skip


def composed(bars: BarColumns, timeframe: str) -> list[Bar]:
    """Bar after bar; the last one when its time has come."""
    parsed = parse_timeframe(timeframe)
    periods = aggregator(parsed, bar_session("SPY"))
    composer = Composer(periods, parse_timeframe("1"), symbol="SPY", source="")
    found = [made for bar in bars.bars() for made in composer.add(bar)]
    return found + composer.on_time(composer.due, 0)


@pytest.mark.parametrize("timeframe", ["2", "5", "7", "1h", "1d"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whole_columns_give_what_bar_after_bar_gives(timeframe, seed):
    bars = minutes(seed=seed, share=0.7)
    expected = composed(bars, timeframe)
    found = list(coarser(bars, timeframe, session=bar_session("SPY")).bars())
    assert len(found) == len(expected) > 2
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("ts", "ts_open", "open", "high", "low", "close", "volume", "trade_count", "is_complete"):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert ours.vwap == pytest.approx(theirs.vwap, rel=1e-12, nan_ok=True)


def test_what_does_not_fit_is_refused():
    bars = minutes()
    for timeframe in ("30s", "144t", "1"):
        with pytest.raises(InvalidInput, match=f"bars of {timeframe} cannot be put together of bars of 1"):
            coarser(bars, timeframe)
    with pytest.raises(InvalidInput, match="bars of 7 cannot"):
        coarser(dataclasses.replace(bars, timeframe="2"), "7")


def test_of_nothing_there_is_nothing():
    assert len(coarser(cut(minutes(days=1), 0, 0), "5")) == 0
