"""Bars from whole columns of prints: the same bars as the expander's, to the last bit, at memory speed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from engine.bars.compose import base_of
from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.adjustments import Adjustments
from engine.instruments.sessions import SessionOf, utc_day
from engine.model.market import NAN, Bar, Tick
from engine.model.time import NS_PER_S

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TickColumns:
    """Prints of one symbol, oldest first. `conditions`, `bid` and `ask` are None where the source gives none."""

    symbol: str
    ts: Array  # int64, UTC nanoseconds, never falling
    price: Array  # float64
    size: Array  # float64
    conditions: Array | None = None  # int64
    bid: Array | None = None  # float64
    ask: Array | None = None

    def __len__(self) -> int:
        return len(self.ts)

    def ticks(self, *, chunk: int = 8_192) -> Iterator[Tick]:
        """One `Tick` per row, made chunk by chunk: memory stays flat however long the columns are."""
        for at in range(0, len(self.ts), chunk):
            part = slice(at, at + chunk)
            yield from map(
                Tick,
                self.ts[part].tolist(),
                [self.symbol] * chunk,
                self.price[part].tolist(),
                self.size[part].tolist(),
                _quotes(self.bid, part, chunk),
                _quotes(self.ask, part, chunk),
                [0] * chunk if self.conditions is None else self.conditions[part].tolist(),
            )


@dataclass(frozen=True, slots=True)
class BarColumns:
    """Bars of one symbol and timeframe, oldest first, as columns; the fields are those of `Bar`."""

    symbol: str
    timeframe: str
    ts_open: Array
    ts: Array
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    trade_count: Array
    vwap: Array
    is_complete: Array

    def __len__(self) -> int:
        return len(self.ts)

    def bars(self, *, source: str = "", chunk: int = 8_192) -> Iterator[Bar]:
        """One `Bar` per row, made chunk by chunk: memory stays flat however long the columns are."""
        columns = (
            self.ts_open, self.ts, self.open, self.high, self.low, self.close, self.volume, self.trade_count, self.vwap,
            self.is_complete,
        )  # fmt: skip
        for at in range(0, len(self.ts), chunk):
            rows = zip(*(column[at : at + chunk].tolist() for column in columns), strict=True)
            for ts_open, ts, o, h, low, c, volume, count, vwap, is_complete in rows:
                yield Bar(
                    ts, self.symbol, self.timeframe, ts_open, o, h, low, c, volume, count,
                    vwap if vwap == vwap else NAN, is_complete, source,
                )  # fmt: skip


_COLUMNS = tuple(field.name for field in fields(BarColumns) if field.type is Array)


def cut(bars: BarColumns, first: int, after: int) -> BarColumns:
    """The bars [first, after)."""
    return replace(bars, **{name: getattr(bars, name)[first:after] for name in _COLUMNS})


def joined(parts: Sequence[BarColumns]) -> BarColumns:
    """The bars of several stretches of one symbol and timeframe, one after the other."""
    whole: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in parts]) for name in _COLUMNS}
    return replace(parts[0], **whole)


def adjusted(bars: BarColumns, adjustments: Adjustments, *, with_dividends: bool = False) -> BarColumns:
    """`bars` as if every split (and dividend, if asked) had always been."""
    price, split = adjustments.scales(bars.ts_open.tolist(), with_dividends=with_dividends)
    scale, shares = np.array(price), np.array(split)
    return replace(
        bars, open=bars.open * scale, high=bars.high * scale, low=bars.low * scale, close=bars.close * scale,
        vwap=bars.vwap * scale, volume=bars.volume / shares,
    )  # fmt: skip


class _Cut(NamedTuple):
    """Where bars begin and end: `starts` has one index more than there are bars."""

    starts: Array
    ts_open: Array
    ts: Array
    is_complete: Array


def build_columns(
    ticks: TickColumns, timeframe: str, *, session: SessionOf | None = None, exclude: int = 0
) -> BarColumns:
    """All bars of `ticks`, the last one included as if its time had come (like the expander's `flush`)."""
    parsed = parse_timeframe(timeframe)
    _check(ticks)
    if exclude and ticks.conditions is None:
        raise InvalidInput("exclude: there is no column of conditions to exclude by", field="exclude")
    if not len(ticks):
        return _empty(ticks.symbol, parsed)
    cut = _cut(ticks, parsed, session or utc_day, exclude)
    return _fold(ticks, parsed, cut, exclude)


def coarser(bars: BarColumns, timeframe: str, *, session: SessionOf | None = None) -> BarColumns:
    """Bars of a longer time put together of `bars`, the last one as if its time had come; as `engine.bars.compose`
    puts them together while they come. `InvalidInput` where they do not fit into each other."""
    parsed = parse_timeframe(timeframe)
    if base_of(parsed, [bars.timeframe]) is None:
        raise InvalidInput(
            f"timeframe: bars of {timeframe} cannot be put together of bars of {bars.timeframe}", field="timeframe"
        )
    if not len(bars):
        return _empty(bars.symbol, parsed)
    opened = bars.ts_open
    is_session = parsed.kind is TimeframeKind.SESSION
    cut = _cut_sessions(opened, session or utc_day) if is_session else _cut_time(opened, parsed.size * NS_PER_S)
    first, last = cut.starts[:-1], cut.starts[1:] - 1
    volume = np.add.reduceat(bars.volume, first)
    turnover = np.add.reduceat(np.where(bars.volume != 0, bars.vwap * bars.volume, 0.0), first)
    return BarColumns(
        bars.symbol,
        parsed.text,
        cut.ts_open,
        cut.ts,
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        volume,
        np.add.reduceat(bars.trade_count, first),
        np.divide(turnover, volume, out=np.full(len(volume), np.nan), where=volume != 0),
        cut.is_complete & np.logical_and.reduceat(bars.is_complete, first),
    )


def _check(ticks: TickColumns) -> None:
    from engine.bars import kernels  # on first use: numba takes half a second to import

    if not kernels.is_sorted(ticks.ts):
        raise InvalidInput("ts: expected prints sorted by time, found one older than the print before it", field="ts")


def _cut(ticks: TickColumns, timeframe: Timeframe, session: SessionOf, exclude: int) -> _Cut:
    if timeframe.kind is TimeframeKind.TIME:
        return _cut_time(ticks.ts, timeframe.size * NS_PER_S)
    if timeframe.kind is TimeframeKind.SESSION:
        return _cut_sessions(ticks.ts, session)
    return _cut_counted(ticks, timeframe, session, exclude)


def _cut_time(ts: Array, span: int) -> _Cut:
    from engine.bars import kernels  # on first use: numba takes half a second to import

    starts = kernels.time_starts(ts, span)
    first = ts[starts[:-1]]
    ts_open = first - first % span
    return _Cut(starts, ts_open, ts_open + span, ts_open >= ts[0])


def sessions_in(ts: Array, session: SessionOf) -> Iterator[tuple[int, int, int, int]]:
    """(first index, index after the last, open, close) of each session that has prints."""
    begin = 0
    while begin < len(ts):
        opened, closed = session(int(ts[begin]))
        end = int(np.searchsorted(ts, closed, side="left"))
        yield begin, end, opened, closed
        begin = end


def _cut_sessions(ts: Array, session: SessionOf) -> _Cut:
    found = list(sessions_in(ts, session))
    starts = np.array([begin for begin, *_ in found] + [len(ts)], np.int64)
    opens = np.array([opened for _, _, opened, _ in found], np.int64)
    closes = np.array([closed for *_, closed in found], np.int64)
    return _Cut(starts, np.minimum(opens, ts[starts[:-1]]), closes, opens >= ts[0])


def _cut_counted(ticks: TickColumns, timeframe: Timeframe, session: SessionOf, exclude: int) -> _Cut:
    pieces: list[Array] = []
    closes: list[Array] = []
    complete: list[Array] = []
    for begin, end, opened, closed in sessions_in(ticks.ts, session):
        starts, is_last_full = _counted_starts(ticks, timeframe, exclude, begin, end)
        is_full = np.ones(len(starts) - 1, np.bool_)
        is_full[-1] = is_last_full  # only the last bar of a session can be short
        closes.append(np.where(is_full, ticks.ts[starts[1:] - 1], closed))
        if begin == 0:
            is_full[0] &= bool(ticks.ts[0] <= opened)
        pieces.append(starts[:-1])
        complete.append(is_full)
    starts = np.concatenate([*pieces, np.array([len(ticks)])])
    return _Cut(starts, ticks.ts[starts[:-1]], np.concatenate(closes), np.concatenate(complete))


def _counted_starts(ticks: TickColumns, timeframe: Timeframe, exclude: int, begin: int, end: int) -> tuple[Array, bool]:
    from engine.bars import kernels  # on first use: numba takes half a second to import

    if timeframe.kind is TimeframeKind.VOLUME:
        conditions = _conditions(ticks) if exclude else np.empty(0, np.int64)
        return kernels.volume_starts(ticks.size, conditions, exclude, float(timeframe.size), begin, end)
    if exclude:
        return kernels.tick_starts(_conditions(ticks), exclude, timeframe.size, begin, end)
    starts = np.arange(begin, end, timeframe.size, dtype=np.int64)
    return np.append(starts, end), (end - begin) % timeframe.size == 0


def _fold(ticks: TickColumns, timeframe: Timeframe, cut: _Cut, exclude: int) -> BarColumns:
    from engine.bars import kernels  # on first use: numba takes half a second to import

    starts, complete = cut.starts, cut.is_complete
    if exclude:
        first, last, high, low, priced, other, turnover = kernels.fold_excluding(
            ticks.price, ticks.size, _conditions(ticks), exclude, starts
        )
        has_price = first >= 0
        first, last = np.where(has_price, first, starts[:-1]), np.where(has_price, last, starts[1:] - 1)
        volume, complete = priced + other, complete & has_price
    else:
        high, low, priced, turnover = kernels.fold_all(ticks.price, ticks.size, starts)
        first, last, volume = starts[:-1], starts[1:] - 1, priced
    vwap = np.divide(turnover, priced, out=np.full(len(priced), np.nan), where=priced != 0)
    return BarColumns(
        ticks.symbol, timeframe.text, cut.ts_open, cut.ts, ticks.price[first], high, low, ticks.price[last],
        volume, np.diff(starts), vwap, complete,
    )  # fmt: skip


def _conditions(ticks: TickColumns) -> Array:
    if ticks.conditions is None:
        raise InvalidInput("exclude: there is no column of conditions to exclude by", field="exclude")
    return ticks.conditions


def _quotes(column: Array | None, part: slice, chunk: int) -> list[float]:
    """Absent quotes as the one `NAN` that events leave out of their encoding."""
    if column is None:
        return [NAN] * chunk
    values: list[float] = column[part].tolist()
    return [value if value == value else NAN for value in values]


def _empty(symbol: str, timeframe: Timeframe) -> BarColumns:
    whole, real = np.empty(0, np.int64), np.empty(0)
    return BarColumns(
        symbol, timeframe.text, whole, whole, real, real, real, real, real, whole, real, np.empty(0, np.bool_)
    )
