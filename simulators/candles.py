"""Candles of the synthetic market over any period: history on demand, and the one that is forming."""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from simulators.market import Slice, SymbolMarket
from simulators.path import Ints
from simulators.sessions import MINUTES_PER_DAY, Sessions

_SPAN = {"s": NS_PER_S, "m": NS_PER_MINUTE, "h": NS_PER_HOUR}
_DAYS = {"d": 1, "w": 7, "mo": 31, "y": 366}
_MS_PER_DAY = NS_PER_DAY // NS_PER_MS
MAX_CANDLES = 8_000
MAX_DAYS = 400
PRINT_LOOK_BACK = 6 * NS_PER_HOUR  # how far back candles that need the prints (seconds, ticks) reach


class CandleSpec(msgspec.Struct, frozen=True):
    """`period` units of: t(icks), s(econds), m(inutes), h(ours), d(ays), w(eeks), mo(nths), y(ears).

    Intraday candles start at UTC midnight, or with `from_session` at the trading day's start; `regular_only` leaves
    out everything outside regular hours.
    """

    period: int
    unit: str
    regular_only: bool = False
    from_session: bool = False

    @property
    def needs_prints(self) -> bool:
        return self.unit in ("t", "s")


class Candle(msgspec.Struct, frozen=True, gc=False):
    """Prices in integer ticks, `time` in ms at the candle's start. `turnover` is Σ price · size in ticks.

    Of minutes that are over, turnover and the split of the volume into bid and ask are estimates (typical price,
    place of the close in the range): only prices, counts and volumes are fixed per minute.
    """

    time: int
    sequence: int
    trade_count: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: float
    ask_volume: int

    @property
    def index(self) -> int:
        """dxFeed's index of a time series event: seconds, milliseconds and sequence in one number."""
        return event_index(self.time, self.sequence)


def event_index(time_ms: int, sequence: int) -> int:
    """`(seconds << 32) | (milliseconds << 22) | sequence`, sequence in 0…4194303."""
    seconds, millis = divmod(time_ms, 1_000)
    return (seconds << 32) | (millis << 22) | (sequence & 0x3FFFFF)


class _Rows(NamedTuple):
    """Columns to fold into candles: minutes that are over, or single prints."""

    key: Ints  # rows with one key form one candle
    time: Ints  # ms, of the candle the row belongs to
    sequence: Ints
    trade_count: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    turnover: npt.NDArray[np.float64]
    ask_volume: Ints


