"""Real bars for parity tests: slices of the shared minutes."""

from functools import cache
from pathlib import Path

from engine.bars.columns import BarColumns
from marketdata.files.bars import read_bars

SPY_YEAR = "equity_bars_1m_SPY_2024-03_2025-04.parquet"
FUTURES = "futures_bars_1m_ES_NQ_YM_2026-02.parquet"
ETFS = "etf_bars_1m_258_symbols_2019-12.parquet"
SOURCES = {
    "SPY": (SPY_YEAR, "SPY"), "ES": (FUTURES, "/ES"), "NQ": (FUTURES, "/NQ"), "YM": (FUTURES, "/YM"),
    "DIA": (ETFS, "DIA"), "XME": (ETFS, "XME"), "EWA": (ETFS, "EWA"),
}  # fmt: skip


@cache
def minutes(folder: Path, name: str) -> BarColumns:
    """All minutes of one of `SOURCES`."""
    file, symbol = SOURCES[name]
    return read_bars(folder / file, symbol, time_is="open")
