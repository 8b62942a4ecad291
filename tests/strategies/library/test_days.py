"""Strategies of the day and the one that learns, against their rules worked out day by day from columns."""

from itertools import pairwise

import msgspec
import numpy as np
import pandas as pd
import pytest

from engine.errors import InvalidInput
from engine.indicators.table import compute
from engine.model.market import Bar
from strategies.library.opening_range import OpeningState, leave_opening
from strategies.registry import STRATEGIES, parse_params
from tests.contracts.strategy_checks import TUNED, columns_of, make_engine, run, sample_bars

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE


HELD = OpeningState(1.0, 1, 1.0, 3.0, 30, 100.0, 99.0, 1)  # long over a range of 99 to 100


def days_of(*seeds: int) -> list[Bar]:
    """Four trading days of minutes: the sample's short one and whole one, twice, a week apart."""
    return [
        msgspec.structs.replace(bar, ts=bar.ts + 7 * DAY * week, ts_open=bar.ts_open + 7 * DAY * week)
        for week, seed in enumerate(seeds)
        for bar in sample_bars(seed=seed)
    ]


BARS = days_of(11, 12)
COLUMNS = columns_of(BARS)
TABLE = pd.DataFrame(COLUMNS)
AT = pd.to_datetime(TABLE.ts, utc=True).dt.tz_convert("America/New_York")
TABLE["clock"] = AT.dt.hour * 60 + AT.dt.minute
TABLE["day"] = AT.dt.date


def told(name, **params):
    """(bar, target, reason) of every wish of the running strategy."""
    found = run(STRATEGIES[name], TUNED[name] | params, BARS).answers
    return [(a.bars - 1, a.wish.target, a.wish.reason) for a in found if a.wish is not None]


def first_of(name):
    return make_engine(STRATEGIES[name], TUNED[name]).slots["tried", "SPY"].need["1"] - 1


@pytest.mark.parametrize("volume_ratio", [0.0, 1.2])
def test_a_broken_opening_range_is_followed_to_its_middle_or_to_the_end_of_the_day(volume_ratio):
    usual = TABLE.volume / TABLE.volume.rolling(20).mean().shift(1)
    found, side = [], 0
    for _, day in TABLE.groupby("day", sort=False):
        first = day[(day.clock > 570) & (day.clock <= 580)]
        top, bottom, entries, before = first.high.max(), first.low.min(), 0, day.index[0]
        for i in day.index:
            clock, close = day.clock[i], day.close[i]
            may = 580 < clock <= 900 and entries < 3 and usual[i] >= volume_ratio and len(first)
            if side and (i == before or clock >= 955):
                found.append((i, 0, "day_over"))
                side = 0
            elif may and close > top and side <= 0:
                found.append((i, 1, "opening_broken_up"))
                side, entries = 1, entries + 1
            elif may and close < bottom and side >= 0:
                found.append((i, -1, "opening_broken_down"))
                side, entries = -1, entries + 1
            elif side and side * (close - (top + bottom) / 2) < 0:
                found.append((i, 0, "range_failed"))
                side = 0
    expected = [each for each in found if each[0] >= first_of("opening_range")]
    assert told("opening_range", volume_ratio=volume_ratio) == expected
    assert {"opening_broken_up", "opening_broken_down", "range_failed"} <= {reason for *_, reason in expected}


def test_a_day_that_ends_early_ends_with_the_next_days_first_bar():
    """The sample's whole day is a half one: it ends at 13:00, before the strategy's own end."""
    over = [i for i, _, reason in told("opening_range", sides="long") if reason == "day_over"]
    assert over
    assert all(TABLE.day[i] != TABLE.day[i - 1] for i in over)


def test_what_is_held_over_the_end_is_left_before_the_next_day_begins():
    """Bars of the hours before the open belong to the day before, and nothing is held there."""
    state = leave_opening(HELD, 101.0, 100.5, 100.9, 1.0, 480.0, HELD.day)
    assert (state.wish, state.rule, state.side) == (0.0, 2, 0.0)
    inside = leave_opening(HELD, 101.0, 100.5, 100.9, 1.0, 700.0, HELD.day)
    assert (inside.wish == inside.wish, inside.side) == (False, 1.0)