def history(market: SymbolMarket, spec: CandleSpec, *, start_ms: int, now: int) -> tuple[list[Candle], bool]:
    """Candles with `start_ms` ≤ time, oldest first, the last one as it stands at `now`; and whether older ones
    were left out because of the limits above."""
    start = max(start_ms, 0) * NS_PER_MS
    if spec.needs_prints:
        earliest = max(start, now - PRINT_LOOK_BACK)
        candles = _fold(_print_rows(market, spec, start=earliest, now=now))
        if spec.unit == "t" and candles and candles[0].trade_count < spec.period and len(candles) > 1:
            candles = candles[1:]  # begun before the look-back
    else:
        earliest = max(start, now - _reach(spec))
        evening = NS_PER_DAY if spec.unit in _DAYS else 0  # a day's candle may begin the evening before its stamp
        candles = _fold(_minute_rows(market, spec, start=max(earliest - evening, 0), now=now))
    first_ms = -(-earliest // NS_PER_MS)
    candles = [candle for candle in candles if candle.time >= first_ms]
    return candles[-MAX_CANDLES:], earliest > start or len(candles) > MAX_CANDLES


def _reach(spec: CandleSpec) -> int:
    span = _SPAN[spec.unit] if spec.unit in _SPAN else _DAYS[spec.unit] * NS_PER_DAY
    return min(MAX_CANDLES * spec.period * span, MAX_DAYS * NS_PER_DAY)


def bucket_times(spec: CandleSpec, sessions: Sessions, ts: Ints) -> Ints:
    """Start in ms of the candle each `ts` (UTC ns) belongs to. Not for tick candles."""
    if spec.unit in _SPAN:
        span = spec.period * _SPAN[spec.unit]
        anchor = ts // NS_PER_DAY * NS_PER_DAY
        if spec.from_session:
            anchor = np.array([sessions.day_start(day) for day in trading_days(sessions, ts).tolist()], dtype=np.int64)
        return np.asarray((anchor + (ts - anchor) // span * span) // NS_PER_MS)
    days = trading_days(sessions, ts)
    if spec.unit == "w":
        days = (days + 3) // (7 * spec.period) * (7 * spec.period) - 3
    elif spec.unit in ("mo", "y"):
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        step = spec.period * (12 if spec.unit == "y" else 1)
        days = (months // step * step).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    else:
        days = days // spec.period * spec.period
    return np.asarray(days * _MS_PER_DAY)


def trading_days(sessions: Sessions, ts: Ints) -> Ints:
    """Trading day number of each `ts`."""
    found = np.zeros(len(ts), dtype=np.int64)
    utc_days = ts // NS_PER_DAY
    for utc_day in np.unique(utc_days).tolist():
        rows = utc_days == utc_day
        first = sessions.trading_day(utc_day * NS_PER_DAY)
        found[rows] = first + (ts[rows] >= sessions.day_start(first + 1))
    return found


def _minute_rows(market: SymbolMarket, spec: CandleSpec, *, start: int, now: int) -> list[_Rows]:
    """The minutes from `start` on that are over, then the prints of the one that is not."""
    now_minute = now // NS_PER_MINUTE
    parts = []
    for day in range(start // NS_PER_DAY, now // NS_PER_DAY + 1):
        path = market.day(day)
        rows = np.flatnonzero((path.trade_count > 0) & (path.regular if spec.regular_only else True))
        minutes = day * MINUTES_PER_DAY + rows
        rows = rows[(minutes < now_minute) & (minutes >= start // NS_PER_MINUTE)]
        if not len(rows):
            continue
        time = bucket_times(spec, market.sessions, (day * MINUTES_PER_DAY + rows) * NS_PER_MINUTE)
        high, low, close, volume = path.high[rows], path.low[rows], path.close[rows], path.volume[rows]
        share = (close - low + 1) / (high - low + 2)
        parts.append(
            _Rows(
                time, time, np.zeros_like(time), path.trade_count[rows], path.open[rows], high, low, close, volume,
                volume * (high + low + close) / 3.0, np.rint(volume * share).astype(np.int64),
            )
        )  # fmt: skip
    for found in market.slices(max(start, now_minute * NS_PER_MINUTE) - 1, now):
        if found.prints.is_regular or not spec.regular_only:
            ts = found.prints.ts[found.first : found.last]
            time = bucket_times(spec, market.sessions, ts)
            parts.append(_of_prints(found, key=time, time=time, sequence=np.zeros_like(time)))
    return _joined(parts)


def _print_rows(market: SymbolMarket, spec: CandleSpec, *, start: int, now: int) -> list[_Rows]:
    parts = []
    day, ordinal = -1, 0
    start = start // NS_PER_MINUTE * NS_PER_MINUTE
    for found in market.slices(start - 1, now):
        if spec.regular_only and not found.prints.is_regular:
            continue
        ts = found.prints.ts[found.first : found.last]
        if spec.unit == "s":
            time = bucket_times(spec, market.sessions, ts)
            parts.append(_of_prints(found, key=time, time=time, sequence=np.zeros_like(time)))
            continue
        minute = int(ts[0]) // NS_PER_MINUTE * NS_PER_MINUTE
        if market.sessions.trading_day(minute) != day:
            day = market.sessions.trading_day(minute)
            ordinal = market.before(minute, day, regular_only=spec.regular_only)[0]
        bars = (ordinal + np.arange(len(ts))) // spec.period
        ordinal += len(ts)
        parts.append(_of_prints(found, key=day * (1 << 32) + bars, time=ts // NS_PER_MS, sequence=bars & 0x3FFFFF))
    return _joined(parts)


def _of_prints(found: Slice, *, key: Ints, time: Ints, sequence: Ints) -> _Rows:
    prints, rows = found.prints, slice(found.first, found.last)
    price, size = prints.price[rows], prints.size[rows]
    return _Rows(
        key, time, sequence, np.ones_like(price), price, price, price, price, size,
        (price * size).astype(np.float64), size * prints.is_buy[rows],
    )  # fmt: skip


def _joined(parts: list[_Rows]) -> list[_Rows]:
    return [_Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))] if parts else []


def _fold(joined: list[_Rows]) -> list[Candle]:
    """One candle for each run of equal keys."""
    if not joined:
        return []
    rows = joined[0]
    first = np.flatnonzero(np.diff(rows.key, prepend=rows.key[0] - 1))
    last = np.append(first[1:], len(rows.key)) - 1
    columns = (
        rows.time[first], rows.sequence[first], np.add.reduceat(rows.trade_count, first), rows.open[first],
        np.maximum.reduceat(rows.high, first), np.minimum.reduceat(rows.low, first), rows.close[last],
        np.add.reduceat(rows.volume, first), np.add.reduceat(rows.turnover, first),
        np.add.reduceat(rows.ask_volume, first),
    )  # fmt: skip
    return [Candle(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


class CandleBuilder:
    """The forming candle of one symbol and period, continued print by print from its state at `now`."""

    def __init__(self, market: SymbolMarket, spec: CandleSpec, *, now: int) -> None:
        self._market = market
        self._spec = spec
        self._until = 0  # ns: before it no new candle can begin by time
        self._bars = 0  # tick candles begun in this trading day
        self._candle: Candle | None = None
        self._resume(now)

    def _resume(self, now: int) -> None:
        if self._spec.unit != "t":
            self._candle = self._open_candle(int(self._bucket(now)), now)
            return
        day = self._enter_day(now)
        minute = now // NS_PER_MINUTE * NS_PER_MINUTE
        done = self._market.before(minute, day, regular_only=self._spec.regular_only)[0]
        for found in self._market.slices(minute - 1, now):
            if found.prints.is_regular or not self._spec.regular_only:
                done += found.last - found.first
        self._bars = -(-done // self._spec.period)
        if done % self._spec.period:
            candles, _ = history(self._market, self._spec, start_ms=0, now=now)
            self._candle = candles[-1] if candles else None

    def _open_candle(self, time: int, now: int) -> Candle | None:
        candles, _ = history(self._market, self._spec, start_ms=time, now=now)
        return candles[-1] if candles and candles[-1].time == time else None

    def _bucket(self, ts: int) -> int:
        """The candle's start for `ts`; notes until when that cannot change."""
        sessions = self._market.sessions
        time = int(bucket_times(self._spec, sessions, np.array([ts], dtype=np.int64))[0])
        if self._spec.unit in _SPAN:
            end = time * NS_PER_MS + self._spec.period * _SPAN[self._spec.unit]
            next_day = (ts // NS_PER_DAY + 1) * NS_PER_DAY
            if self._spec.from_session:
                next_day = sessions.day_start(sessions.trading_day(ts) + 1)
            self._until = min(end, next_day)
        else:
            self._until = sessions.day_start(sessions.trading_day(ts) + 1)
        return time

    def _enter_day(self, ts: int) -> int:
        day = self._market.sessions.trading_day(ts)
        self._until = self._market.sessions.day_start(day + 1)
        return day

    def add(self, *, ts: int, price: int, size: int, is_buy: int) -> tuple[Candle, bool]:
        """The candle after one more print, and whether the print began it."""
        begins = self._begins(ts)
        old = self._candle
        if begins or old is None:
            self._candle = self._begin(ts, price, size, is_buy)
            return self._candle, True
        self._candle = Candle(
            old.time, old.sequence, old.trade_count + 1, old.open,
            price if price > old.high else old.high, price if price < old.low else old.low, price,
            old.volume + size, old.turnover + price * size, old.ask_volume + size * is_buy,
        )  # fmt: skip
        return self._candle, False

    def _begins(self, ts: int) -> bool:
        if self._spec.unit == "t":
            if ts >= self._until:
                self._enter_day(ts)
                self._bars = 0
                return True
            return self._candle is None or self._candle.trade_count >= self._spec.period
        if ts < self._until:
            return self._candle is None
        return self._bucket(ts) != (self._candle.time if self._candle else None)

    def _begin(self, ts: int, price: int, size: int, is_buy: int) -> Candle:
        if self._spec.unit == "t":
            time, sequence = ts // NS_PER_MS, self._bars & 0x3FFFFF
            self._bars += 1
        else:
            time, sequence = self._bucket(ts), 0
        return Candle(time, sequence, 1, price, price, price, price, size, float(price * size), size * is_buy)
