"""Candles: the history served equals the prints folded by hand, and what was served as it formed."""

from datetime import UTC, date, datetime

import pytest

from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, from_datetime
from simulators.candles import MAX_CANDLES, Candle, CandleBuilder, CandleSpec, event_index, history
from simulators.market import Market, MarketConfig, SymbolMarket

NOW = from_datetime(datetime(2026, 11, 20, 15, 3, 27, tzinfo=UTC))  # 10:03:27 in New York, a Friday
SPECS = [
    CandleSpec(1, "m"), CandleSpec(5, "m"), CandleSpec(7, "m"), CandleSpec(15, "s"), CandleSpec(1, "h"),
    CandleSpec(1, "t"), CandleSpec(144, "t"), CandleSpec(1, "d"), CandleSpec(5, "m", regular_only=True),
    CandleSpec(100, "t", regular_only=True), CandleSpec(7, "h", from_session=True), CandleSpec(1, "w"),
]  # fmt: skip


def symbol_market(symbol: str = "SPY", *, always_open: bool = False, rate: float = 2.0) -> SymbolMarket:
    market = Market(MarketConfig(seed=3, always_open=always_open, tick_rate=rate), today=date(2026, 11, 20))
    found = market.find(symbol)
    assert found is not None
    return found


def day_of(spec: CandleSpec, trading_day: int) -> int:
    if spec.unit == "w":
        return (trading_day + 3) // 7 * 7 - 3
    return trading_day


def by_hand(market: SymbolMarket, spec: CandleSpec, *, start: int, end: int) -> list[tuple[int, ...]]:
    """(time, sequence, count, open, high, low, close, volume) of the prints in [start, end], one by one."""
    out: list[list[int]] = []
    key: object = None
    bar: object
    ordinal, session = 0, -1
    for found in market.slices(start - 1, end):
        for row in range(found.first, found.last):
            if spec.regular_only and not found.prints.is_regular:
                continue
            ts, price, size = (int(column[row]) for column in (found.prints.ts, found.prints.price, found.prints.size))
            trading_day = market.sessions.trading_day(ts)
            if trading_day != session:
                session, ordinal = trading_day, 0
            sequence = 0
            if spec.unit == "t":
                bar, time = (trading_day, ordinal // spec.period), ts // NS_PER_MS
                sequence = ordinal // spec.period
                ordinal += 1
            elif spec.unit in ("d", "w"):
                time = bar = day_of(spec, trading_day) * NS_PER_DAY // NS_PER_MS
            else:
                anchor = market.sessions.day_start(trading_day) if spec.from_session else ts // NS_PER_DAY * NS_PER_DAY
                span = spec.period * {"s": NS_PER_S, "m": NS_PER_MINUTE, "h": NS_PER_HOUR}[spec.unit]
                bar = time = (anchor + (ts - anchor) // span * span) // NS_PER_MS
            if bar != key:
                key = bar
                out.append([time, sequence, 0, price, price, price, price, 0])
            candle = out[-1]
            candle[2] += 1
            candle[4], candle[5], candle[6] = max(candle[4], price), min(candle[5], price), price
            candle[7] += size
    return [tuple(candle) for candle in out]


def told(candles: list[Candle]) -> list[tuple[int, ...]]:
    return [(c.time, c.sequence, c.trade_count, c.open, c.high, c.low, c.close, c.volume) for c in candles]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("symbol", ["SPY", "/ESZ26:XCME"])
def test_history_equals_the_prints_folded_by_hand(spec, symbol):
    market = symbol_market(symbol)
    day = market.sessions.trading_day(NOW)
    start = market.sessions.day_start(day - 4 if spec.unit == "w" else day)
    start_ms = day_of(spec, day) * NS_PER_DAY // NS_PER_MS if spec.unit in ("d", "w") else start // NS_PER_MS
    expected = [bar for bar in by_hand(market, spec, start=start, end=NOW) if bar[0] >= start_ms]
    candles, truncated = history(market, spec, start_ms=start_ms, now=NOW)
    if spec.needs_prints:  # reaches back six hours only
        expected = expected[-len(candles) :]
        assert len(candles) > 5
    else:
        assert not truncated
    assert told(candles) == expected


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("after", [0, 31 * NS_PER_S, 400 * NS_PER_S])
def test_the_forming_candle_ends_as_history_will_show_it(spec, after):
    market = symbol_market("/ESZ26:XCME")
    begin, end = NOW + after, NOW + after + 12 * NS_PER_MINUTE
    builder = CandleBuilder(market, spec, now=begin)
    seen: dict[int, Candle] = {}
    for found in market.slices(begin, end):
        prints = found.prints
        if spec.regular_only and not prints.is_regular:
            continue
        for row in range(found.first, found.last):
            candle, begins = builder.add(
                ts=int(prints.ts[row]), price=int(prints.price[row]), size=int(prints.size[row]),
                is_buy=int(prints.is_buy[row]),
            )  # fmt: skip
            assert begins is (candle.trade_count == 1)
            seen[candle.index] = candle
    later, _ = history(market, spec, start_ms=min(c.time for c in seen.values()), now=end)
    assert told(list(seen.values())) == told([candle for candle in later if candle.index in seen])
    assert set(seen) <= {candle.index for candle in later}


def test_tick_candles_begin_anew_with_the_trading_day():
    market = symbol_market("/ESZ26:XCME", rate=1.0)
    spec = CandleSpec(144, "t")
    evening = from_datetime(datetime(2026, 11, 19, 23, 20, tzinfo=UTC))
    candles, _ = history(market, spec, start_ms=(evening - 3 * NS_PER_HOUR) // NS_PER_MS, now=evening)
    first_of_day = next(index for index, candle in enumerate(candles) if candle.sequence == 0)
    assert candles[first_of_day].time >= (evening - 20 * NS_PER_MINUTE) // NS_PER_MS
    assert candles[first_of_day - 1].sequence > 0
    assert all(candle.trade_count == 144 for candle in candles[: first_of_day - 1])


def test_the_builder_restarts_tick_candles_at_the_trading_days_start():
    market = symbol_market(always_open=True)
    midnight = (NOW // NS_PER_DAY + 1) * NS_PER_DAY
    begin, end = midnight - NS_PER_MINUTE, midnight + 3 * NS_PER_MINUTE
    builder, seen = CandleBuilder(market, CandleSpec(50, "t"), now=begin), {}
    for found in market.slices(begin, end):
        for row in range(found.first, found.last):
            prints = found.prints
            candle, _ = builder.add(
                ts=int(prints.ts[row]), price=int(prints.price[row]), size=int(prints.size[row]), is_buy=0
            )
            seen[candle.index] = candle
    later, _ = history(market, CandleSpec(50, "t"), start_ms=midnight // NS_PER_MS, now=end)
    assert later[0].sequence == 0
    assert told(later) == told([candle for candle in seen.values() if candle.time >= midnight // NS_PER_MS])


def test_a_long_wish_is_cut_short_and_says_so():
    market = symbol_market(always_open=True)
    candles, truncated = history(market, CandleSpec(1, "m"), start_ms=1_000_000_000, now=NOW)
    assert truncated
    assert len(candles) <= MAX_CANDLES + 1
    assert candles[-1].time == NOW // NS_PER_MINUTE * NS_PER_MINUTE // NS_PER_MS


def test_the_index_packs_seconds_millis_and_sequence():
    assert event_index(1736988984670, 0) == 7460310882602450944
    assert event_index(1736988984670, 5) == 7460310882602450949