def test_a_price_far_from_the_days_average_is_followed_back_when_it_turns():
    p = parse_params("vwap_reversion", TUNED["vwap_reversion"])
    found, side, stop, away_before = [], 0, 0.0, 0.0
    for _, day in TABLE.groupby("day", sort=False):
        price = (day.high + day.low + day.close) / 3
        total = day.volume.cumsum()
        mean = (price * day.volume).cumsum() / total
        deviation = np.sqrt(((price**2 * day.volume).cumsum() / total - mean**2).clip(lower=0))
        for number, i in enumerate(day.index):
            close, clock = day.close[i], day.clock[i]
            away = (close - mean[i]) / deviation[i] if deviation[i] > 1e-6 else 0.0
            may = number + 1 >= p.min_bars and 570 < clock < 955
            if side and (number == 0 or clock >= 955):
                found.append((i, 0, "day_over"))
                side = 0
            elif may and side <= 0 and away_before <= -p.stretch and away_before < away and close < mean[i]:
                side, stop = 1, close - p.give_up * deviation[i]
                found.append((i, 1, "turned_below_average"))
            elif may and side >= 0 and away_before >= p.stretch and away_before > away and close > mean[i]:
                side, stop = -1, close + p.give_up * deviation[i]
                found.append((i, -1, "turned_above_average"))
            elif side and side * (close - stop) < 0:
                found.append((i, 0, "went_further"))
                side = 0
            elif side and side * (close - mean[i]) > 0:
                found.append((i, 0, "average_reached"))
                side = 0
            away_before = away
    assert told("vwap_reversion") == [each for each in found if each[0] >= first_of("vwap_reversion")]
    assert {"turned_below_average", "turned_above_average", "average_reached"} <= {reason for *_, reason in found}


def test_what_is_likely_enough_is_followed_until_it_is_not():
    spec = "rise_chance(10,5,60,0.05,0.001).value"
    chance, found, side, before = compute(COLUMNS, [spec])[spec], [], 0, 0
    for i in range(first_of("learned"), len(BARS)):
        now = 1 if chance[i] >= 0.52 else -1 if chance[i] <= 0.48 else 0
        if now and now != before:
            side = now
            found.append((i, side, "rise_is_likely" if side > 0 else "fall_is_likely"))
        elif side * (chance[i] - 0.5) < 0:
            side = 0
            found.append((i, 0, "no_longer_likely"))
        before = now
    assert told("learned") == found
    assert {1, -1, 0} == {target for _, target, _ in found}


def test_a_signal_of_the_model_is_as_confident_as_the_model_and_tells_what_it_had_learned():
    for answer in run(STRATEGIES["learned"], TUNED["learned"], BARS).answers:
        if answer.wish is not None and answer.wish.target:
            chance = answer.wish.evidence["chance"]
            assert answer.wish.confidence == (chance if answer.wish.target > 0 else 1 - chance) >= 0.52
            assert set(answer.wish.evidence) == {"chance", "level", "strength", "place", "change", "money"}


def minutes(moves: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of minutes whose closes make these moves."""
    close = 100 * np.exp(np.cumsum(moves))
    before = np.concatenate(([100.0], close[:-1]))
    return {
        "open": before, "high": np.maximum(before, close), "low": np.minimum(before, close), "close": close,
        "volume": np.full(len(close), 100.0), "ts": (np.arange(len(close)) + 1) * MINUTE,
    }  # fmt: skip


def test_the_model_finds_what_goes_on_and_what_comes_back_and_nothing_in_noise():
    """How often the side that it holds likely is right, on bars after those that it had learned from."""
    random, right = np.random.default_rng(5), {}
    noise = random.normal(0, 0.001, 6_000)
    for name, carried in (("goes on", 0.6), ("comes back", -0.6), ("noise", 0.0)):
        moves = noise.copy()
        for at in range(1, len(moves)):
            moves[at] += carried * moves[at - 1]
        columns = minutes(moves)
        spec = "rise_chance(10,1,500,0.05,0.001).value"
        chance = compute(columns, [spec])[spec][600:-1]
        rises = np.diff(columns["close"])[600:] > 0
        right[name] = float(((chance > 0.5) == rises).mean())
    assert right["goes on"] > 0.6
    assert right["comes back"] > 0.6
    assert 0.46 < right["noise"] < 0.54


@pytest.mark.parametrize(
    ("name", "params", "field"),
    [
        ("opening_range", {"last_entry_at": 580}, "last_entry_at"), ("opening_range", {"closes_at": 800}, "closes_at"),
        ("vwap_reversion", {"opens_at": 960}, "closes_at"), ("learned", {"enter": 0.6, "leave": 0.7}, "leave"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_go_together_are_refused_by_name(name, params, field):
    with pytest.raises(InvalidInput) as refused:
        parse_params(name, params)
    assert refused.value.field == field


def test_of_a_day_no_more_is_entered_than_allowed():
    entries = [TABLE.day[i] for i, target, _ in told("opening_range", most_entries=1) if target]
    assert len(entries) >= 2
    assert all(one != other for one, other in pairwise(entries))
