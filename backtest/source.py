"""Where a run's events come from: files or the archive, prints or bars, one stream per symbol, merged by time."""

import heapq
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from backtest.request import Request
from backtest.simulation.events import expand_ticks
from backtest.simulation.options import parse_pairs
from engine.bars.columns import BarColumns, TickColumns, adjusted, coarser
from engine.bars.compose import base_of
from engine.bars.expand import Expander
from engine.bars.timeframe import parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.model.event import Event
from engine.model.market import Tick
from engine.model.time import NS_PER_S
from marketdata.archive.layout import BARS, TICKS
from marketdata.archive.store import Archive
from marketdata.files.bars import read_bars
from marketdata.files.factors import read_factors
from marketdata.files.names import recognise
from marketdata.files.table import column_names
from marketdata.files.ticks import read_ticks

FOREVER = 2**63 - 1


@dataclass(frozen=True)
class Series:
    """What there is of one symbol: prints, or bars of each timeframe that is needed. `name` says where from."""

    symbol: str
    name: str
    ticks: TickColumns | None = None
    bars: tuple[BarColumns, ...] = ()

    @property
    def rows(self) -> int:
        return sum(len(each) for each in self.bars) if self.ticks is None else len(self.ticks)

    def events(self, timeframes: Sequence[str], *, exclude: int, pace: float | None = None) -> Iterator[Event]:
        """In the order in which they were known."""
        if self.ticks is None:
            streams = [each.bars(source=self.name) for each in self.bars]
            return heapq.merge(*streams, key=attrgetter("ts")) if len(streams) > 1 else streams[0]
        expander = Expander(
            self.symbol, timeframes, session=bar_session(self.symbol), exclude=exclude, source=self.name
        )
        ticks = self.ticks.ticks() if pace is None else paced(self.ticks.ticks(), pace)
        return expand_ticks(ticks, expander)


def read_file(request: Request, path: Path, symbol: str, timeframes: Sequence[str]) -> Series:
    """The series of `symbol` in a file, of prints or of bars."""
    mapping = parse_pairs(request.mapping, field="map")
    if not holds_bars(path, mapping):
        if request.adjust != "none":
            raise InvalidInput(f"adjust: bars can be adjusted, {path.name} holds prints", field="adjust")
        ticks = read_ticks(
            path, symbol, contract=request.contract, mapping=mapping, start=request.start, end=request.end
        )
        return Series(symbol, path.name, ticks)
    bars = read_bars(
        path,
        symbol,
        contract=request.contract,
        time_is=request.time_is,
        mapping=mapping,
        session=bar_session(symbol),
        start=request.start,
        end=request.end,
    )
    if request.adjust == "splits":
        bars = _split_adjusted(bars, request, symbol)
    return Series(symbol, path.name, bars=_made(bars, symbol, timeframes, request))


def _made(bars: BarColumns, symbol: str, timeframes: Sequence[str], request: Request) -> tuple[BarColumns, ...]:
    """Bars of each timeframe, longer ones put together; with `intrabar` the finer ones come first."""
    session = bar_session(symbol)
    made = tuple(bars if each == bars.timeframe else coarser(bars, each, session=session) for each in timeframes)
    if not request.intrabar:
        return made
    if bars.timeframe in timeframes:
        raise InvalidInput(
            f"intrabar: there are no finer bars of {symbol} than those of {bars.timeframe} that are decided on",
            field="intrabar",
        )
    return (bars, *made)


def holds_bars(path: Path, mapping: Mapping[str, str]) -> bool:
    """Whether the file is of bars; one of prints has a price and no open, high, low and close."""
    return {"open", "high", "low", "close"} <= recognise(column_names(path), mapping).keys()


def _split_adjusted(bars: BarColumns, request: Request, symbol: str) -> BarColumns:
    if request.factors is None:
        raise InvalidInput("factors: adjusting bars of a file needs a file of splits: --factors FILE", field="factors")
    return adjusted(bars, read_factors(request.factors, symbol))


def read_archive(request: Request, archive: Archive, symbol: str, timeframes: Sequence[str]) -> Series:
    """The series of `symbol` in the archive: its bars where each timeframe is stored, else its prints."""
    held = archive.holdings(symbol=symbol)
    stored = {each.timeframe for each in held if each.kind == BARS}
    has_ticks = any(each.kind == TICKS for each in held)
    start, end = request.start or 0, FOREVER if request.end is None else request.end
    is_stored = set(timeframes) <= stored and not request.intrabar
    base = None if is_stored or has_ticks else _base_of_all(timeframes, stored, is_finest=request.intrabar)
    if (is_stored or base) and not request.use_ticks:
        is_adjusted = request.adjust == "splits"
        ordered = sorted([base] if base else timeframes, key=lambda each: parse_timeframe(each).order)
        bars = tuple(archive.bar_columns(symbol, each, start=start, end=end, adjust=is_adjusted) for each in ordered)
        return Series(symbol, "archive", bars=_made(bars[0], symbol, timeframes, request) if base else bars)
    if not has_ticks:
        found = ", ".join(sorted(stored)) or "nothing"
        raise InvalidInput(
            f"symbol: the archive has no prints of {symbol}, and bars of {found} where {', '.join(timeframes)} "
            "was asked for; see archive list, backfill and import_history",
            field="symbol",
        )
    if request.adjust != "none":
        raise InvalidInput(f"adjust: bars can be adjusted, of {symbol} there are prints", field="adjust")
    return Series(symbol, "archive", archive.tick_columns(symbol, start=start, end=end))


def _base_of_all(timeframes: Sequence[str], stored: Iterable[str], *, is_finest: bool) -> str | None:
    """The longest stored timeframe (or the shortest) of which all that are asked for can be put together."""
    fitting = [
        parse_timeframe(base)
        for base in stored
        if all(each == base or base_of(parse_timeframe(each), [base]) for each in timeframes)
    ]
    ordered = sorted(fitting, key=lambda each: each.order)
    return ordered[0 if is_finest else -1].text if ordered else None


def merged(streams: Sequence[Iterable[Event]]) -> Iterable[Event]:
    """All streams as one, by time; of one moment in the order of the streams."""
    return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=attrgetter("ts"))


def paced(ticks: Iterable[Tick], pace: float) -> Iterator[Tick]:
    """The ticks when they are due: `pace` market seconds in each second."""
    first: int | None = None
    began = time.monotonic()
    for tick in ticks:
        first = tick.ts if first is None else first
        wait = (tick.ts - first) / NS_PER_S / pace - (time.monotonic() - began)
        if wait > 0:
            time.sleep(wait)
        yield tick


def described(series: Sequence[Series]) -> list[dict[str, Any]]:
    """For a run's document."""
    return [
        {
            "symbol": each.symbol,
            "source": each.name,
            "kind": "bars" if each.ticks is None else "ticks",
            "rows": each.rows,
        }
        for each in series
    ]
