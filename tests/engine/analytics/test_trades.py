import math
from decimal import Decimal

import pytest

from engine.analytics.trades import CONVENTIONS, TradeFigures, figures, grouped
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed
from engine.model.time import NS_PER_S


def trade(
    pnl: str, *, fees: str = "1", mae: str = "2", mfe: str = "10", reason: str = "cross", hold_s: int = 60
) -> TradeClosed:
    return TradeClosed(
        hold_s * NS_PER_S, f"t{pnl}", "ema", "SPY", "paper", PositionSide.LONG, Decimal(1), 0, Decimal(100),
        hold_s * NS_PER_S, Decimal(101), Decimal(pnl), Decimal(fees), "a", "b", "cross", reason, mae=Decimal(mae),
        mfe=Decimal(mfe),
    )  # fmt: skip


def test_figures_of_a_handful_worked_out_by_hand():
    found = figures([trade("9"), trade("-5"), trade("0"), trade("3", hold_s=120), trade("-2")])
    assert (found.trades, found.wins, found.losses, found.net_pnl, found.fees) == (5, 2, 2, 5.0, 5.0)
    assert (found.win_rate, found.expectancy, found.median_pnl) == (0.5, 1.0, 0.0)
    assert found.profit_factor == pytest.approx(12 / 7)
    assert found.payoff == pytest.approx(6 / 3.5)
    assert (found.best, found.worst, found.worst_share, found.without_best) == (9.0, -5.0, -5.0, -4.0)
    assert found.mean_hold_s == 72.0
    assert found.captured == pytest.approx(10 / 50)
    assert found.sqn == pytest.approx(1.0 / (sum((x - 1) ** 2 for x in (9, -5, 0, 3, -2)) / 4) ** 0.5 * 5**0.5)


def test_rows_of_winners_and_losers_are_broken_by_a_trade_of_nothing():
    found = figures([trade("1"), trade("1"), trade("0"), trade("1"), trade("-1"), trade("-1"), trade("-1")])
    assert (found.wins_in_a_row, found.losses_in_a_row) == (2, 3)


def test_nothing_traded_is_no_error():
    found = figures([])
    assert found.trades == 0
    assert math.isnan(found.win_rate)


def test_only_winners_have_no_profit_factor():
    found = figures([trade("1"), trade("2")])
    assert math.isnan(found.profit_factor)
    assert found.win_rate == 1.0


def test_groups_add_up():
    trades = [trade("3", reason="stop"), trade("-4", reason="target"), trade("5", reason="stop")]
    found = dict(grouped(trades, lambda each: each.exit_reason))
    assert list(found) == ["stop", "target"]
    assert sum(each.net_pnl for each in found.values()) == figures(trades).net_pnl


def test_every_ratio_has_its_convention():
    counted = {"wins", "losses", "net_pnl", "fees"}
    assert set(TradeFigures.__struct_fields__) - counted == set(CONVENTIONS)
