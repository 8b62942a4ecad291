"""What is said of trades: quality of exits, capital, the worst, suspicion and chance, by hand-made trades."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.simulation.sweep import records as k
from discovery.mining.distinct import distinct
from discovery.mining.market import Trades
from discovery.mining.quality import ExitQuality, exit_quality
from discovery.mining.suspicion import suspicion
from discovery.mining.truths import counts, packed, unpacked
from discovery.mining.usage import capital_use, worst_trades
from discovery.mining.verdict import Chance, chance, corrected
from engine.instruments.catalog import instrument_for
from tests.backtest.sweep.world import walk


def made(*rows: tuple[float, ...]) -> Trades:
    """Trades of (entry bar, exit bar, side, entry, exit, code), closed at the open of their exit bar."""
    entry, left, sign, paid, got, code = (np.array(column) for column in zip(*rows, strict=True))
    return Trades(entry, left, left, sign, (got - paid) * sign * 1.0, paid * 1.0, got * 1.0, code)


def some(pnl: np.ndarray) -> Trades:
    at = np.arange(len(pnl)) * 3
    zeros = np.zeros(len(pnl))
    return Trades(at, at + 2, at + 2, np.ones(len(pnl), np.int64), pnl, zeros, zeros, np.full(len(pnl), k.BY_DEADLINE))


class Bars(SimpleNamespace):
    """As much of a set of bars as is looked at."""

    def __len__(self) -> int:
        return len(self.ts)


def market(bars: int = 40, **prices: list[float]) -> Any:
    walked = walk(bars)
    shown = Bars(ts=walked.ts, ts_open=walked.ts_open, **{name: np.array(values) for name, values in prices.items()})
    return SimpleNamespace(bars=shown, instrument=instrument_for("SPY"), quantity=2.0)


# ---- quality of exits --------------------------------------------------------------------------------------------

HIGH = [10.0, 11.0, 14.0, 12.0, 12.0, 10.0, 9.0, 9.0, 10.0, 10.0]
LOW = [9.0, 10.0, 12.0, 11.0, 8.0, 6.0, 7.0, 8.0, 9.0, 9.0]


def test_a_trade_left_at_its_best_price_is_as_good_as_can_be():
    quality = exit_quality(made((0, 2, 1, 10.0, 14.0, k.BY_TARGET + 1)), market(10, high=HIGH, low=LOW))
    assert quality == ExitQuality(1.0, 1.0, 1.0, 1.0, 1.0)
    assert quality.score == 1.0


def test_what_was_given_back_and_how_long_it_was_held_after_the_best_price_count():
    quality = exit_quality(made((0, 4, 1, 10.0, 12.0, k.BY_TRAIL)), market(10, high=HIGH, low=LOW))
    assert quality.giveback == pytest.approx(0.5)  # of 4 points 2 were kept
    assert quality.hold == pytest.approx(0.5)  # the best price was in the third of four bars
    assert quality.exit_type == 0.8


def test_shorts_are_mirrored_and_losses_count_against():
    trades = made((3, 6, -1, 12.0, 7.0, k.BY_DEADLINE), (7, 9, 1, 8.0, 6.0, k.BY_STOP))
    quality = exit_quality(trades, market(10, high=HIGH, low=LOW))
    assert quality.pnl == pytest.approx(5 / 7)
    assert quality.drawdown == pytest.approx(1 - 2 / 5)
    assert quality.exit_type == pytest.approx((0.5 + 0.0) / 2)
    assert quality.giveback == pytest.approx((5 / 6 + 0.0) / 2)  # 12 → 6 at best; and 8 → 9, of which nothing was kept


def test_no_trades_have_no_quality():
    assert exit_quality(some(np.empty(0)), market()).score == 0.0


# ---- capital and the worst ---------------------------------------------------------------------------------------


def test_capital_is_what_is_held_at_once():
    first, second = made((0, 4, 1, 100.0, 101.0, 0)), made((2, 6, -1, 50.0, 49.0, 0))
    use = capital_use([first, second], market(10))
    assert use is not None
    assert use.in_market == pytest.approx(0.6)
    assert [use.most_at_once, use.mean_at_once] == [2, pytest.approx(8 / 6)]
    assert use.most_notional == pytest.approx(300.0)  # two shares each
    assert use.mean_notional == pytest.approx((200 * 4 + 100 * 4) / 6)
    assert use.return_on_capital == pytest.approx(2 / 300)
    assert capital_use([some(np.empty(0))], market()) is None


def test_positions_that_follow_each_other_on_one_bar_are_one_at_a_time():
    use = capital_use([made((0, 4, 1, 100.0, 101.0, 0), (4, 8, 1, 100.0, 101.0, 0))], market(10))
    assert use is not None
    assert [use.most_at_once, use.in_market] == [1, pytest.approx(0.8)]


def test_the_worst_trades_are_the_bottom_of_all():
    worst = worst_trades(some(np.array([5.0, -3.0, 1.0, -9.0, 2.0, -1.0, 4.0, 0.0, 6.0, 7.0])), market(), share=0.2)
    assert worst is not None
    assert (worst.trades, worst.at_most, worst.mean, worst.total) == (2, -3.0, -6.0, -12.0)
    assert [trade["pnl"] for trade in worst.listed] == [-9.0, -3.0]
    assert worst.listed[0]["entry_ts"] < worst.listed[0]["exit_ts"]


# ---- suspicion ---------------------------------------------------------------------------------------------------


def test_an_honest_edge_is_not_suspicious():
    pnl = np.random.default_rng(1).normal(0.3, 1.0, 200)
    assert suspicion(some(pnl), 0.3, late=some(pnl * 0.8), tested=0.2).score == 0.0


@pytest.mark.parametrize(
    ("pnl", "ratio", "late", "tested", "said"),
    [
        (np.where(np.arange(100) % 10, 1.0, -2.0), 0.3, 0.9, 0.3, "90% of 100 trades won"),
        (np.where(np.arange(100) % 3, 1.0, -0.1), 0.3, 0.9, 0.3, "six times"),
        (np.where(np.arange(100) % 2, 1.0, -0.5), 0.3, 0.1, 0.3, "one bar later it keeps 10%"),
        (np.where(np.arange(100) % 2, 1.0, -0.5), 1.0, 0.9, 0.3, "15.9 a year"),
        (np.where(np.arange(100) % 2, 1.0, -0.5), 0.5, 0.9, -0.1, "was not searched in"),
        (np.where(np.arange(100) < 5, 20.0, -0.2), 0.3, 0.9, 0.3, "5 of 100 trades"),
    ],
)
def test_each_sign_is_told_and_adds_to_the_score(pnl, ratio, late, tested, said):
    doubt = suspicion(some(pnl), ratio, late=some(pnl * late), tested=tested)
    assert [said in sign.reason for sign in doubt.signs] == [True]
    assert doubt.score == doubt.signs[0].weight


# ---- chance ------------------------------------------------------------------------------------------------------


def test_the_more_was_tried_the_less_the_best_of_it_says():
    rng = np.random.default_rng(2)
    searched, tested = rng.normal(0.4, 1.0, 60), rng.normal(0.4, 1.0, 40)
    found = [chance(searched, tested, trials=trials, variance=1 / 60) for trials in (1, 100, 10_000)]
    one, many, most = (each.searched or 0.0 for each in found)
    assert 0.0 < one < many < most
    assert len({each.tested for each in found}) == 1
    assert found[2].text.startswith("best of 10,000 trials; corrected p = ")


def test_a_few_days_or_none_that_vary_say_nothing():
    assert chance(np.ones(30), np.arange(5.0), trials=5, variance=0.1) == Chance(5, None, None)
    assert not Chance(5, None, None).is_small


def test_what_judges_is_corrected_for_the_number_of_rules_that_are_judged():
    tested = [0.01, None, 0.04, 0.03]
    found = corrected([Chance(9, 0.01, p) for p in tested])
    assert [each.corrected for each in found] == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert [each.is_small for each in found] == [True, False, False, False]
    assert not msgspec.structs.replace(found[0], searched=0.06).is_small


# ---- bits, and rules that are one --------------------------------------------------------------------------------


@settings(max_examples=30)
@given(flags=st.lists(st.booleans(), max_size=140), seed=st.integers(0, 1_000))
def test_flags_come_back_from_their_bits_and_bits_combine_as_flags_do(flags, seed):
    a, b = np.array(flags, np.bool_), np.random.default_rng(seed).random(len(flags)) < 0.5
    assert unpacked(packed(a), len(a)).tolist() == flags
    assert unpacked(packed(a) & packed(b), len(a)).tolist() == (a & b).tolist()
    assert counts(packed(a)) == sum(flags)


def test_of_rules_that_share_their_entries_the_first_stays():
    one = made(*((at, at + 1, 1, 1.0, 2.0, 0) for at in range(10)))
    same = replace(one, pnl=one.pnl * 2)
    near = made(*((at, at + 1, 1, 1.0, 2.0, 0) for at in range(1, 11)))
    short = replace(one, sign=-one.sign)
    ranked = [SimpleNamespace(trades=each) for each in (one, same, near, short)]
    assert [each.trades for each in distinct(ranked, most=9, overlap=0.9)] == [one, near, short]
    assert [each.trades for each in distinct(ranked, most=9, overlap=0.8)] == [one, short]
    assert [each.trades for each in distinct(ranked, most=1, overlap=0.9)] == [one]
