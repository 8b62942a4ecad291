"""Momentum, pullback, breakout and mean reversion against their rules worked out over whole columns with pandas."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from engine.errors import InvalidInput
from engine.indicators.table import compute
from engine.model.market import Bar
from strategies.library.mean_reversion_reclaim import MeanReversionReclaim, reclaim
from strategies.registry import STRATEGIES, parse_params
from tests.contracts.strategy_checks import MINUTE, TUNED, columns_of, make_engine, run, sample_bars

BARS = [bar for seed in (11, 12, 13) for bar in sample_bars(seed=seed)]
BARS = [
    msgspec.structs.replace(bar, ts=(i + 1) * 60_000_000_000, ts_open=i * 60_000_000_000) for i, bar in enumerate(BARS)
]
TABLE = pd.DataFrame(columns_of(BARS))
opens, highs, lows, closes, volumes = (TABLE[name] for name in ("open", "high", "low", "close", "volume"))


def answers(name, **params):
    """The wishes of the running strategy, as (bar, target)."""
    found = run(STRATEGIES[name], TUNED.get(name, {}) | params, BARS).answers
    return [(a.bars - 1, a.wish.target) for a in found if a.wish is not None]


def params_of(name, **more):
    return parse_params(name, TUNED.get(name, {}) | more)


def study(spec):
    return pd.Series(compute(columns_of(BARS), [spec])[spec])


def ema(n):
    return closes.ewm(span=n, adjust=False).mean()


def usual(n):
    """Volume as a multiple of the mean of the n bars before."""
    return volumes / volumes.rolling(n).mean().shift(1)


def followed(name, up, down, leaves, *, once=False, **more):
    """A wish for each entry (with `once`: for the first bar of a stretch of them), then out where `leaves` says."""
    kind = STRATEGIES[name]
    first = make_engine(kind, TUNED.get(name, {}) | more).slots["tried", "SPY"].need["1"] - 1
    found, side, entry, before = [], 0, 0, 0
    for i in range(first, len(BARS)):
        now = 1 if up[i] else -1 if down[i] else 0
        if now and not (once and now == before):
            side, entry = now, i
            found.append((i, side))
        elif side and leaves(i, side, entry):
            side = 0
            found.append((i, 0))
        before = now
    assert {1, -1, 0} == {target for _, target in found}
    return found


def test_momentum_enters_on_the_first_bar_of_change_trend_and_volume():
    p = params_of("momentum")
    change, trend = (closes / closes.shift(p.change_bars) - 1) * 100, ema(p.trend_bars)
    busy = volumes.rolling(p.volume_fast).mean() / volumes.rolling(p.volume_slow).mean() >= p.volume_ratio
    up = (change >= p.min_change_pct) & (closes > trend) & busy
    down = (change <= -p.min_change_pct) & (closes < trend) & busy

    def leaves(i, side, entry):
        return side * change[i] < 0 or side * (closes[i] - trend[i]) < 0

    assert answers("momentum") == followed("momentum", up, down, leaves, once=True)


def test_a_consolidation_is_left_on_volume_and_given_up_over_its_middle():
    p = params_of("breakout_consolidation")
    top, bottom = highs.rolling(p.box_bars).max().shift(1), lows.rolling(p.box_bars).min().shift(1)
    breaks = (top - bottom <= p.max_width * study(f"atr({p.atr_period})").shift(1)) & (
        usual(p.volume_bars) >= p.volume_ratio
    )

    def leaves(i, side, entry):
        return side * (closes[i] - (top[entry] + bottom[entry]) / 2) < 0

    expected = followed("breakout_consolidation", breaks & (closes > top), breaks & (closes < bottom), leaves)
    assert answers("breakout_consolidation") == expected


def stood(edge, first):
    """For how many bars the edge has been what it is, counted from the first decision on."""
    same = (edge == edge.shift(1)) & (edge.index > first)
    return same.groupby((~same).cumsum()).cumsum()


def test_a_range_is_left_over_an_edge_that_has_stood():
    p = params_of("breakout_range")
    first = make_engine(STRATEGIES["breakout_range"], TUNED["breakout_range"]).slots["tried", "SPY"].need["1"] - 1
    top, bottom = highs.rolling(p.range_bars).max().shift(1), lows.rolling(p.range_bars).min().shift(1)
    reach = p.buffer * study(f"atr({p.atr_period})").shift(1)
    calm = (study(f"adx({p.adx_period}).value").shift(1) <= p.max_adx) & (usual(p.volume_bars) >= p.volume_ratio)
    up = calm & (stood(top, first) >= p.stood) & (closes > top + reach)
    down = calm & (stood(bottom, first) >= p.stood) & (closes < bottom - reach)

    def leaves(i, side, entry):
        return closes[i] < top[entry] if side > 0 else closes[i] > bottom[entry]

    assert answers("breakout_range") == followed("breakout_range", up, down, leaves)


def test_a_trend_is_followed_over_new_extremes_and_left_by_the_shorter_channel():
    p = params_of("breakout_trend")
    fast, slow = ema(p.fast), ema(p.slow)
    strong = (study(f"adx({p.adx_period}).value") >= p.min_adx) & (usual(p.volume_bars) >= p.volume_ratio)
    up = strong & (fast > slow) & (highs.rolling(p.channel_bars).max().shift(1) < closes)
    down = strong & (fast < slow) & (lows.rolling(p.channel_bars).min().shift(1) > closes)
    low, high = lows.rolling(p.exit_bars).min().shift(1), highs.rolling(p.exit_bars).max().shift(1)

    def leaves(i, side, entry):
        return closes[i] < low[i] if side > 0 else closes[i] > high[i]

    assert answers("breakout_trend") == followed("breakout_trend", up, down, leaves, once=True)


@pytest.mark.parametrize("entry", ["average", "band", "rsi"])
def test_a_pullback_is_bought_when_the_trend_goes_on(entry):
    p = params_of("pullback", entry=entry)
    fast, slow = ema(p.fast), ema(p.slow)
    rising, falling = (fast > slow) & (closes > slow), (fast < slow) & (closes < slow)
    if entry == "rsi":
        rsi = study(f"rsi({p.rsi_period})")
        dip, peak = rising & (rsi <= p.oversold), falling & (rsi >= 100 - p.oversold)
    else:
        reach = p.band * study(f"atr({p.fast},average=sma)") if entry == "band" else 0.0
        dip, peak = rising & (fast - reach >= lows), falling & (fast + reach <= highs)
    first = (
        make_engine(STRATEGIES["pullback"], TUNED["pullback"] | {"entry": entry}).slots["tried", "SPY"].need["1"] - 1
    )
    found, used, side = [], first - 1, 0
    for i in range(first, len(BARS)):
        came_back = range(max(used + 1, i - p.within), i + 1)
        goes_on = 1 if i > first and rising[i] and closes[i] > highs[i - 1] and any(dip[j] for j in came_back) else 0
        goes_on = goes_on or (
            -1 if i > first and falling[i] and closes[i] < lows[i - 1] and any(peak[j] for j in came_back) else 0
        )
        if goes_on:
            side, used = goes_on, i
            found.append((i, side))
        elif side * (closes[i] - slow[i]) < 0:
            side = 0
            found.append((i, 0))
    assert answers("pullback", entry=entry) == found
    assert {1, -1, 0} == {target for _, target in found}


def test_support_that_holds_is_bought_and_left_at_the_mean_or_below_the_level():
    p = params_of("mean_reversion_support")
    support, resistance = lows.rolling(p.level_bars).min().shift(1), highs.rolling(p.level_bars).max().shift(1)
    mean, reach = closes.rolling(p.mean_bars).mean(), p.tolerance * study(f"atr({p.atr_period})")
    rsi = study(f"rsi({p.rsi_period})")
    up = (support + reach >= lows) & (closes > support) & (closes > opens) & (mean > closes) & (rsi <= p.oversold)
    down = (
        (resistance - reach <= highs)
        & (closes < resistance)
        & (closes < opens)
        & (mean < closes)
        & (rsi >= 100 - p.oversold)
    )

    def leaves(i, side, entry):
        level = support[entry] if side > 0 else resistance[entry]
        return side * (closes[i] - mean[i]) > 0 or side * (closes[i] - level) < -reach[i]

    expected = followed("mean_reversion_support", up, down, leaves, once=True)
    assert answers("mean_reversion_support") == expected
    reasons = {
        a.wish.reason
        for a in run(STRATEGIES["mean_reversion_support"], TUNED["mean_reversion_support"], BARS).answers
        if a.wish is not None
    }
    assert {"support_held", "resistance_held", "mean_reached", "level_lost"} == reasons


def reclaimed(path, *, bottoms=None, mean=110.0, within=3, max_depth=2.0, sides="both"):
    """Wishes and rules along a path over a support at 100 and far below a resistance, the true range being 1."""
    state, found = MeanReversionReclaim.decision.initial(), []
    for i, close in enumerate(path):
        low = bottoms[i] if bottoms else close - 0.1
        state = reclaim(state, close + 0.1, low, close, 100.0, 200.0, mean, 1.0, within, max_depth, sides)
        found.append((state.wish, state.rule) if state.wish == state.wish else None)
    return found


def test_a_lost_level_that_is_won_back_in_time_is_bought():
    assert reclaimed([101.0, 99.0, 99.5, 100.5]) == [None, None, None, (1.0, 1)]
    assert reclaimed([101.0, 99.0, 99.5, 99.6, 99.7, 100.5]) == [None] * 6, "too late"
    assert reclaimed([101.0, 97.5, 100.5]) == [None] * 3, "lost too deep"
    assert reclaimed([101.0, 99.0, 97.0, 100.5]) == [None] * 4, "fell too deep while lost"
    assert reclaimed([101.0, 99.0, 100.5], mean=100.2) == [None] * 3, "nothing to go back to"
    assert reclaimed([101.0, 99.0, 100.5], sides="short") == [None] * 3


def test_a_reclaim_is_left_at_the_mean_or_below_the_low_it_came_from():
    path = [101.0, 99.0, 100.5, 105.0, 110.5]
    assert reclaimed(path)[2:] == [(1.0, 1), None, (0.0, 0)]
    bottoms = [100.9, 98.4, 100.0, 98.0, 98.0]
    assert reclaimed([101.0, 99.0, 100.5, 98.5, 98.3], bottoms=bottoms)[2:] == [(1.0, 1), None, (0.0, 2)]


def test_a_resistance_that_is_won_back_is_sold():
    state, wishes = MeanReversionReclaim.decision.initial(), []
    for close in (99.0, 101.0, 99.5, 90.0):
        state = reclaim(state, close + 0.1, close - 0.1, close, 50.0, 100.0, 95.0, 1.0, 3, 2.0, "both")
        wishes.append(state.wish)
    assert np.array_equal(wishes, [np.nan, np.nan, -1.0, 0.0], equal_nan=True)


@pytest.mark.parametrize("name", [n for n in STRATEGIES if "sides" in STRATEGIES[n].Params.__struct_fields__])
def test_one_side_only_is_entered_where_that_is_asked_for(name):
    both = {target for _, target in answers(name)}
    assert {1, -1} <= both
    assert {target for _, target in answers(name, sides="long")} - {0} == {1}
    assert {target for _, target in answers(name, sides="short")} - {0} == {-1}


def test_entries_wait_for_a_mover_of_the_kind_that_is_asked_for():
    """A slow climb of half a percent, then a jump of more than one."""
    path = [100.0] * 40 + [100.0 + 0.05 * k for k in range(1, 11)] + [100.0] * 20 + [101.2] * 3
    bars = [
        Bar((i + 1) * MINUTE, "SPY", "1", i * MINUTE, before, max(before, now), min(before, now), now, 100.0)
        for i, (before, now) in enumerate(zip([100.0, *path], path, strict=False))
    ]

    def entries(movers):
        found = run(STRATEGIES["momentum"], TUNED["momentum"] | {"movers": movers}, bars).answers
        return [a.bars - 1 for a in found if a.wish is not None and a.wish.target == 1]

    assert entries("any") == [46, 70]
    assert entries("fast") == [70]
    assert entries("both") == [70]
    assert entries("slow") == []


def test_averages_out_of_order_are_refused_by_name():
    for name in ("pullback", "breakout_trend"):
        with pytest.raises(InvalidInput) as caught:
            parse_params(name, {"fast": 50, "slow": 50})
        assert caught.value.field == "slow"
    with pytest.raises(InvalidInput) as caught:
        parse_params("breakout_range", {"stood": 40, "range_bars": 40})
    assert caught.value.field == "stood"
