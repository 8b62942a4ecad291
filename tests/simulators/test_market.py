"""The synthetic market: one seed, one path, whatever way it is looked at."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, from_datetime
from infra import codec
from simulators.listing import active_contract, listing_of
from simulators.market import Market, MarketConfig
from simulators.path import PathGenerator, Regime
from simulators.sessions import Sessions

TODAY = date(2026, 11, 21)
NOON = from_datetime(datetime(2026, 11, 20, 17, tzinfo=UTC))


def make(**settings) -> Market:
    return Market(MarketConfig(**{"seed": 7, "always_open": True, **settings}), today=TODAY)


def served(market: Market, symbol: str, *, start: int, end: int, chunk: int) -> bytes:
    out = []
    while start < end:
        stop = min(start + chunk, end)
        out += [codec.encode(tick) for tick in market.ticks(symbol, start=start, end=stop)]
        start = stop
    return b"\n".join(out)


ALL = tuple(make().listings)


@pytest.mark.parametrize("symbol", ALL)
def test_a_seed_replays_exactly_in_another_market(symbol):
    end = NOON + 5 * NS_PER_MINUTE
    first = served(make(), symbol, start=NOON, end=end, chunk=end)
    assert len(first) > 1_000
    assert first == served(make(), symbol, start=NOON, end=end, chunk=end)
    assert first != served(make(seed=8), symbol, start=NOON, end=end, chunk=end)


@settings(max_examples=25, deadline=None)
@given(
    chunk=st.integers(20_000_000, 200 * NS_PER_S),
    offset=st.integers(-NS_PER_HOUR, NS_PER_HOUR),
    elsewhere=st.lists(st.integers(-3 * NS_PER_DAY, 3 * NS_PER_DAY), max_size=3),
)
def test_polling_in_other_chunks_or_elsewhere_first_changes_nothing(chunk, offset, elsewhere):
    market, start = make(), NOON + offset
    for away in elsewhere:
        list(market.ticks("SPY", start=start + away, end=start + away + NS_PER_S))
    whole = served(make(), "SPY", start=start, end=start + 90 * NS_PER_S, chunk=90 * NS_PER_S)
    assert served(market, "SPY", start=start, end=start + 90 * NS_PER_S, chunk=chunk) == whole


@pytest.mark.parametrize("symbol", ALL)
def test_prices_sit_on_the_grid_and_prints_at_the_bid_or_the_ask(symbol):
    market = make()
    tick = 1 / market.listings[symbol].ticks_per_point
    for print_ in market.ticks(symbol, start=NOON, end=NOON + 5 * NS_PER_MINUTE):
        for price in (print_.price, print_.bid, print_.ask):
            assert price == round(round(price / tick) * tick, 4)
        assert print_.bid < print_.ask
        assert print_.price in (print_.bid, print_.ask)


def test_only_the_index_has_no_size():
    market = make()
    assert {tick.size for tick in market.ticks("SPX", start=NOON, end=NOON + NS_PER_MINUTE)} == {0.0}
    assert all(tick.size >= 1 for tick in market.ticks("SPY", start=NOON, end=NOON + NS_PER_MINUTE))


@pytest.mark.parametrize("rate", [0.02, 0.1, 4.0, 50.0])
def test_minutes_of_the_day_agree_with_their_prints(rate):
    market = make(tick_rate=rate).find("TSLA")
    assert market is not None
    path, day = market.day(NOON // NS_PER_DAY), NOON // NS_PER_DAY
    for row in range(0, 1440, 7):
        prints = market.minute(day * 1440 + row)
        assert len(prints.ts) == path.trade_count[row]
        if len(prints.ts):
            seen = prints.price
            assert (seen[0], seen.max(), seen.min(), seen[-1]) == (
                path.open[row], path.high[row], path.low[row], path.close[row],
            )  # fmt: skip
            assert prints.size.sum() == path.volume[row]
            assert (np.diff(prints.ts) >= 0).all()


def test_days_join_without_a_jump():
    market = make().find("SPY")
    assert market is not None
    day = NOON // NS_PER_DAY
    for today in range(day - 20, day):
        jump = market.day(today + 1).open[0] - market.day(today).close[-1]
        assert abs(jump) <= 1


def test_symbols_with_one_driver_move_together():
    market = make()
    big, small, other = (market.find(symbol) for symbol in ("/ESZ26:XCME", "/MESZ26:XCME", "/GCZ26:XCEC"))
    assert big and small and other
    day = NOON // NS_PER_DAY
    assert (big.day(day).close == small.day(day).close).all()
    moves = [np.diff(found.day(day).close) for found in (big, other)]
    assert abs(np.corrcoef(moves[0], moves[1])[0, 1]) < 0.2


def test_another_seed_is_another_market_in_regimes_and_in_every_move():
    day = NOON // NS_PER_DAY
    one, two = (make(seed=seed).find("SPY") for seed in (1, 2))
    assert one and two
    assert (one.day(day).regime == two.day(day).regime).mean() < 0.5
    moves = [np.diff(market.day(day).close) for market in (one, two)]
    assert abs(np.corrcoef(moves[0], moves[1])[0, 1]) < 0.2


def test_regimes_switch_and_leave_their_mark_on_the_volatility():
    generator = PathGenerator(
        listing_of("SPY"), seed=1, tick_rate=4.0, sessions=Sessions(AssetClass.EQUITY, always_open=True)
    )
    ranges: dict[int, list[int]] = {regime: [] for regime in Regime}
    for day in range(20_000, 20_010):
        path = generator.day(day)
        for regime in Regime:
            ranges[regime] += (path.high - path.low)[path.regime == regime].tolist()
    mean = {regime: np.mean(found) for regime, found in ranges.items()}
    assert all(len(found) > 500 for found in ranges.values())
    assert mean[Regime.VOLATILE] > 1.5 * mean[Regime.RANGE] > 1.5 * mean[Regime.QUIET]


def test_the_tick_rate_is_the_one_asked_for():
    market = make(tick_rate=4.0, tick_rates={"IBM": 20.0})
    day = NOON // NS_PER_DAY
    for symbol, rate in (("SPY", 4.0), ("IBM", 20.0)):
        found = market.find(symbol)
        assert found is not None
        assert found.day(day).trade_count.sum() / 86_400 == pytest.approx(rate, rel=0.15)


def test_many_symbols_together_keep_a_steady_rate():
    market, day = make(extra_symbols=60), NOON // NS_PER_DAY
    found = [market.find(f"SYM{number:03d}") for number in range(1, 61)]
    rate = np.mean([one.day(day).trade_count for one in found if one], axis=0) / 60
    assert rate.mean() == pytest.approx(4.0, rel=0.03)
    by_quarter_hour = rate.reshape(-1, 15).mean(axis=1)
    assert 3.2 < by_quarter_hour.min() < by_quarter_hour.max() < 4.8


def is_open(asset_class: AssetClass, when: str) -> bool:
    sessions = Sessions(asset_class, always_open=False)
    return sessions.is_open(from_datetime(datetime.fromisoformat(when)))


@pytest.mark.parametrize(
    ("asset_class", "when", "expected"),
    [
        (AssetClass.EQUITY, "2026-11-20T14:30:00+00:00", True),  # 09:30 in New York
        (AssetClass.EQUITY, "2026-11-20T08:59:00+00:00", False),  # 03:59: before the early session
        (AssetClass.EQUITY, "2026-11-20T09:00:00+00:00", True),
        (AssetClass.EQUITY, "2026-11-21T00:59:00+00:00", True),  # 19:59 on Friday evening
        (AssetClass.EQUITY, "2026-11-21T01:00:00+00:00", False),
        (AssetClass.EQUITY, "2026-11-21T15:00:00+00:00", False),  # Saturday
        (AssetClass.EQUITY, "2026-11-26T15:00:00+00:00", False),  # Thanksgiving
        (AssetClass.EQUITY, "2026-11-27T22:30:00+00:00", False),  # half day: closed at 17:00
        (AssetClass.EQUITY, "2026-07-01T08:00:00+00:00", True),  # 04:00 in summer
        (AssetClass.INDEX, "2026-11-20T14:29:00+00:00", False),
        (AssetClass.FUTURE, "2026-11-20T21:59:00+00:00", True),  # 16:59 on Friday
        (AssetClass.FUTURE, "2026-11-20T22:00:00+00:00", False),  # week's end
        (AssetClass.FUTURE, "2026-11-22T23:00:00+00:00", True),  # Sunday 18:00
        (AssetClass.FUTURE, "2026-11-18T22:30:00+00:00", False),  # the daily break
        (AssetClass.FUTURE, "2026-11-18T23:00:00+00:00", True),
        (AssetClass.FOREX, "2026-11-20T21:59:00+00:00", True),  # 16:59 on Friday
        (AssetClass.FOREX, "2026-11-20T22:15:00+00:00", False),  # week's end
        (AssetClass.FOREX, "2026-11-22T22:14:00+00:00", False),
        (AssetClass.FOREX, "2026-11-22T22:15:00+00:00", True),  # Sunday 17:15
        (AssetClass.FOREX, "2026-11-18T22:10:00+00:00", False),  # the daily break
        (AssetClass.FOREX, "2026-11-26T15:00:00+00:00", True),  # Thanksgiving
        (AssetClass.FOREX, "2025-12-25T15:00:00+00:00", False),
    ],
)
def test_hours_follow_the_exchange(asset_class, when, expected):
    assert is_open(asset_class, when) is expected


def test_a_closed_market_prints_nothing_and_an_always_open_one_does():
    saturday = from_datetime(datetime(2026, 11, 21, 15, tzinfo=UTC))
    closed = make(always_open=False)
    for symbol in ("SPY", "/ESZ26:XCME", "SPX"):
        assert not list(closed.ticks(symbol, start=saturday, end=saturday + NS_PER_HOUR))
    assert list(make().ticks("SPY", start=saturday, end=saturday + NS_PER_MINUTE))


def test_the_last_print_before_a_weekend_is_found_on_sunday():
    market = make(always_open=False).find("SPY")
    assert market is not None
    sunday = from_datetime(datetime(2026, 11, 22, 12, tzinfo=UTC))
    found = market.last(sunday)
    assert found is not None
    last = int(found.prints.ts[found.first])
    friday_close = from_datetime(datetime(2026, 11, 21, 1, tzinfo=UTC))
    assert friday_close - 10 * NS_PER_MINUTE < last < friday_close


def test_a_futures_day_begins_the_evening_before():
    sessions = Sessions(AssetClass.FUTURE, always_open=False)
    evening = from_datetime(datetime(2026, 11, 19, 23, 30, tzinfo=UTC))  # Thursday 18:30 in New York
    friday = (date(2026, 11, 20) - date(1970, 1, 1)).days
    assert sessions.trading_day(evening) == friday
    assert sessions.day_start(friday) == from_datetime(datetime(2026, 11, 19, 23, tzinfo=UTC))


def test_the_days_volume_counts_from_the_trading_days_start():
    market = make(always_open=False).find("/ESZ26:XCME")
    assert market is not None
    day = market.sessions.trading_day(NOON)
    start, total = market.sessions.day_start(day), 0
    for slice_ in market.slices(start - 1, NOON - 1):
        total += int(slice_.prints.size[slice_.first : slice_.last].sum())
    assert market.before(NOON, day)[1] == total > 0


@pytest.mark.parametrize(
    ("root", "today", "expected"),
    [
        ("ES", date(2026, 11, 21), "/ESZ26:XCME"),
        ("ES", date(2026, 12, 10), "/ESH27:XCME"),  # eight days before the third Friday
        ("MNQ", date(2026, 12, 9), "/MNQZ26:XCME"),
        ("GC", date(2026, 11, 21), "/GCZ26:XCEC"),
        ("CL", date(2026, 11, 21), "/CLF27:XNYM"),
    ],
)
def test_roots_name_their_active_contract(root, today, expected):
    assert active_contract(root, today) == expected


def test_unlisted_symbols_are_unknown_and_other_contracts_of_a_root_are_not():
    market = make(extra_symbols=2)
    assert market.find("SYM002") is not None
    assert market.find("SYM003") is None
    assert market.find("/ESH27:XCME") is not None
    assert market.find("/YMZ26:XCBT") is None
    assert make(symbols=("MSFT",)).find("SPY") is None
